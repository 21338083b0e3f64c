//! What a training has measured so far, and its table.

use serde::Serialize;

/// Mean loss and share of right answers over a set of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Score {
    pub(crate) loss: f64,
    pub(crate) accuracy: f64,
}

/// A line of `metrics.jsonl` and a row of the table.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Epoch {
    /// Counted from 1.
    pub(crate) epoch: usize,
    /// Over the epoch's batches, each before its step.
    pub(crate) train: Score,
    /// After the epoch.
    pub(crate) val: Score,
    /// Training and validation together.
    pub(crate) seconds: f64,
    /// Whether every batch was seen; false where Ctrl-C cut the epoch short.
    pub(crate) complete: bool,
}

/// Every epoch so far, and which was best.
#[derive(Debug, Default)]
pub(crate) struct History {
    epochs: Vec<Epoch>,
    best: Option<usize>,
}

impl History {
    /// Adds an epoch; true if its validation accuracy is the best so far, or equal with a lower loss.
    pub(crate) fn push(&mut self, epoch: Epoch) -> bool {
        let better = self.best().is_none_or(|best| {
            let (new, old) = (epoch.val, best.val);
            new.accuracy > old.accuracy || (new.accuracy == old.accuracy && new.loss < old.loss)
        });
        self.epochs.push(epoch);
        if better {
            self.best = Some(self.epochs.len() - 1);
        }
        better
    }

    pub(crate) fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    pub(crate) fn best(&self) -> Option<&Epoch> {
        self.best.map(|i| &self.epochs[i])
    }
}

/// The head of the table of epochs.
pub(crate) const TABLE_HEAD: &str = "epoch  train loss  train acc  val loss   val acc  seconds";

impl Epoch {
    /// This epoch under [`TABLE_HEAD`]; `*` marks a new best, "cut short" an epoch that Ctrl-C ended.
    pub(crate) fn row(&self, best: bool) -> String {
        format!(
            "{:>5}  {:>10.4}  {:>7.2} %  {:>8.4}  {:>6.2} %  {:>7.3}{}{}",
            self.epoch,
            self.train.loss,
            100.0 * self.train.accuracy,
            self.val.loss,
            100.0 * self.val.accuracy,
            self.seconds,
            if best { " *" } else { "" },
            if self.complete { "" } else { " cut short" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(accuracy: f64, loss: f64) -> Epoch {
        let score = Score { loss, accuracy };
        Epoch { epoch: 1, train: score, val: score, seconds: 0.1, complete: true }
    }

    #[test]
    fn best_is_by_accuracy_then_loss() {
        let mut history = History::default();
        let pushed = [(0.9, 0.3), (0.95, 0.4), (0.95, 0.5), (0.95, 0.2), (0.8, 0.1)]
            .map(|(a, l)| history.push(epoch(a, l)));
        assert_eq!(pushed, [true, true, false, true, false]);
        assert_eq!(history.best().map(|e| e.val), Some(Score { loss: 0.2, accuracy: 0.95 }));
    }

    #[test]
    fn rows_align_with_the_head() {
        assert_eq!(epoch(1.0, 0.5).row(false).len(), TABLE_HEAD.len());
    }
}
