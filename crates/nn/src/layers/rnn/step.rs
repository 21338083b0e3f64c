//! One step of each kind of cell.

use flambeau_tensor::{DType, Error, Tensor, raise};

/// The parameters of a step.
pub struct Weights<'a> {
    pub(super) weight_ih: &'a Tensor,
    pub(super) weight_hh: &'a Tensor,
    pub(super) bias_ih: Option<&'a Tensor>,
    pub(super) bias_hh: Option<&'a Tensor>,
    pub(super) weight_hr: Option<&'a Tensor>,
}

mod sealed {
    pub trait Sealed {}
}

/// What a cell remembers: `h`, or `(h, c)` for an LSTM.
pub trait RNNState: sealed::Sealed + Clone + 'static {
    #[doc(hidden)]
    fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self;
    #[doc(hidden)]
    fn stack(states: &[Self]) -> Self;
    #[doc(hidden)]
    fn hidden(&self) -> &Tensor;
    /// Zeros of shape `outer` with the sizes of h and c.
    #[doc(hidden)]
    fn zeros(outer: &[usize], sizes: [usize; 2], dtype: DType) -> Self;
    /// Raises an error unless the shapes are those of [`zeros`](RNNState::zeros).
    #[doc(hidden)]
    #[track_caller]
    fn check(&self, name: &'static str, outer: &[usize], sizes: [usize; 2]);
}

fn zeros(outer: &[usize], size: usize, dtype: DType) -> Tensor {
    Tensor::zeros(&[outer, &[size]].concat()[..]).to_dtype(dtype)
}

#[track_caller]
fn check(h: &Tensor, name: &'static str, outer: &[usize], size: usize) {
    let expected = [outer, &[size]].concat();
    if h.shape() != expected {
        raise(Error::op(name, format!("a state of shape {:?} where {expected:?} is expected", h.shape())));
    }
}

impl sealed::Sealed for Tensor {}
impl RNNState for Tensor {
    fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        f(self)
    }
    fn stack(states: &[Self]) -> Self {
        Tensor::stack(states, 0)
    }
    fn hidden(&self) -> &Tensor {
        self
    }
    fn zeros(outer: &[usize], [h, _]: [usize; 2], dtype: DType) -> Self {
        zeros(outer, h, dtype)
    }
    fn check(&self, name: &'static str, outer: &[usize], [h, _]: [usize; 2]) {
        check(self, name, outer, h);
    }
}

impl sealed::Sealed for (Tensor, Tensor) {}
impl RNNState for (Tensor, Tensor) {
    fn map(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        (f(&self.0), f(&self.1))
    }
    fn stack(states: &[Self]) -> Self {
        let (h, c): (Vec<_>, Vec<_>) = states.iter().cloned().unzip();
        (Tensor::stack(&h, 0), Tensor::stack(&c, 0))
    }
    fn hidden(&self) -> &Tensor {
        &self.0
    }
    fn zeros(outer: &[usize], [h, c]: [usize; 2], dtype: DType) -> Self {
        (zeros(outer, h, dtype), zeros(outer, c, dtype))
    }
    fn check(&self, name: &'static str, outer: &[usize], [h, c]: [usize; 2]) {
        check(&self.0, name, outer, h);
        check(&self.1, name, outer, c);
    }
}

/// A kind of recurrent cell: [`Rnn`], [`Lstm`] or [`Gru`].
pub trait RNNKind: sealed::Sealed + Default + Send + Sync + 'static {
    /// PyTorch's name of the network.
    const NAME: &'static str;
    /// PyTorch's name of the cell.
    const CELL: &'static str;
    /// How many sums of `hidden_size` a step computes.
    const GATES: usize;
    /// What it remembers.
    type State: RNNState;

    /// The inputs' part of the sums, for all steps at once; with the states' bias where that is added to the same.
    #[doc(hidden)]
    fn project(&self, x: &Tensor, w: &Weights<'_>) -> Tensor {
        let bias = w.bias_ih.zip(w.bias_hh).map(|(ih, hh)| ih + hh);
        x.linear(w.weight_ih, bias.as_ref())
    }

    /// The next state from the inputs' part and the state before.
    #[doc(hidden)]
    fn step(&self, x: &Tensor, state: &Self::State, w: &Weights<'_>) -> Self::State;

    /// What a cell prints beside its sizes.
    #[doc(hidden)]
    fn repr(&self) -> &'static str {
        ""
    }
}

/// The parts of sums [N, G · H].
fn gates<const G: usize>(sums: &Tensor) -> [Tensor; G] {
    let parts = sums.unflatten(-1, [G as isize, -1]).unbind_copy(-2);
    parts.try_into().unwrap_or_else(|_| unreachable!("{G} parts"))
}

/// What the sums of an [`RNN`](super::RNN) go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RNNNonlinearity {
    /// tanh, PyTorch's default.
    #[default]
    Tanh,
    /// max(0, x)
    ReLU,
}

/// The cell of an [`RNN`](super::RNN).
#[derive(Default)]
pub struct Rnn(pub(super) RNNNonlinearity);

impl sealed::Sealed for Rnn {}
impl RNNKind for Rnn {
    const NAME: &'static str = "RNN";
    const CELL: &'static str = "RNNCell";
    const GATES: usize = 1;
    type State = Tensor;

    fn step(&self, x: &Tensor, h: &Tensor, w: &Weights<'_>) -> Tensor {
        let sum = x + h.linear(w.weight_hh, None);
        match self.0 {
            RNNNonlinearity::Tanh => sum.tanh(),
            RNNNonlinearity::ReLU => sum.relu(),
        }
    }

    fn repr(&self) -> &'static str {
        match self.0 {
            RNNNonlinearity::Tanh => "",
            RNNNonlinearity::ReLU => ", nonlinearity=relu",
        }
    }
}

/// The cell of an [`LSTM`](super::LSTM).
#[derive(Default)]
pub struct Lstm;

impl sealed::Sealed for Lstm {}
impl RNNKind for Lstm {
    const NAME: &'static str = "LSTM";
    const CELL: &'static str = "LSTMCell";
    const GATES: usize = 4;
    type State = (Tensor, Tensor);

    fn step(&self, x: &Tensor, (h, c): &Self::State, w: &Weights<'_>) -> Self::State {
        let [i, f, g, o] = gates(&(x + h.linear(w.weight_hh, None)));
        let c = f.sigmoid() * c + i.sigmoid() * g.tanh();
        let h = o.sigmoid() * c.tanh();
        let h = w.weight_hr.map_or(h.clone(), |weight| h.linear(weight, None));
        (h, c)
    }
}

/// The cell of a [`GRU`](super::GRU).
#[derive(Default)]
pub struct Gru;

impl sealed::Sealed for Gru {}
impl RNNKind for Gru {
    const NAME: &'static str = "GRU";
    const CELL: &'static str = "GRUCell";
    const GATES: usize = 3;
    type State = Tensor;

    fn project(&self, x: &Tensor, w: &Weights<'_>) -> Tensor {
        x.linear(w.weight_ih, w.bias_ih)
    }

    fn step(&self, x: &Tensor, h: &Tensor, w: &Weights<'_>) -> Tensor {
        let [xr, xz, xn] = gates(x);
        let [hr, hz, hn] = gates(&h.linear(w.weight_hh, w.bias_hh));
        let (r, z) = ((xr + hr).sigmoid(), (xz + hz).sigmoid());
        let n = (xn + r * hn).tanh();
        z * (h - &n) + n
    }
}
