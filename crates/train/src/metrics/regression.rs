//! Errors of numbers.

use super::Metric;
use super::read::{exactly, floats, misfit, refuse};
use flambeau_tensor::{Error, Result, Tensor, raise};
use std::marker::PhantomData;

/// Outputs and targets of one shape: a broadcast between [n, 1] and [n] would compare each with each.
#[track_caller]
fn pairs(metric: &'static str, output: &Tensor, target: &Tensor) -> (Vec<f64>, Vec<f64>) {
    let (o, t) = (output.shape(), target.shape());
    if o != t {
        refuse(
            metric,
            format!(
                "outputs of shape {o:?} and targets of shape {t:?}; reshape one, so that they are the same"
            ),
        );
    }
    (floats(output), floats(target))
}

/// The mean over all elements of a function of the error: [`MeanSquaredError`] and [`MeanAbsoluteError`].
#[derive(Clone, Debug, Default)]
pub struct MeanError<F> {
    sum: f64,
    n: f64,
    function: PhantomData<F>,
}

/// The mean squared error: (1/n) Σ (outputᵢ − targetᵢ)², over all elements.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{MeanSquaredError, Metric};
///
/// let mut mse = MeanSquaredError::new();
/// mse.update(&tensor![1.0, 4.0], &tensor![2.0, 2.0]);
/// assert_eq!(mse.compute(), 2.5);
/// ```
///
/// Source: [`sklearn.metrics.mean_squared_error`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_squared_error.html).
pub type MeanSquaredError = MeanError<Squared>;

/// The mean absolute error: (1/n) Σ |outputᵢ − targetᵢ|, over all elements.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{MeanAbsoluteError, Metric};
///
/// let mut mae = MeanAbsoluteError::new();
/// mae.update(&tensor![1.0, 4.0], &tensor![2.0, 2.0]);
/// assert_eq!(mae.compute(), 1.5);
/// ```
///
/// Source: [`sklearn.metrics.mean_absolute_error`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_absolute_error.html).
pub type MeanAbsoluteError = MeanError<Absolute>;

#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Squared;

#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Absolute;

#[doc(hidden)]
pub trait ErrorFunction: Clone + Default + Send + 'static {
    const METRIC: &'static str;
    const NAME: &'static str;
    fn of(error: f64) -> f64;
}

impl ErrorFunction for Squared {
    const METRIC: &'static str = "MeanSquaredError";
    const NAME: &'static str = "mse";
    fn of(error: f64) -> f64 {
        error * error
    }
}

impl ErrorFunction for Absolute {
    const METRIC: &'static str = "MeanAbsoluteError";
    const NAME: &'static str = "mae";
    fn of(error: f64) -> f64 {
        error.abs()
    }
}

impl<F: ErrorFunction> MeanError<F> {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<F: ErrorFunction> Metric for MeanError<F> {
    type Value = f64;

    fn name(&self) -> String {
        F::NAME.into()
    }
    #[track_caller]
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let (output, target) = pairs(F::METRIC, output, target);
        self.sum += output.iter().zip(&target).map(|(o, t)| F::of(o - t)).sum::<f64>();
        self.n += output.len() as f64;
    }
    fn compute(&self) -> f64 {
        self.sum / self.n
    }
    fn reset(&mut self) {
        *self = Self::new();
    }
    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.n += other.n;
    }
    fn state_dict(&self) -> Vec<f64> {
        vec![self.sum, self.n]
    }
    fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        exactly(state).map(|[sum, n]| (self.sum, self.n) = (sum, n))
    }
}

/// The coefficient of determination: R² = 1 − Σ (targetᵢ − outputᵢ)² / Σ (targetᵢ − mean target)². 1 is perfect, 0 as
/// good as the mean; it has no lower bound.
///
/// Of outputs `[n, d]` it is the mean over the d columns. Where all targets are the same it is 1 if the outputs are
/// right and 0 if not; of fewer than two items it is NaN.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{Metric, R2Score};
///
/// let mut r2 = R2Score::new();
/// r2.update(&tensor![2.5, 0.0, 2.0, 8.0], &tensor![3.0, -0.5, 2.0, 7.0]);
/// assert!((r2.compute() - 0.9486).abs() < 1e-4);
/// ```
///
/// Source: [`sklearn.metrics.r2_score`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html).
/// The sums are Welford's, which lose nothing where the mean is large: Chan, Golub and LeVeque, "Updating Formulae and
/// a Pairwise Algorithm for Computing Sample Variances", 1979.
#[derive(Clone, Debug, Default)]
pub struct R2Score {
    n: f64,
    /// Of each column: mean of the targets, squares of their deviations, squares of the errors.
    columns: Vec<[f64; 3]>,
}

impl R2Score {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    #[track_caller]
    fn fit(&mut self, columns: usize) {
        if self.columns.is_empty() {
            self.columns = vec![[0.0; 3]; columns];
        } else if self.columns.len() != columns {
            let message = format!("{columns} outputs an item after {}", self.columns.len());
            raise(Error::op("R2Score", message));
        }
    }
}

impl Metric for R2Score {
    type Value = f64;

    fn name(&self) -> String {
        "r2".into()
    }

    #[track_caller]
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let (outputs, targets) = pairs("R2Score", output, target);
        let width = output.shape().iter().skip(1).product();
        if outputs.is_empty() {
            return;
        }
        self.fit(width);
        for (outputs, targets) in outputs.chunks_exact(width).zip(targets.chunks_exact(width)) {
            self.n += 1.0;
            for (column, (output, target)) in self.columns.iter_mut().zip(outputs.iter().zip(targets)) {
                let [mean, deviations, errors] = column;
                let from_old = target - *mean;
                *mean += from_old / self.n;
                *deviations += from_old * (target - *mean);
                *errors += (target - output).powi(2);
            }
        }
    }

    fn compute(&self) -> f64 {
        if self.n < 2.0 {
            return f64::NAN;
        }
        let score = |&[_, deviations, errors]: &[f64; 3]| match (errors == 0.0, deviations == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            _ => 1.0 - errors / deviations,
        };
        self.columns.iter().map(score).sum::<f64>() / self.columns.len() as f64
    }

    fn reset(&mut self) {
        *self = Self::new();
    }

    #[track_caller]
    fn merge(&mut self, other: &Self) {
        if other.columns.is_empty() {
            return;
        }
        self.fit(other.columns.len());
        let n = self.n + other.n;
        for ([mean, deviations, errors], other_column) in self.columns.iter_mut().zip(&other.columns) {
            let [other_mean, other_deviations, other_errors] = other_column;
            let apart = other_mean - *mean;
            *mean += apart * other.n / n;
            *deviations += other_deviations + apart * apart * self.n * other.n / n;
            *errors += other_errors;
        }
        self.n = n;
    }

    fn state_dict(&self) -> Vec<f64> {
        [self.n].into_iter().chain(self.columns.iter().flatten().copied()).collect()
    }

    fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        match state.split_first() {
            Some((&n, rest)) if rest.len().is_multiple_of(3) => {
                *self = R2Score { n, columns: rest.as_chunks().0.to_vec() };
                Ok(())
            }
            _ => Err(misfit(state.len(), 1 + 3 * self.columns.len())),
        }
    }
}
