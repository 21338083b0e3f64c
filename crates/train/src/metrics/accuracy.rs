//! The share of right answers.

use super::Metric;
use super::read::{self, exactly, refuse};
use flambeau_tensor::{Result, Tensor};

/// The share of items whose target is the class with the largest score, or among the `k` largest with
/// [`top_k`](Self::top_k).
///
/// For outputs and targets see [`Metric`]. Of equal scores the class with the smaller number comes first; a target
/// whose score is NaN is not among the largest.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{Accuracy, Metric};
///
/// let (logits, y) = (tensor![[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]], tensor![1, 2]);
/// let (mut top1, mut top2) = (Accuracy::new(), Accuracy::new().top_k(2));
/// top1.update(&logits, &y);
/// top2.update(&logits, &y);
/// assert_eq!((top1.compute(), top2.compute()), (0.5, 1.0));
/// ```
///
/// Source: [`sklearn.metrics.top_k_accuracy_score`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.top_k_accuracy_score.html).
#[derive(Clone, Debug)]
pub struct Accuracy {
    k: usize,
    threshold: f64,
    right: f64,
    items: f64,
}

impl Accuracy {
    /// Of the largest score.
    pub fn new() -> Self {
        Accuracy { k: 1, threshold: 0.5, right: 0.0, items: 0.0 }
    }

    /// Counts an item as right if its target is among the `k` largest scores (default: 1).
    ///
    /// # Panics
    /// If `k` is 0.
    #[track_caller]
    pub fn top_k(mut self, k: usize) -> Self {
        assert!(k > 0, "Accuracy: top_k is 0; it must be at least 1");
        self.k = k;
        self
    }

    /// Above which a single score stands for class 1 (default: 0.5; use 0 for logits).
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

impl Default for Accuracy {
    fn default() -> Self {
        Accuracy::new()
    }
}

impl Metric for Accuracy {
    type Value = f64;

    fn name(&self) -> String {
        if self.k == 1 { "accuracy".into() } else { format!("top_{}_accuracy", self.k) }
    }

    #[track_caller]
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let right = if self.k == 1 {
            let (predicted, targets) = read::predicted("Accuracy", output, target, self.threshold);
            predicted.iter().zip(&targets).filter(|(p, t)| p == t).count()
        } else {
            let scored = read::scored("Accuracy", output, target);
            if scored.classes < 2 {
                refuse("Accuracy", "top_k needs the scores of each class, and there is one score an item");
            }
            scored.rows().filter(|(row, target)| rank(row, *target).is_some_and(|rank| rank < self.k)).count()
        };
        self.right += right as f64;
        self.items += target.numel() as f64;
    }

    fn compute(&self) -> f64 {
        self.right / self.items
    }

    fn reset(&mut self) {
        (self.right, self.items) = (0.0, 0.0);
    }

    fn merge(&mut self, other: &Self) {
        self.right += other.right;
        self.items += other.items;
    }

    fn state_dict(&self) -> Vec<f64> {
        vec![self.right, self.items]
    }

    fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        [self.right, self.items] = exactly(state)?;
        Ok(())
    }
}

/// How many classes come before this one.
fn rank(scores: &[f64], class: usize) -> Option<usize> {
    let own = *scores.get(class).filter(|score| !score.is_nan())?;
    let before = |(i, &score): (usize, &f64)| score > own || score.is_nan() || (score == own && i < class);
    Some(scores.iter().enumerate().filter(|&(i, score)| before((i, score))).count())
}
