//! How well a setting works, judged by several trainings.

use flambeau_tensor::{Error, Result};
use std::sync::Arc;

use crate::{Dataset, Fold, Subset};

/// Trains a model from scratch on each fold's training part and scores it on the rest.
///
/// `fit` gets training data and gives a model; it must begin anew each time and see nothing else of the data (statistics
/// for normalisation are part of the fit). `score` gets a model and data that it has not seen. Compare settings by
/// [`mean`](CrossValidation::mean), then train the chosen one on all of the data with
/// [`retrain`](CrossValidation::retrain), and only then open the test set.
///
/// Source: [`sklearn.model_selection.cross_validate`](https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.cross_validate.html).
///
/// # Errors
/// [`Error::Config`] if there is no fold, a part of one is empty, an index is in both parts or outside of the data;
/// whatever `fit` and `score` return.
///
/// # Examples
/// The "model" is the commonest digit:
/// ```
/// use flambeau_data::{Dataset, SealedTestSet, StratifiedKFold, Subset, cross_validate, digits, random_split};
///
/// let [train, test] = random_split(digits(), [0.8, 0.2], 0)?;
/// let test = SealedTestSet::new(test);
///
/// let labels = |data: &Subset| data.batch(&(0..data.len()).collect::<Vec<_>>()).1.to_vec::<i64>();
/// let accuracy = |&guess: &i64, data: &Subset| {
///     let labels = labels(data);
///     labels.iter().filter(|&&y| y == guess).count() as f64 / labels.len() as f64
/// };
/// let folds = StratifiedKFold::new(5)?.split(&labels(&train))?;
/// let validation = cross_validate(
///     train,
///     &folds,
///     |train| {
///         let labels = labels(&train);
///         let count = |digit: &i64| labels.iter().filter(|&y| y == digit).count();
///         Ok((0..10).max_by_key(count).unwrap_or(0))
///     },
///     |model, val| Ok(accuracy(model, &val)),
/// )?;
/// assert_eq!(validation.scores().len(), 5);
/// assert!(validation.mean() < 0.2 && validation.std() < 0.1);
///
/// let model = validation.retrain()?;
/// assert!(accuracy(&model, &test.open()) < 0.2);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn cross_validate<M, F>(
    dataset: impl Dataset + 'static,
    folds: &[Fold],
    mut fit: F,
    mut score: impl FnMut(&M, Subset) -> Result<f64>,
) -> Result<CrossValidation<F>>
where
    F: FnMut(Subset) -> Result<M>,
{
    let dataset: Arc<dyn Dataset> = Arc::new(dataset);
    check(folds, dataset.len())?;
    let part = |indices: &[usize]| Subset::from_parts(Arc::clone(&dataset), indices.to_vec());
    let mut scores = Vec::with_capacity(folds.len());
    for fold in folds {
        let model = fit(part(&fold.train))?;
        scores.push(score(&model, part(&fold.val))?);
    }
    Ok(CrossValidation { dataset, fit, scores })
}

fn check(folds: &[Fold], len: usize) -> Result<()> {
    let wrong = |message: String| Err(Error::config("folds", message));
    if folds.is_empty() {
        return wrong("are none; at least one is needed".to_owned());
    }
    for (number, Fold { train, val }) in folds.iter().enumerate() {
        if train.is_empty() || val.is_empty() {
            return wrong(format!(
                "fold {number} has {} items to train on and {} to validate on",
                train.len(),
                val.len()
            ));
        }
        let mut trained = vec![false; len];
        for &i in train.iter().chain(val) {
            if i >= len {
                return wrong(format!("fold {number} has index {i}, but the data set has {len} items"));
            }
        }
        train.iter().for_each(|&i| trained[i] = true);
        if let Some(i) = val.iter().find(|&&i| trained[i]) {
            return wrong(format!("fold {number} both trains and validates on item {i}"));
        }
    }
    Ok(())
}

/// What [`cross_validate`] found out about a setting.
pub struct CrossValidation<F> {
    dataset: Arc<dyn Dataset>,
    fit: F,
    scores: Vec<f64>,
}

impl<F> CrossValidation<F> {
    /// The score of each fold's model.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The mean of the scores.
    pub fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len() as f64
    }

    /// The sample standard deviation of the scores (divided by k − 1); NaN of a single fold.
    pub fn std(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.scores.iter().map(|s| (s - mean).powi(2)).sum();
        (squares / (self.scores.len() as f64 - 1.0)).sqrt()
    }

    /// Trains the setting once more, on all of the data: the model to keep.
    ///
    /// # Errors
    /// What the training returns.
    pub fn retrain<M>(mut self) -> Result<M>
    where
        F: FnMut(Subset) -> Result<M>,
    {
        let all = (0..self.dataset.len()).collect();
        (self.fit)(Subset::from_parts(self.dataset, all))
    }
}

impl<F> std::fmt::Debug for CrossValidation<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CrossValidation").field("scores", &self.scores).finish_non_exhaustive()
    }
}

impl<F> std::fmt::Display for CrossValidation<F> {
    /// The figures as papers give them: mean ± standard deviation.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.4} ± {:.4} over {} folds", self.mean(), self.std(), self.scores.len())
    }
}
