//! Means of numbers that belong to batches.

use super::read::exactly;
use flambeau_tensor::Result;

/// The weighted mean of numbers: of batches' mean losses weighted by the batches' sizes, it is the mean loss of all
/// items. Without weights a small last batch would count as much as a full one.
///
/// Σ wᵢ xᵢ / Σ wᵢ
///
/// ```
/// use flambeau_train::MeanMetric;
///
/// let mut loss = MeanMetric::new();
/// loss.update(0.5, 64); // the mean loss of 64 items
/// loss.update(1.5, 32);
/// assert!((loss.compute() - 0.8333).abs() < 1e-4);
/// ```
///
/// Source: [`torchmetrics.MeanMetric`](https://lightning.ai/docs/torchmetrics/stable/aggregation/mean.html).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanMetric {
    sum: f64,
    weight: f64,
}

impl MeanMetric {
    /// Of nothing yet.
    pub fn new() -> Self {
        MeanMetric::default()
    }

    /// Adds the mean of so many items.
    pub fn update(&mut self, mean: f64, items: usize) {
        self.sum += mean * items as f64;
        self.weight += items as f64;
    }

    /// The mean of all items; NaN of none.
    pub fn compute(&self) -> f64 {
        self.sum / self.weight
    }

    /// Forgets them.
    pub fn reset(&mut self) {
        *self = MeanMetric::default();
    }

    /// Adds another one's items.
    pub fn merge(&mut self, other: &MeanMetric) {
        self.sum += other.sum;
        self.weight += other.weight;
    }

    /// The sum and the number of items, for a checkpoint.
    pub fn state_dict(&self) -> Vec<f64> {
        vec![self.sum, self.weight]
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// [`Error::StateDict`](flambeau_tensor::Error::StateDict) if it is another's.
    pub fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        [self.sum, self.weight] = exactly(state)?;
        Ok(())
    }
}
