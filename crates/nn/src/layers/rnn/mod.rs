//! Recurrent layers: the three kinds of cell in [`cell`], one step in [`step`], whole sequences here.

mod cell;
mod step;

use flambeau_tensor::{Error, Tensor, raise};

use crate::{Forward, Module, Parameter, Training, Visitor, init};
pub use cell::{GRUCell, LSTMCell, RNNCell, RNNCellBase};
pub use step::{Gru, Lstm, RNNKind, RNNNonlinearity, RNNState, Rnn};

/// The Elman network: `hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh)`, layer upon layer.
///
/// Shapes: the input is `[L, N, input_size]`, or `[N, L, input_size]` with `batch_first`, or `[L, input_size]` for one
/// sequence. [`call`](Forward::call) takes it alone, or with the first state `h₀` in a tuple, and returns
/// `(output, h_n)`: the last layer's `hₜ` for all `t`, `[L, N, D · hidden_size]`, and each layer's last state,
/// `[D · num_layers, N, hidden_size]`, where `D` is 2 for a bidirectional network and else 1. `h₀` has the shape of
/// `h_n`; without it, it is 0.
///
/// Parameters have PyTorch's names, such as `weight_ih_l0` and `bias_hh_l1_reverse`, and are drawn from
/// `U(-1/√hidden_size, 1/√hidden_size)`.
///
/// ```
/// use flambeau_nn::{Forward, RNN};
/// use flambeau_tensor::Tensor;
///
/// let rnn = RNN::new(10, 20).num_layers(2);
/// let (output, h_n) = rnn.call(&Tensor::randn([5, 3, 10]));
/// assert_eq!((output.shape(), h_n.shape()), (&[5, 3, 20][..], &[2, 3, 20][..]));
/// let (_, h_n) = rnn.call(&(Tensor::randn([1, 3, 10]), h_n));
/// assert_eq!(h_n.shape(), [2, 3, 20]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the shapes do not fit or the sequence has no elements.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html>; Elman 1990,
/// <https://doi.org/10.1207/s15516709cog1402_1>
pub type RNN = RNNBase<Rnn>;

/// Long short-term memory, layer upon layer:
///
/// ```text
/// (i, f, g, o) = W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh
/// cₜ = σ(f) ⊙ cₜ₋₁ + σ(i) ⊙ tanh(g)
/// hₜ = σ(o) ⊙ tanh(cₜ)
/// ```
///
/// Shapes: as [`RNN`], with the pair `(h, c)` for a state. With a `proj_size`, `hₜ` is multiplied by `W_hr` and has that
/// size, while `c` keeps `hidden_size`.
///
/// ```
/// use flambeau_nn::{Forward, LSTM};
/// use flambeau_tensor::Tensor;
///
/// let lstm = LSTM::new(10, 20).bidirectional(true).batch_first(true);
/// let (output, (h_n, c_n)) = lstm.call(&Tensor::randn([3, 5, 10]));
/// assert_eq!(output.shape(), [3, 5, 40]);
/// assert_eq!((h_n.shape(), c_n.shape()), (&[2, 3, 20][..], &[2, 3, 20][..]));
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the shapes do not fit or the sequence has no elements.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html>; Hochreiter & Schmidhuber 1997,
/// <https://doi.org/10.1162/neco.1997.9.8.1735>; with projection: Sak et al. 2014, <https://arxiv.org/abs/1402.1128>
pub type LSTM = RNNBase<Lstm>;

/// Gated recurrent units, layer upon layer:
///
/// ```text
/// r = σ(W_ir xₜ + b_ir + W_hr hₜ₋₁ + b_hr)
/// z = σ(W_iz xₜ + b_iz + W_hz hₜ₋₁ + b_hz)
/// n = tanh(W_in xₜ + b_in + r ⊙ (W_hn hₜ₋₁ + b_hn))
/// hₜ = (1 - z) ⊙ n + z ⊙ hₜ₋₁
/// ```
///
/// Shapes: as [`RNN`].
///
/// ```
/// use flambeau_nn::{Forward, GRU};
/// use flambeau_tensor::Tensor;
///
/// let (output, h_n) = GRU::new(10, 20).call(&Tensor::randn([5, 10]));
/// assert_eq!((output.shape(), h_n.shape()), (&[5, 20][..], &[1, 20][..]));
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the shapes do not fit or the sequence has no elements.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html>; Cho et al. 2014,
/// <https://arxiv.org/abs/1406.1078>
pub type GRU = RNNBase<Gru>;

/// A recurrent network of one kind of cell: [`RNN`], [`LSTM`] or [`GRU`].
pub struct RNNBase<K: RNNKind> {
    /// The parameters of each layer, for each direction.
    pub all_weights: Vec<RNNWeights>,
    kind: K,
    input_size: usize,
    hidden_size: usize,
    proj_size: usize,
    num_layers: usize,
    bias: bool,
    batch_first: bool,
    dropout: f64,
    bidirectional: bool,
    training: Training,
}

/// The parameters of one layer in one direction; `G` is 1 for RNN, 3 for GRU and 4 for LSTM.
pub struct RNNWeights {
    /// `[G · hidden_size, input]`, where the input is the layer's.
    pub weight_ih: Parameter,
    /// `[G · hidden_size, hidden_size]`, or `proj_size` for the latter.
    pub weight_hh: Parameter,
    /// `[G · hidden_size]`
    pub bias_ih: Option<Parameter>,
    /// `[G · hidden_size]`
    pub bias_hh: Option<Parameter>,
    /// `[proj_size, hidden_size]` of an LSTM with projection.
    pub weight_hr: Option<Parameter>,
}

impl RNNWeights {
    fn named(&self) -> impl Iterator<Item = (&'static str, &Parameter)> {
        let all = [
            ("weight_ih", Some(&self.weight_ih)),
            ("weight_hh", Some(&self.weight_hh)),
            ("bias_ih", self.bias_ih.as_ref()),
            ("bias_hh", self.bias_hh.as_ref()),
            ("weight_hr", self.weight_hr.as_ref()),
        ];
        all.into_iter().filter_map(|(name, parameter)| Some((name, parameter?)))
    }
}

impl<K: RNNKind> RNNBase<K> {
    /// One layer with bias, from inputs of `input_size` to states of `hidden_size`.
    pub fn new(input_size: usize, hidden_size: usize) -> Self {
        let network = RNNBase {
            all_weights: Vec::new(),
            kind: K::default(),
            input_size,
            hidden_size,
            proj_size: 0,
            num_layers: 1,
            bias: true,
            batch_first: false,
            dropout: 0.0,
            bidirectional: false,
            training: Training::new(),
        };
        network.build()
    }

    /// How many layers there are, each on the outputs of the one before; 1 by default.
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub fn num_layers(mut self, num_layers: usize) -> Self {
        assert!(num_layers > 0, "{}: num_layers is 0; it must be at least 1", K::NAME);
        self.num_layers = num_layers;
        self.build()
    }

    /// Whether there are biases; with them by default.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self.build()
    }

    /// Whether the input's first dimension is the batch, and time the second; the other way round by default.
    #[must_use]
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Drops outputs of each layer but the last with this probability while training; 0 by default.
    ///
    /// # Panics
    /// If it is not within 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn dropout(mut self, dropout: f64) -> Self {
        assert!((0.0..=1.0).contains(&dropout), "{}: dropout is {dropout}, not within 0 to 1", K::NAME);
        self.dropout = dropout;
        self
    }

    /// Whether each layer also runs from the end to the beginning, and joins both outputs; false by default.
    #[must_use]
    pub fn bidirectional(mut self, bidirectional: bool) -> Self {
        self.bidirectional = bidirectional;
        self.build()
    }

    /// Draws all parameters anew.
    pub fn reset_parameters(&self) {
        let bound = 1.0 / (self.hidden_size.max(1) as f64).sqrt();
        for (_, parameter) in self.all_weights.iter().flat_map(RNNWeights::named) {
            init::uniform_(parameter, -bound, bound);
        }
    }

    /// Makes the parameters that the settings ask for.
    fn build(mut self) -> Self {
        let (directions, output) = (self.directions(), self.output_size());
        let gates = K::GATES * self.hidden_size;
        let parameter = |shape: &[usize]| Parameter::new(Tensor::zeros(shape));
        let weights = |i: usize| RNNWeights {
            weight_ih: parameter(&[
                gates,
                if i < directions { self.input_size } else { directions * output },
            ]),
            weight_hh: parameter(&[gates, output]),
            bias_ih: self.bias.then(|| parameter(&[gates])),
            bias_hh: self.bias.then(|| parameter(&[gates])),
            weight_hr: (self.proj_size > 0).then(|| parameter(&[self.proj_size, self.hidden_size])),
        };
        self.all_weights = (0..self.num_layers * directions).map(weights).collect();
        self.reset_parameters();
        self
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    fn output_size(&self) -> usize {
        if self.proj_size > 0 { self.proj_size } else { self.hidden_size }
    }

    #[track_caller]
    fn run(&self, input: &Tensor, state: Option<&K::State>) -> (Tensor, K::State) {
        let batched = input.ndim() == 3;
        // To [L, N, …]; one sequence is a batch of one.
        let x = match input.ndim() {
            2 => input.unsqueeze(1),
            3 if self.batch_first => input.transpose(0, 1),
            _ => input.clone(),
        };
        if x.ndim() != 3 || x.size(2) != self.input_size || x.size(0) == 0 {
            let (shape, size) = (input.shape(), self.input_size);
            let expected = match self.batch_first {
                true => format!("[N, L, {size}]"),
                false => format!("[L, N, {size}]"),
            };
            let why = format!(
                "input {shape:?}; it is {expected}, or [L, {size}] for one sequence, with L at least 1"
            );
            raise(Error::op(K::NAME, why));
        }
        let rows = self.num_layers * self.directions();
        let state = match state {
            Some(state) => state.map(&mut |h| if batched { h.clone() } else { h.unsqueeze(1) }),
            None => K::State::zeros(&[rows, x.size(1)], [self.output_size(), self.hidden_size], x.dtype()),
        };
        state.check(K::NAME, &[rows, x.size(1)], [self.output_size(), self.hidden_size]);
        let (output, state) = self.layers(x, &state);
        let output = match (batched, self.batch_first) {
            (false, _) => output.squeeze(1),
            (true, true) => output.transpose(0, 1),
            (true, false) => output,
        };
        (output, state.map(&mut |h| if batched { h.clone() } else { h.squeeze(1) }))
    }

    /// All layers on [L, N, …].
    fn layers(&self, mut x: Tensor, first: &K::State) -> (Tensor, K::State) {
        let mut last = Vec::new();
        for (layer, directions) in self.all_weights.chunks(self.directions()).enumerate() {
            if layer > 0 && self.dropout > 0.0 {
                x = x.dropout(self.dropout, self.training.get());
            }
            let mut outputs = Vec::new();
            for (direction, weights) in directions.iter().enumerate() {
                let start = first.map(&mut |h| h.select(0, last.len() as isize));
                let (output, end) = self.sequence(&x, start, weights, direction == 1);
                outputs.push(output);
                last.push(end);
            }
            x = if outputs.len() == 1 { outputs.remove(0) } else { Tensor::cat(&outputs, -1) };
        }
        (x, K::State::stack(&last))
    }

    /// One layer in one direction.
    fn sequence(
        &self,
        x: &Tensor,
        mut state: K::State,
        weights: &RNNWeights,
        reverse: bool,
    ) -> (Tensor, K::State) {
        let weights = step::Weights {
            weight_ih: &weights.weight_ih,
            weight_hh: &weights.weight_hh,
            bias_ih: weights.bias_ih.as_deref(),
            bias_hh: weights.bias_hh.as_deref(),
            weight_hr: weights.weight_hr.as_deref(),
        };
        // The inputs' part of all steps is one matrix product.
        let mut steps = self.kind.project(x, &weights).unbind_copy(0);
        if reverse {
            steps.reverse();
        }
        let mut outputs = Vec::with_capacity(steps.len());
        for step in steps {
            state = self.kind.step(&step, &state, &weights);
            outputs.push(state.hidden().clone());
        }
        if reverse {
            outputs.reverse();
        }
        (Tensor::stack(&outputs, 0), state)
    }
}

impl RNN {
    /// What the sums go through; tanh by default.
    #[must_use]
    pub fn nonlinearity(mut self, nonlinearity: RNNNonlinearity) -> Self {
        self.kind = Rnn(nonlinearity);
        self
    }
}

impl LSTM {
    /// The size that a learnt projection gives to `hₜ`; 0, the default, is for none.
    ///
    /// # Panics
    /// If it is not smaller than `hidden_size`.
    #[must_use]
    #[track_caller]
    pub fn proj_size(mut self, proj_size: usize) -> Self {
        let hidden_size = self.hidden_size;
        assert!(
            proj_size < hidden_size,
            "LSTM: proj_size is {proj_size}; it must be less than hidden_size, {hidden_size}"
        );
        self.proj_size = proj_size;
        self.build()
    }
}

impl<K: RNNKind> Module for RNNBase<K> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (i, weights) in self.all_weights.iter().enumerate() {
            let (layer, reverse) = (i / self.directions(), i % self.directions() == 1);
            for (name, parameter) in weights.named() {
                let suffix = if reverse { "_reverse" } else { "" };
                visitor.parameter(&format!("{name}_l{layer}{suffix}"), parameter);
            }
        }
        visitor.training(&self.training);
    }

    fn extra_repr(&self) -> String {
        let mut text = format!("{}, {}", self.input_size, self.hidden_size);
        let mut add = |given: bool, setting: String| {
            if given {
                text += ", ";
                text += &setting;
            }
        };
        add(self.proj_size > 0, format!("proj_size={}", self.proj_size));
        add(self.num_layers > 1, format!("num_layers={}", self.num_layers));
        add(!self.bias, "bias=False".into());
        add(self.batch_first, "batch_first=True".into());
        add(self.dropout > 0.0, format!("dropout={:?}", self.dropout));
        add(self.bidirectional, "bidirectional=True".into());
        text
    }

    fn type_name(&self) -> &'static str {
        K::NAME
    }
}

impl<K: RNNKind> Forward<Tensor, (Tensor, K::State)> for RNNBase<K> {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> (Tensor, K::State) {
        self.run(input, None)
    }
}

impl<K: RNNKind> Forward<(Tensor, K::State), (Tensor, K::State)> for RNNBase<K> {
    #[track_caller]
    fn forward(&self, (input, state): &(Tensor, K::State)) -> (Tensor, K::State) {
        self.run(input, Some(state))
    }
}
