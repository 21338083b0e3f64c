//! One step over many tensors: their memory is borrowed at once and goes to the kernel as one job.

use flambeau_kernels::optim::{Piece, Update, step};
use flambeau_kernels::{Float, dispatch_float};
use flambeau_tensor::{DType, Element, Error, Result, SliceMut, Tensor, View, no_grad, raise};
use smallvec::SmallVec;

/// A parameter that takes part in a step.
#[doc(hidden)]
pub struct Job<'a, U> {
    pub(crate) update: U,
    pub(crate) param: &'a Tensor,
    pub(crate) grad: Tensor,
    pub(crate) state: SmallVec<[&'a Tensor; 3]>,
}

/// The memory of a job.
struct Held<'a, T: Element> {
    param: SliceMut<'a, T>,
    grad: View<'a, T>,
    state: SmallVec<[SliceMut<'a, T>; 3]>,
}

impl<U> Job<'_, U> {
    fn hold<T: Float>(&self) -> Result<Held<'_, T>> {
        let param = self.param.try_slice_mut()?;
        let grad = self.grad.try_view()?;
        let state = self.state.iter().map(|tensor| tensor.try_slice_mut()).collect::<Result<_>>()?;
        Ok(Held { param, grad, state })
    }
}

/// The `run` of a [`Rule`](crate::Rule) of this crate.
macro_rules! run_here {
    () => {
        #[inline(never)]
        #[track_caller]
        fn run(jobs: &[$crate::step::Job<'_, Self::Step>]) {
            $crate::step::run(jobs);
        }
    };
}
pub(crate) use run_here;

/// Updates all parameters: one pass for each dtype.
#[track_caller]
pub(crate) fn run<U: Update>(jobs: &[Job<'_, U>]) {
    let mut dtypes: SmallVec<[DType; 2]> = SmallVec::new();
    for job in jobs {
        if !dtypes.contains(&job.param.dtype()) {
            dtypes.push(job.param.dtype());
        }
    }
    for dtype in dtypes {
        dispatch_float!(dtype, T => run_on::<T, U>(jobs));
    }
}

/// Updates the parameters of type T, in one pass unless some share memory.
#[track_caller]
fn run_on<T: Float, U: Update>(jobs: &[Job<'_, U>]) {
    let mut jobs: Vec<&Job<'_, U>> = jobs.iter().filter(|job| job.param.dtype() == T::DTYPE).collect();
    while !jobs.is_empty() {
        let mut held = Vec::with_capacity(jobs.len());
        for job in &jobs {
            match job.hold::<T>() {
                Ok(memory) => held.push(memory),
                Err(error) if held.is_empty() => raise(error),
                // Views of one tensor cannot be held together: the rest waits for the next pass.
                Err(_) => break,
            }
        }
        let pieces = held.iter_mut().zip(&jobs).map(|(held, job)| Piece {
            update: job.update,
            p: &mut held.param,
            grad: &held.grad,
            state: held.state.iter_mut().map(|state| &mut **state).collect(),
        });
        step(pieces.collect());
        let done = held.len();
        drop(held);
        jobs.drain(..done);
    }
}

/// A gradient as the kernel can read it: contiguous, and in memory of its own.
#[track_caller]
pub(crate) fn readable(optimizer: &'static str, grad: Tensor, param: &Tensor) -> Tensor {
    let (own, dtype) = (grad.dtype(), param.dtype());
    if own != dtype || grad.shape() != param.shape() {
        let (shape, expected) = (grad.shape(), param.shape());
        raise(Error::op(
            optimizer,
            format!("a gradient of shape {shape:?} and {own} for a parameter of {expected:?} and {dtype}"),
        ));
    }
    if grad.shares_storage(param) {
        return no_grad(|| grad.copy());
    }
    if grad.is_contiguous() { grad } else { no_grad(|| grad.contiguous()) }
}
