//! How well scores order items.

use super::Metric;
use super::read::{self, misfit, refuse};
use flambeau_tensor::{Error, Result, Tensor, raise};

/// The area under the receiver operating characteristic: the probability that an item of a class has a larger score
/// for it than an item of another class, ties counting half. 1 is a perfect order, 0.5 that of chance.
///
/// With n₊ items of the class and n₋ others, and R₊ the sum of the former's ranks among all (ties share their mean
/// rank): (R₊ − n₊(n₊ + 1)/2) / (n₊ n₋).
///
/// A single score an item (see [`Metric`]) is that of class 1. With several classes it is the mean over the classes,
/// each against the rest; NaN if one has no item or all. Only the order of scores counts, so logits serve as well
/// as probabilities. It is exact, and keeps every score: 8 bytes for each item and class.
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{AUROC, Metric};
///
/// let mut auroc = AUROC::new();
/// auroc.update(&tensor![0.1, 0.4, 0.35, 0.8], &tensor![0, 0, 1, 1]);
/// assert_eq!(auroc.compute(), 0.75);
/// ```
///
/// Source: [`sklearn.metrics.roc_auc_score`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_auc_score.html)
/// with `multi_class="ovr"`.
#[derive(Clone, Debug, Default)]
pub struct AUROC {
    /// Columns of scores; 0 before the first batch.
    columns: usize,
    scores: Vec<f64>,
    targets: Vec<u32>,
}

impl AUROC {
    /// Of nothing yet.
    pub fn new() -> Self {
        AUROC::default()
    }

    /// That of each class against the rest; of class 1 alone where there is a single score.
    pub fn per_class(&self) -> Vec<f64> {
        match self.columns {
            1 => vec![self.of(0, 1)],
            columns => (0..columns).map(|class| self.of(class, class as u32)).collect(),
        }
    }

    fn of(&self, column: usize, class: u32) -> f64 {
        let scores = self.scores.iter().skip(column).step_by(self.columns);
        let mut items: Vec<(f64, bool)> =
            scores.zip(&self.targets).map(|(&score, &target)| (score, target == class)).collect();
        if items.iter().any(|(score, _)| score.is_nan()) {
            return f64::NAN;
        }
        items.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut seen, mut positive, mut ranks) = (0.0, 0.0, 0.0);
        // −0 and 0 are the same score.
        for ties in items.chunk_by(|a, b| a.0 == b.0) {
            let (n, own) = (ties.len() as f64, ties.iter().filter(|(_, own)| *own).count() as f64);
            ranks += own * (seen + (n + 1.0) / 2.0);
            seen += n;
            positive += own;
        }
        // NaN where there is nothing to compare.
        (ranks - positive * (positive + 1.0) / 2.0) / (positive * (seen - positive))
    }
}

impl Metric for AUROC {
    type Value = f64;

    fn name(&self) -> String {
        "auroc".into()
    }

    #[track_caller]
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let scored = read::scored("AUROC", output, target);
        if self.columns != 0 && self.columns != scored.classes {
            let (before, now) = (self.columns, scored.classes);
            refuse("AUROC", format!("scores of {now} classes after scores of {before}"));
        }
        self.columns = scored.classes;
        // Fewer than the columns, of which a tensor cannot hold 2³².
        self.targets.extend(scored.targets.iter().map(|&class| class as u32));
        self.scores.extend(scored.scores);
    }

    fn compute(&self) -> f64 {
        let areas = self.per_class();
        areas.iter().sum::<f64>() / areas.len() as f64
    }

    fn reset(&mut self) {
        *self = AUROC::new();
    }

    #[track_caller]
    fn merge(&mut self, other: &Self) {
        if self.columns != 0 && other.columns != 0 && self.columns != other.columns {
            let message = format!("scores of {} classes do not go with {}", self.columns, other.columns);
            raise(Error::op("AUROC", message));
        }
        self.columns = self.columns.max(other.columns);
        self.scores.extend(&other.scores);
        self.targets.extend(&other.targets);
    }

    fn state_dict(&self) -> Vec<f64> {
        let targets = self.targets.iter().map(|&class| f64::from(class));
        [self.columns as f64].into_iter().chain(targets).chain(self.scores.iter().copied()).collect()
    }

    fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        let Some((&columns, rest)) = state.split_first() else { return Err(misfit(0, 1)) };
        let columns = columns as usize;
        let items = rest.len() / (columns.saturating_add(1));
        if items.checked_mul(columns.saturating_add(1)) != Some(rest.len()) {
            return Err(Error::StateDict(format!(
                "{} numbers are no scores of {columns} classes",
                rest.len()
            )));
        }
        let (targets, scores) = rest.split_at(items);
        let targets = targets.iter().map(|&class| class as u32).collect();
        *self = AUROC { columns, targets, scores: scores.to_vec() };
        Ok(())
    }
}
