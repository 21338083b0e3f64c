//! The SGD update of one parameter, in one pass.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::strided::GRAIN;

/// The factors of a step, as PyTorch's `SGD` names them.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
    /// Momentum factor; 0 keeps no buffer.
    pub momentum: f64,
    /// Dampening of the gradient that enters the buffer.
    pub dampening: f64,
    /// L2 penalty: weight_decay · p is added to the gradient.
    pub weight_decay: f64,
    /// Nesterov momentum.
    pub nesterov: bool,
    /// Ascends instead of descending.
    pub maximize: bool,
}

/// p ← p − lr·d, where d is the gradient after weight decay and momentum.
///
/// `buffer` is the momentum buffer; `first` says that it holds nothing yet and takes the gradient undamped.
pub fn step<T: Float>(s: Sgd, p: &mut [T], grad: &[T], buffer: Option<&mut [T]>, first: bool) {
    assert_eq!(p.len(), grad.len());
    let Some(buffer) = buffer else {
        pool::chunks_mut(p, GRAIN, |start, p| {
            dispatch(Plain(s, &grad[start..start + p.len()], p));
        });
        return;
    };
    assert_eq!(p.len(), buffer.len());
    let base = pool::SendPtr(buffer.as_mut_ptr());
    pool::chunks_mut(p, GRAIN, |start, p| {
        // SAFETY: the same split as that of `p`, whose pieces do not overlap; both have the same length.
        let buffer = unsafe { std::slice::from_raw_parts_mut(base.get().add(start), p.len()) };
        dispatch(Momentum(s, &grad[start..start + p.len()], p, buffer, first));
    });
}

#[inline(always)]
fn gradient<T: Float>(s: &Sgd, g: T, p: T) -> T {
    let g = if s.maximize { -g } else { g };
    // Not by adding 0·p, which is NaN for an infinite p.
    if s.weight_decay == 0.0 { g } else { g + T::lit(s.weight_decay) * p }
}

struct Plain<'a, T>(Sgd, &'a [T], &'a mut [T]);
impl<T: Float> Kernel for Plain<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Plain(s, grad, p) = self;
        for (p, &g) in p.iter_mut().zip(grad) {
            *p = *p - T::lit(s.lr) * gradient(&s, g, *p);
        }
    }
}

struct Momentum<'a, T>(Sgd, &'a [T], &'a mut [T], &'a mut [T], bool);
impl<T: Float> Kernel for Momentum<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Momentum(s, grad, p, buffer, first) = self;
        let (momentum, damp) = (T::lit(s.momentum), T::lit(1.0 - s.dampening));
        for ((p, b), &g) in p.iter_mut().zip(buffer).zip(grad) {
            let g = gradient(&s, g, *p);
            *b = if first { g } else { momentum * *b + damp * g };
            let d = if s.nesterov { g + momentum * *b } else { *b };
            *p = *p - T::lit(s.lr) * d;
        }
    }
}
