//! One step over many tensors: their memory is borrowed at once and goes to the kernel as one job.

use flambeau_kernels::Float;
use flambeau_kernels::optim::{Move, Piece, Updates, step};
use flambeau_tensor::{DType, Element, Error, Result, SliceMut, Tensor, View, no_grad, raise};
use smallvec::SmallVec;

/// A parameter that takes part in a step.
#[doc(hidden)]
pub struct Job<'a> {
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

impl Job<'_> {
    fn hold<T: Float>(&self) -> Result<Held<'_, T>> {
        let param = self.param.try_slice_mut()?;
        let grad = self.grad.try_view()?;
        let state = self.state.iter().map(|tensor| tensor.try_slice_mut()).collect::<Result<_>>()?;
        Ok(Held { param, grad, state })
    }
}

/// The hidden methods of a [`Rule`](crate::Rule) of this crate.
macro_rules! compiled_here {
    () => {
        #[inline(never)]
        #[track_caller]
        fn run(jobs: &[$crate::step::Job<'_>], updates: &Vec<Self::Step>) {
            $crate::step::run(jobs, updates);
        }
        #[inline(never)]
        fn settings(&self) -> $crate::state::Settings {
            $crate::state::settings(self)
        }
        #[inline(never)]
        fn from_settings(settings: $crate::state::Settings) -> Result<Self, String> {
            $crate::state::from_settings(settings)
        }
    };
}
pub(crate) use compiled_here;

/// Updates all parameters, each with the update of the same place: one pass for each dtype.
#[track_caller]
pub(crate) fn run(jobs: &[Job<'_>], updates: &dyn Updates) {
    let mut dtypes: SmallVec<[DType; 2]> = SmallVec::new();
    for job in jobs {
        if !dtypes.contains(&job.param.dtype()) {
            dtypes.push(job.param.dtype());
        }
    }
    for dtype in dtypes {
        match dtype {
            DType::F64 => run_on(jobs, &|piece| updates.double(piece)),
            _ => run_on(jobs, &|piece| updates.single(piece)),
        }
    }
}

/// Moves all parameters in the same way. Not generic, so that it is compiled here.
#[track_caller]
pub(crate) fn shift(jobs: &[Job<'_>], by: Move) {
    run(jobs, &vec![by; jobs.len()]);
}

/// Updates the parameters of type T, in one pass unless some share memory.
#[track_caller]
fn run_on<T: Float>(jobs: &[Job<'_>], update: &(dyn Fn(&mut Piece<'_, T>) + Sync)) {
    let of_type = |(_, job): &(usize, &Job<'_>)| job.param.dtype() == T::DTYPE;
    let mut jobs: Vec<(usize, &Job<'_>)> = jobs.iter().enumerate().filter(of_type).collect();
    while !jobs.is_empty() {
        let mut held = Vec::with_capacity(jobs.len());
        for (_, job) in &jobs {
            match job.hold::<T>() {
                Ok(memory) => held.push(memory),
                Err(error) if held.is_empty() => raise(error),
                // Views of one tensor cannot be held together: the rest waits for the next pass.
                Err(_) => break,
            }
        }
        let pieces = held.iter_mut().zip(&jobs).map(|(held, &(update, _))| Piece {
            update,
            p: &mut held.param,
            grad: &held.grad,
            state: held.state.iter_mut().map(|state| &mut **state).collect(),
        });
        step(pieces.collect(), update);
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
