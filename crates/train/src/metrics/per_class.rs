//! Precision, recall and F1.

use super::Metric;
use super::read::{self, misfit, refuse};
use flambeau_tensor::{Error, Result, Tensor, raise};
use std::marker::PhantomData;

/// How the numbers of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// Their mean over the classes that occur, among the targets or the answers: each class counts the same.
    Macro,
    /// Of the counts of all classes together: each item counts the same. Where an item has one class, this is the
    /// accuracy.
    Micro,
    /// Their mean, weighted by the number of targets of each class.
    Weighted,
    /// That of one class alone: of class 1 where 0 means no and 1 yes.
    Class(usize),
}

/// Precision, recall or F1, of which the aliases are to be used.
///
/// A class of which the denominator is 0 counts as 0, as with scikit-learn.
#[derive(Clone, Debug)]
pub struct PerClass<S> {
    average: Average,
    threshold: f64,
    /// Of each class: right answers, answers, targets.
    counts: Vec<[u64; 3]>,
    score: PhantomData<fn() -> S>,
}

/// Of what was taken for a class, the share that is of that class: TP / (TP + FP). Macro by default.
///
/// For outputs and targets see [`Metric`].
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{Average, Metric, Precision};
///
/// let mut precision = Precision::new(2).average(Average::Class(1));
/// precision.update(&tensor![0.9, 0.8, 0.2, 0.1], &tensor![1, 0, 0, 1]);
/// assert_eq!(precision.compute(), 0.5);
/// assert_eq!(precision.per_class(), [0.5, 0.5]);
/// ```
///
/// Source: [`sklearn.metrics.precision_score`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_score.html).
pub type Precision = PerClass<PrecisionOf>;

/// Of a class, the share that was taken for it: TP / (TP + FN). Macro by default.
///
/// For outputs and targets see [`Metric`].
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{Metric, Recall};
///
/// let mut recall = Recall::new(3);
/// recall.update(&tensor![0, 0, 1, 1], &tensor![0, 1, 1, 2]);
/// assert_eq!(recall.per_class(), [1.0, 0.5, 0.0]);
/// assert_eq!(recall.compute(), 0.5);
/// ```
///
/// Source: [`sklearn.metrics.recall_score`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.recall_score.html).
pub type Recall = PerClass<RecallOf>;

/// The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). Macro by default.
///
/// For outputs and targets see [`Metric`].
///
/// ```
/// use flambeau_tensor::tensor;
/// use flambeau_train::{Average, F1Score, Metric};
///
/// let mut f1 = F1Score::new(3).average(Average::Micro);
/// f1.update(&tensor![0, 0, 1, 1], &tensor![0, 1, 1, 2]);
/// assert_eq!(f1.compute(), 0.5);
/// ```
///
/// Source: [`sklearn.metrics.f1_score`](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.f1_score.html).
pub type F1Score = PerClass<F1Of>;

#[doc(hidden)]
pub trait Score: Send {
    const NAME: &'static str;
    const LOGGED: &'static str;
    /// Numerator and denominator of right answers, answers and targets.
    fn of(counts: [u64; 3]) -> [u64; 2];
}

#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct PrecisionOf;
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct RecallOf;
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct F1Of;

impl Score for PrecisionOf {
    const NAME: &'static str = "Precision";
    const LOGGED: &'static str = "precision";
    fn of([right, answers, _]: [u64; 3]) -> [u64; 2] {
        [right, answers]
    }
}

impl Score for RecallOf {
    const NAME: &'static str = "Recall";
    const LOGGED: &'static str = "recall";
    fn of([right, _, targets]: [u64; 3]) -> [u64; 2] {
        [right, targets]
    }
}

impl Score for F1Of {
    const NAME: &'static str = "F1Score";
    const LOGGED: &'static str = "f1";
    fn of([right, answers, targets]: [u64; 3]) -> [u64; 2] {
        [2 * right, answers + targets]
    }
}

/// 0 where there is nothing to divide by.
fn ratio<S: Score>(counts: [u64; 3]) -> f64 {
    let [numerator, denominator] = S::of(counts);
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}

impl<S: Score> PerClass<S> {
    /// Of so many classes.
    ///
    /// # Panics
    /// If there are none, or more than 2²⁰.
    #[track_caller]
    pub fn new(classes: usize) -> Self {
        assert!(
            (1..=1 << 20).contains(&classes),
            "{}: {classes} classes; it takes 1 to {}",
            S::NAME,
            1 << 20
        );
        PerClass {
            average: Average::Macro,
            threshold: 0.5,
            counts: vec![[0; 3]; classes],
            score: PhantomData,
        }
    }

    /// How the classes' numbers become one (default: macro).
    ///
    /// # Panics
    /// If it is that of a class that is none.
    #[track_caller]
    pub fn average(mut self, average: Average) -> Self {
        if let Average::Class(class) = average {
            let classes = self.counts.len();
            assert!(class < classes, "{}: the average is of class {class} of {classes}", S::NAME);
        }
        self.average = average;
        self
    }

    /// Above which a single score stands for class 1 (default: 0.5; use 0 for logits).
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// The number of each class.
    pub fn per_class(&self) -> Vec<f64> {
        self.counts.iter().map(|&counts| ratio::<S>(counts)).collect()
    }

    fn total(&self) -> [u64; 3] {
        self.counts.iter().fold([0; 3], |sum, counts| [0, 1, 2].map(|i| sum[i] + counts[i]))
    }
}

impl<S: Score> Metric for PerClass<S> {
    type Value = f64;

    fn name(&self) -> String {
        S::LOGGED.into()
    }

    #[track_caller]
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let (predicted, targets) = read::predicted(S::NAME, output, target, self.threshold);
        let known = self.counts.len();
        if let Some(class) = predicted.iter().chain(&targets).find(|&&class| class >= known) {
            refuse(S::NAME, format!("class {class} of {known} classes; classes count from 0"));
        }
        for (p, t) in predicted.into_iter().zip(targets) {
            self.counts[t][0] += u64::from(p == t);
            self.counts[p][1] += 1;
            self.counts[t][2] += 1;
        }
    }

    fn compute(&self) -> f64 {
        let total = self.total();
        if total[2] == 0 {
            return f64::NAN;
        }
        let occurring = self.counts.iter().filter(|[_, answers, targets]| answers + targets > 0);
        match self.average {
            Average::Micro => ratio::<S>(total),
            Average::Class(class) => ratio::<S>(self.counts[class]),
            Average::Macro => {
                let numbers: Vec<f64> = occurring.map(|&counts| ratio::<S>(counts)).collect();
                numbers.iter().sum::<f64>() / numbers.len() as f64
            }
            Average::Weighted => {
                occurring.map(|&counts| ratio::<S>(counts) * counts[2] as f64).sum::<f64>() / total[2] as f64
            }
        }
    }

    fn reset(&mut self) {
        self.counts.fill([0; 3]);
    }

    #[track_caller]
    fn merge(&mut self, other: &Self) {
        let (own, others) = (self.counts.len(), other.counts.len());
        if own != others {
            raise(Error::op(S::NAME, format!("{own} classes do not go with {others}")));
        }
        for (own, other) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *own += other;
        }
    }

    fn state_dict(&self) -> Vec<f64> {
        self.counts.iter().flatten().map(|&count| count as f64).collect()
    }

    fn load_state_dict(&mut self, state: &[f64]) -> Result<()> {
        let (own, saved) = (self.counts.len() * 3, state.len());
        if own != saved {
            return Err(misfit(saved, own));
        }
        self.counts =
            state.as_chunks::<3>().0.iter().map(|counts| counts.map(|count| count as u64)).collect();
        Ok(())
    }
}
