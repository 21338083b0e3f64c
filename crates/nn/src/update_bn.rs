//! [`update_bn`], running statistics for averaged weights.

use crate::layers::running_statistics;
use crate::module::walk::walk;
use crate::{Forward, Training};

/// Computes the running statistics of all batch norms anew, as their means over these batches: after weights were
/// averaged, for the statistics of the last steps do not belong to them. Nothing is recorded; modes and momenta are
/// afterwards what they were.
/// [`torch.optim.swa_utils.update_bn`](https://docs.pytorch.org/docs/stable/optim.html#taking-care-of-batch-normalization).
///
/// ```
/// use flambeau_nn::{BatchNorm1d, utils::update_bn};
/// use flambeau_tensor::tensor;
///
/// let model = BatchNorm1d::new(1);
/// update_bn([tensor![[0.0], [2.0]], tensor![[4.0], [6.0]]], &model);
/// assert_eq!(model.running_mean.map(|mean| mean.item::<f32>()), Some(3.0));
/// ```
#[track_caller]
pub fn update_bn<I: 'static, O: 'static>(
    batches: impl IntoIterator<Item = I>,
    model: &(impl Forward<I, O> + ?Sized),
) {
    /// What each mode and momentum was; put back when dropped, also when a batch does not fit.
    struct Before<'a>(Vec<Box<dyn Fn() + 'a>>);
    impl Drop for Before<'_> {
        fn drop(&mut self) {
            self.0.iter().for_each(|put_back| put_back());
        }
    }
    let mut before = Before(Vec::new());
    walk(model.as_module(), &mut |_, module, members| {
        for training in &members.training {
            let (training, mode): (&Training, bool) = (training, training.get());
            training.set(true);
            before.0.push(Box::new(move || training.set(mode)));
        }
        if let Some(norm) = running_statistics(module) {
            let momentum = norm.average_anew();
            before.0.push(Box::new(move || norm.set_momentum(momentum)));
        }
    });
    flambeau_tensor::no_grad(|| batches.into_iter().for_each(|batch| drop(model.call(&batch))));
}
