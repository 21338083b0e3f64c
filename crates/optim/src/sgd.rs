//! Stochastic gradient descent.

use crate::Optimizer;
use flambeau_kernels::{dispatch_float, sgd};
use flambeau_tensor::Tensor;

/// Stochastic gradient descent with momentum, Nesterov momentum and an L2 penalty.
///
/// With the gradient g of a parameter p, at each step
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. with momentum μ: b ← g at the first step, then b ← μ·b + (1 − dampening)·g; g ← g + μ·b if `nesterov`, else b
/// 3. p ← p − lr · g
///
/// The steady step under momentum is lr / (1 − μ) · g: at μ = 0.9 ten times as long. `weight_decay` is the
/// gradient of weight_decay/2 · Σp², and applies to every parameter given, biases too.
/// [`torch.optim.SGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html);
/// Sutskever et al., 2013.
///
/// ```
/// use flambeau_optim::{Optimizer, SGD};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, 2.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 0.1).momentum(0.9);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.8, 1.6]);
/// ```
#[derive(Debug)]
#[allow(clippy::upper_case_acronyms)]
pub struct SGD {
    params: Vec<Tensor>,
    factors: sgd::Sgd,
    /// The momentum buffer of each parameter, from its first gradient on.
    buffers: Vec<Option<Tensor>>,
    /// The learning rate before the first scheduler.
    initial_lr: Option<f64>,
}

impl SGD {
    /// Plain gradient descent on these parameters (`model.parameters()`, or any leaves).
    ///
    /// # Panics
    /// If the learning rate is negative or not finite, or a parameter is not a leaf of floating-point type.
    #[track_caller]
    pub fn new<T: std::borrow::Borrow<Tensor>>(params: impl IntoIterator<Item = T>, lr: f64) -> SGD {
        let params: Vec<Tensor> = params.into_iter().map(|p| p.borrow().clone()).collect();
        if let Some(p) = params.iter().find(|p| !p.is_leaf() || !p.dtype().is_float()) {
            panic!(
                "SGD: a parameter of shape {:?} and {} is computed from others or no float; give leaves",
                p.shape(),
                p.dtype()
            );
        }
        let factors = sgd::Sgd {
            lr,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            maximize: false,
        };
        SGD { buffers: vec![None; params.len()], params, factors, initial_lr: None }.checked()
    }

    /// The momentum factor μ. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum(mut self, momentum: f64) -> SGD {
        self.factors.momentum = momentum;
        self.checked()
    }

    /// Dampening of the gradient that enters the momentum buffer. Default: 0.
    #[track_caller]
    pub fn dampening(mut self, dampening: f64) -> SGD {
        self.factors.dampening = dampening;
        self.checked()
    }

    /// The L2 penalty: weight_decay · p is added to the gradient. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(mut self, weight_decay: f64) -> SGD {
        self.factors.weight_decay = weight_decay;
        self.checked()
    }

    /// Nesterov momentum; set the momentum first. Default: off.
    ///
    /// # Panics
    /// If there is no momentum, or dampening.
    #[track_caller]
    pub fn nesterov(mut self, nesterov: bool) -> SGD {
        self.factors.nesterov = nesterov;
        self.checked()
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(mut self, maximize: bool) -> SGD {
        self.factors.maximize = maximize;
        self
    }

    #[track_caller]
    fn checked(self) -> SGD {
        let f = &self.factors;
        let bad = |v: f64| !(v.is_finite() && v >= 0.0);
        assert!(!bad(f.lr), "SGD: the learning rate is {}; it must be a finite number of at least 0", f.lr);
        assert!(
            !bad(f.momentum),
            "SGD: the momentum is {}; it must be a finite number of at least 0",
            f.momentum
        );
        assert!(
            !bad(f.weight_decay),
            "SGD: weight_decay is {}; it must be a finite number of at least 0",
            f.weight_decay
        );
        assert!(f.dampening.is_finite(), "SGD: dampening is {}; it must be a finite number", f.dampening);
        assert!(
            !f.nesterov || (f.momentum > 0.0 && f.dampening == 0.0),
            "SGD: Nesterov momentum needs a momentum and no dampening; they are {} and {}",
            f.momentum,
            f.dampening
        );
        self
    }
}

impl Optimizer for SGD {
    /// # Panics
    /// If a parameter's memory is in use, or its gradient has another dtype.
    fn step(&mut self) {
        for (p, buffer) in self.params.iter().zip(&mut self.buffers) {
            let Some(grad) = p.grad().map(|g| g.detach().contiguous()) else { continue };
            let first = buffer.is_none();
            if self.factors.momentum != 0.0 && first {
                *buffer = Some(p.detach().zeros_like());
            }
            dispatch_float!(p.dtype(), T => {
                let grad = grad.view::<T>();
                p.modify(|p: &mut [T]| match &buffer {
                    Some(b) => b.modify(|b| sgd::step(self.factors, p, grad.slice(), Some(b), first)),
                    None => sgd::step(self.factors, p, grad.slice(), None, first),
                });
            });
        }
    }

    fn zero_grad(&self) {
        self.params.iter().for_each(Tensor::zero_grad);
    }

    fn lr(&self) -> f64 {
        self.factors.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.factors.lr = lr;
    }

    fn lrs(&self) -> Vec<f64> {
        vec![self.factors.lr]
    }

    fn set_lrs(&mut self, lrs: &[f64]) {
        self.factors.lr = one(lrs);
    }

    fn initial_lrs(&self) -> Option<Vec<f64>> {
        self.initial_lr.map(|lr| vec![lr])
    }

    fn set_initial_lrs(&mut self, lrs: &[f64]) {
        self.initial_lr = Some(one(lrs));
    }

    fn momentums(&self) -> Option<Vec<f64>> {
        Some(vec![self.factors.momentum])
    }

    fn set_momentums(&mut self, momentums: &[f64]) {
        self.factors.momentum = one(momentums);
    }
}

/// The number for the only parameter group.
#[track_caller]
fn one(values: &[f64]) -> f64 {
    assert!(values.len() == 1, "SGD: {} numbers for one parameter group", values.len());
    values[0]
}
