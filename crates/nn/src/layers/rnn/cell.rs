//! Single cells, for loops over time written by hand.

use flambeau_tensor::{Error, Tensor, raise};

use super::step::{Gru, Lstm, RNNKind, RNNNonlinearity, RNNState, Rnn, Weights};
use crate::{Forward, Module, Parameter, Visitor, init};

/// One step of an [`RNN`](crate::RNN): `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`.
///
/// Shapes: `x` is `[N, input_size]` or `[input_size]`, `h` and `h'` are `[N, hidden_size]` or `[hidden_size]`.
/// [`call`](Forward::call) takes `x` alone, for an `h` of 0, or the tuple `(x, h)`.
///
/// ```
/// use flambeau_nn::{Forward, RNNCell};
/// use flambeau_tensor::Tensor;
///
/// let cell = RNNCell::new(10, 20);
/// let mut h = Tensor::zeros([3, 20]);
/// for x in Tensor::randn([6, 3, 10]).unbind(0) {
///     h = cell.call(&(x, h));
/// }
/// assert_eq!(h.shape(), [3, 20]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html>
pub type RNNCell = RNNCellBase<Rnn>;

/// One step of an [`LSTM`](crate::LSTM).
///
/// Shapes: as [`RNNCell`], with `(h, c)` for `h`: [`call`](Forward::call) takes `x` or `(x, (h, c))` and returns
/// `(h', c')`.
///
/// ```
/// use flambeau_nn::{Forward, LSTMCell};
/// use flambeau_tensor::Tensor;
///
/// let cell = LSTMCell::new(10, 20);
/// let state = cell.call(&Tensor::randn([3, 10]));
/// let (h, c) = cell.call(&(Tensor::randn([3, 10]), state));
/// assert_eq!((h.shape(), c.shape()), (&[3, 20][..], &[3, 20][..]));
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html>
pub type LSTMCell = RNNCellBase<Lstm>;

/// One step of a [`GRU`](crate::GRU).
///
/// Shapes: as [`RNNCell`].
///
/// ```
/// use flambeau_nn::{Forward, GRUCell};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(GRUCell::new(10, 20).call(&Tensor::randn([10])).shape(), [20]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html>
pub type GRUCell = RNNCellBase<Gru>;

/// A recurrent cell: [`RNNCell`], [`LSTMCell`] or [`GRUCell`].
pub struct RNNCellBase<K: RNNKind> {
    /// `[G · hidden_size, input_size]`; `G` is 1 for RNN, 3 for GRU and 4 for LSTM.
    pub weight_ih: Parameter,
    /// `[G · hidden_size, hidden_size]`
    pub weight_hh: Parameter,
    /// `[G · hidden_size]`
    pub bias_ih: Option<Parameter>,
    /// `[G · hidden_size]`
    pub bias_hh: Option<Parameter>,
    kind: K,
}

impl<K: RNNKind> RNNCellBase<K> {
    /// With bias; all parameters are drawn from `U(-1/√hidden_size, 1/√hidden_size)`.
    pub fn new(input_size: usize, hidden_size: usize) -> Self {
        let parameter = |size| Parameter::new(Tensor::zeros([K::GATES * hidden_size, size]));
        let cell = RNNCellBase {
            weight_ih: parameter(input_size),
            weight_hh: parameter(hidden_size),
            bias_ih: None,
            bias_hh: None,
            kind: K::default(),
        };
        cell.bias(true)
    }

    /// Whether there are biases; with them by default.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        let parameter = || Parameter::new(Tensor::zeros([self.weight_hh.size(0)]));
        (self.bias_ih, self.bias_hh) = (bias.then(parameter), bias.then(parameter));
        self.reset_parameters();
        self
    }

    /// Draws all parameters anew.
    pub fn reset_parameters(&self) {
        let bound = 1.0 / (self.hidden_size().max(1) as f64).sqrt();
        self.named().for_each(|(_, parameter)| {
            init::uniform_(parameter, -bound, bound);
        });
    }

    /// The size of the state.
    pub fn hidden_size(&self) -> usize {
        self.weight_hh.size(1)
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Parameter)> {
        let all = [
            ("weight_ih", Some(&self.weight_ih)),
            ("weight_hh", Some(&self.weight_hh)),
            ("bias_ih", self.bias_ih.as_ref()),
            ("bias_hh", self.bias_hh.as_ref()),
        ];
        all.into_iter().filter_map(|(name, parameter)| Some((name, parameter?)))
    }

    #[track_caller]
    fn run(&self, x: &Tensor, state: Option<&K::State>) -> K::State {
        let input_size = self.weight_ih.size(1);
        if !(1..=2).contains(&x.ndim()) || x.size(-1) != input_size {
            let why = format!("input {:?}; it is [N, {input_size}] or [{input_size}]", x.shape());
            raise(Error::op(K::CELL, why));
        }
        let (outer, sizes) = (&x.shape()[..x.ndim() - 1], [self.hidden_size(); 2]);
        let state = state.cloned().unwrap_or_else(|| K::State::zeros(outer, sizes, x.dtype()));
        state.check(K::CELL, outer, sizes);
        let weights = Weights {
            weight_ih: &self.weight_ih,
            weight_hh: &self.weight_hh,
            bias_ih: self.bias_ih.as_deref(),
            bias_hh: self.bias_hh.as_deref(),
            weight_hr: None,
        };
        self.kind.step(&self.kind.project(x, &weights), &state, &weights)
    }
}

impl RNNCell {
    /// What the sum goes through; tanh by default.
    #[must_use]
    pub fn nonlinearity(mut self, nonlinearity: RNNNonlinearity) -> Self {
        self.kind = Rnn(nonlinearity);
        self
    }
}

impl<K: RNNKind> Module for RNNCellBase<K> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.named().for_each(|(name, parameter)| visitor.parameter(name, parameter));
    }

    fn extra_repr(&self) -> String {
        let bias = if self.bias_ih.is_some() { "" } else { ", bias=False" };
        format!("{}, {}{bias}{}", self.weight_ih.size(1), self.hidden_size(), self.kind.repr())
    }

    fn type_name(&self) -> &'static str {
        K::CELL
    }
}

impl<K: RNNKind> Forward<Tensor, K::State> for RNNCellBase<K> {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> K::State {
        self.run(input, None)
    }
}

impl<K: RNNKind> Forward<(Tensor, K::State), K::State> for RNNCellBase<K> {
    #[track_caller]
    fn forward(&self, (input, state): &(Tensor, K::State)) -> K::State {
        self.run(input, Some(state))
    }
}
