//! What a module is made of: parameters, buffers and its mode.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use flambeau_tensor::Tensor;

/// A tensor that a module learns: it requires a gradient and is listed by
/// [`parameters`](crate::Module::parameters). It derefs to its [`Tensor`].
///
/// A clone shares the tensor, which ties two parameters: see [`Module::parameters`](crate::Module::parameters).
///
/// ```
/// use flambeau_nn::Parameter;
/// use flambeau_tensor::Tensor;
///
/// let weight = Parameter::new(Tensor::ones([2, 3]));
/// assert!(weight.requires_grad());
/// assert_eq!(weight.shape(), [2, 3]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html>
#[derive(Clone)]
pub struct Parameter(Tensor);

impl Parameter {
    /// Makes a parameter of a tensor's values, cut off from the graph that computed them. The values are shared.
    ///
    /// # Panics
    /// If the tensor does not hold floating-point numbers: only those have gradients.
    #[track_caller]
    pub fn new(tensor: Tensor) -> Self {
        Parameter(tensor.detach().requires_grad_())
    }
}

impl Deref for Parameter {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.0
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter containing:\n{:?}", self.0)
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter containing:\n{}", self.0)
    }
}

/// A tensor that belongs to a module but is not learnt, such as the running mean of a batch normalisation. It
/// derefs to its [`Tensor`].
///
/// ```
/// use flambeau_nn::{Buffer, Module};
/// use flambeau_tensor::Tensor;
///
/// #[derive(Module)]
/// # #[module(crate = flambeau_nn)]
/// struct Normalise {
///     mean: Buffer,
///     mask: Buffer,
/// }
///
/// let normalise =
///     Normalise { mean: Buffer::new(Tensor::zeros([3])), mask: Buffer::non_persistent(Tensor::ones([3])) };
/// assert_eq!(normalise.buffers().len(), 2);
/// assert_eq!(normalise.state_dict().keys().collect::<Vec<_>>(), ["mean"]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Buffer.html>
#[derive(Clone)]
pub struct Buffer {
    tensor: Tensor,
    persistent: bool,
}

impl Buffer {
    /// A buffer that is part of the `state_dict`. The values are shared with `tensor`, its graph is not.
    pub fn new(tensor: Tensor) -> Self {
        Buffer { tensor: tensor.detach(), persistent: true }
    }

    /// A buffer that is not part of the `state_dict`, because the module can compute it anew.
    pub fn non_persistent(tensor: Tensor) -> Self {
        Buffer { tensor: tensor.detach(), persistent: false }
    }

    /// Whether this is part of the `state_dict`.
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }
}

impl Deref for Buffer {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.tensor
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.tensor, f)
    }
}

impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.tensor, f)
    }
}

/// Whether a module is in training or in evaluation mode; training by default. A module that computes
/// differently in the two modes has a field of this type, and [`train`](crate::Module::train) and
/// [`eval`](crate::Module::eval) of any module around it set it.
///
/// ```
/// use flambeau_nn::{Forward, Module, Training};
/// use flambeau_tensor::Tensor;
///
/// #[derive(Module)]
/// # #[module(crate = flambeau_nn)]
/// struct Noise {
///     training: Training,
/// }
///
/// impl Forward for Noise {
///     fn forward(&self, x: &Tensor) -> Tensor {
///         if self.training.get() { x.dropout(0.1, true) } else { x.clone() }
///     }
/// }
///
/// let noise = Noise { training: Training::default() };
/// assert!(noise.is_training());
/// noise.eval();
/// assert!(!noise.is_training());
/// ```
pub struct Training(AtomicBool);

impl Training {
    /// In training mode.
    pub const fn new() -> Self {
        Training(AtomicBool::new(true))
    }

    /// Whether the mode is training.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the mode: true for training.
    pub fn set(&self, training: bool) {
        self.0.store(training, Ordering::Relaxed);
    }
}

impl Default for Training {
    fn default() -> Self {
        Training::new()
    }
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.get() { "training" } else { "evaluation" })
    }
}
