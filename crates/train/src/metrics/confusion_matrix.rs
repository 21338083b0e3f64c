//! Which classes are taken for which.

use super::Metric;
use super::read::{self, misfit, refuse};
use flambeau_tensor::{Error, Result, Tensor, raise};
use std::fmt;

/// Counts items by their class (row) and the class they were taken for (column).
///
/// For outputs and targets see [`Metric`]. Prints as a table.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{ConfusionMatrix, Metric};
///
/// let mut confusion = ConfusionMatrix::new(2);
/// confusion.update(&tensor![[2.0, 1.0], [3.0, 1.0], [0.0, 1.0]], &tensor![0, 1, 1]);
/// assert_eq!(confusion.compute().to_vec::<i64>(), [1, 0, 1, 1]);
/// assert_eq!(confusion.count(1, 0), 1); // a 1 that was taken for a 0
/// ```
///
/// Source: [`sklearn.metrics.confusion_matrix`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html).
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    classes: usize,
    threshold: f64,
    counts: Vec<u64>,
}

/// Above this the counts would fill gigabytes.
const MAX_CLASSES: usize = 1 << 13;

impl ConfusionMatrix {
    /// Of so many classes.
    ///
    /// # Panics
    /// If there are fewer than 1 or more than 8192.
    #[track_caller]
    pub fn new(classes: usize) -> Self {
        assert!(
            (1..=MAX_CLASSES).contains(&classes),
            "ConfusionMatrix: {classes} classes; it takes 1 to {MAX_CLASSES}"
        );
        ConfusionMatrix { classes, threshold: 0.5, counts: vec![0; classes * classes] }
    }

    /// Above which a single score stands for class 1 (default: 0.5; use 0 for logits).
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many items of class `target` were taken for class `predicted`.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn count(&self, target: usize, predicted: usize) -> u64 {
        let classes = self.classes;
        assert!(
            target < classes && predicted < classes,
            "ConfusionMatrix: classes {target} and {predicted} of {classes}"
        );
        self.counts[target * classes + predicted]
    }

    /// The share of right answers; NaN of nothing.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes).map(|class| self.count(class, class)).sum();
        right as f64 / self.counts.iter().sum::<u64>() as f64
    }
}

impl Metric for ConfusionMatrix {
    /// Counts as integers of shape `[classes, classes]`.
    type Value = Tensor;

    fn name(&self) -> String {
        "confusion_matrix".into()
    }

    #[track_caller]
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let (predicted, targets) = read::predicted("ConfusionMatrix", output, target, self.threshold);
        // All are looked at before any is counted.
        let known = self.classes;
        if let Some(class) = predicted.iter().chain(&targets).find(|&&class| class >= known) {
            refuse("ConfusionMatrix", format!("class {class} of {known} classes; classes count from 0"));
        }
        for (p, t) in predicted.into_iter().zip(targets) {
            self.counts[t * known + p] += 1;
        }
    }

    fn compute(&self) -> Tensor {
        let counts: Vec<i64> = self.counts.iter().map(|&count| count as i64).collect();
        Tensor::from_vec(counts, [self.classes, self.classes])
    }

    fn reset(&mut self) {
        self.counts.fill(0);
    }

    #[track_caller]
    fn merge(&mut self, other: &Self) {
        if self.classes != other.classes {
            let message = format!("{} classes do not go with {}", self.classes, other.classes);
            raise(Error::op("ConfusionMatrix", message));
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, other)| *own += other);
    }

    fn state_dict(&self) -> Vec<f64> {
        self.counts.iter().map(|&count| count as f64).collect()
    }

    fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        if state.len() != self.counts.len() {
            return Err(misfit(state.len(), self.counts.len()));
        }
        self.counts = state.iter().map(|&count| count as u64).collect();
        Ok(())
    }
}

impl fmt::Display for ConfusionMatrix {
    /// A row for each class, a column for each that it was taken for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let largest = self.counts.iter().copied().max().unwrap_or(0).max(self.classes as u64);
        let width = largest.to_string().len() + 1;
        write!(f, "{:width$}", "")?;
        (0..self.classes).try_for_each(|class| write!(f, "{class:>width$}"))?;
        for (class, row) in self.counts.chunks_exact(self.classes).enumerate() {
            write!(f, "\n{class:>width$}")?;
            row.iter().try_for_each(|count| write!(f, "{count:>width$}"))?;
        }
        Ok(())
    }
}
