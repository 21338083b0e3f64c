//! What is measured: sums over batches, so that the result is that of all the data at once.

mod accuracy;
mod auroc;
mod confusion_matrix;
mod mean;
mod per_class;
mod read;
mod regression;

pub use accuracy::Accuracy;
pub use auroc::AUROC;
pub use confusion_matrix::ConfusionMatrix;
pub use mean::MeanMetric;
pub use per_class::{Average, F1Score, PerClass, Precision, Recall};
pub use regression::{MeanAbsoluteError, MeanError, MeanSquaredError, R2Score};

use flambeau_tensor::{Result, Tensor};

/// A number (or several) that says how well outputs agree with targets, added up batch by batch.
///
/// Batches may be of any sizes: the value is that of all items together, not a mean of the batches' values.
/// [`merge`](Metric::merge) adds what another one, on another part of the data, has seen.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{Accuracy, Metric};
///
/// let mut accuracy = Accuracy::new();
/// accuracy.update(&tensor![[2.0, 1.0], [0.5, 3.0], [1.0, 0.0]], &tensor![0, 1, 1]);
/// accuracy.update(&tensor![[0.0, 1.0]], &tensor![1]);
/// assert_eq!(accuracy.compute(), 0.75);
/// accuracy.reset();
/// assert!(accuracy.compute().is_nan()); // of nothing
/// ```
///
/// # Outputs and targets of classification
/// The targets are classes, counted from 0, as integers or whole floats. The outputs are one of
/// - scores of each class (logits or probabilities), `[n, classes]`, or `[n, classes, …]` for targets `[n, …]`; the
///   largest counts, the first of equals, and NaN as the largest, as for [`Tensor::argmax`];
/// - a score of class 1 against class 0 of the targets' shape, or `[n, 1]` for targets `[n]`: class 1 if it is above
///   a threshold, 0.5 by default, for logits set it to 0;
/// - classes as integers of the targets' shape.
///
/// # A metric of one's own
/// ```
/// use flambeau_tensor::{Result, Tensor, tensor};
/// use flambeau_train::Metric;
///
/// /// The largest error.
/// #[derive(Default)]
/// struct MaxError(f64);
///
/// impl Metric for MaxError {
///     type Value = f64;
///     fn name(&self) -> String {
///         "max_error".into()
///     }
///     fn update(&mut self, output: &Tensor, target: &Tensor) {
///         self.0 = self.0.max((output - target).abs().max().item());
///     }
///     fn compute(&self) -> f64 {
///         self.0
///     }
///     fn reset(&mut self) {
///         self.0 = 0.0;
///     }
///     fn merge(&mut self, other: &Self) {
///         self.0 = self.0.max(other.0);
///     }
///     fn state_dict(&self) -> Vec<f64> {
///         vec![self.0]
///     }
///     fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
///         self.0 = flambeau_train::single(state)?;
///         Ok(())
///     }
/// }
///
/// let mut metric = MaxError::default();
/// metric.update(&tensor![1.0, 4.0], &tensor![2.0, 2.0]);
/// assert_eq!(metric.compute(), 2.0);
/// ```
pub trait Metric: Send {
    /// What it gives: `f64` for all that a log or a plot can show.
    type Value;

    /// Its name in logs, in small letters, such as `accuracy`.
    fn name(&self) -> String;

    /// Adds a batch.
    ///
    /// # Panics
    /// If shapes, dtypes or classes do not fit.
    fn update(&mut self, output: &Tensor, target: &Tensor);

    /// The value of all since the last [`reset`](Metric::reset); NaN where it has none.
    fn compute(&self) -> Self::Value;

    /// Forgets all batches.
    fn reset(&mut self);

    /// Adds what another one of the same settings has seen.
    ///
    /// # Panics
    /// If the numbers of classes or outputs differ.
    fn merge(&mut self, other: &Self)
    where
        Self: Sized;

    /// What has been added up, for a checkpoint.
    fn state_dict(&self) -> Vec<f64>;

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// [`Error::StateDict`](flambeau_tensor::Error::StateDict) if it is of a metric with other settings.
    fn load_state_dict(&mut self, state: &[f64]) -> Result<()>;
}

/// The one number of a [`Metric`]'s state.
///
/// # Errors
/// [`Error::StateDict`](flambeau_tensor::Error::StateDict) if there is another number of numbers.
pub fn single(state: &[f64]) -> Result<f64> {
    read::exactly::<1>(state).map(|[number]| number)
}
