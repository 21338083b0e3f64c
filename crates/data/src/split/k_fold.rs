//! Folds for cross-validation.

use flambeau_tensor::{Error, Result, random};
use std::collections::BTreeMap;

/// Keeps the folds' shuffles apart from those of splits and loaders.
const STREAM: u64 = 0xf01d_0000_0000_0000;

/// One way to cut the data in two: indices, in rising order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// What to train on.
    pub train: Vec<usize>,
    /// What to validate on: every item is in one fold's.
    pub val: Vec<usize>,
}

/// Turns the number of each item's fold into folds.
fn folds(k: usize, fold_of: &[usize]) -> Vec<Fold> {
    let fold = |number| {
        let (val, train) = (0..fold_of.len()).partition(|&i| fold_of[i] == number);
        Fold { train, val }
    };
    (0..k).map(fold).collect()
}

fn check(k: usize) -> Result<usize> {
    if k < 2 {
        return Err(Error::config("k", format!("is {k}; cross-validation needs at least 2 folds")));
    }
    Ok(k)
}

/// Cuts items into `k` folds of equal size, the first ones larger by one item where it does not divide.
///
/// Source: [`sklearn.model_selection.KFold`](https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.KFold.html),
/// whose indices it gives unless shuffled.
///
/// ```
/// use flambeau_data::KFold;
///
/// let folds = KFold::new(2)?.split(5)?;
/// assert_eq!(folds[0].val, [0, 1, 2]);
/// assert_eq!(folds[1].val, [3, 4]);
/// assert_eq!(folds[1].train, [0, 1, 2]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KFold {
    k: usize,
    seed: Option<u64>,
}

impl KFold {
    /// `k` folds.
    ///
    /// # Errors
    /// [`Error::Config`] if `k` is less than 2.
    pub fn new(k: usize) -> Result<Self> {
        Ok(Self { k: check(k)?, seed: None })
    }

    /// Cuts a random order of the items instead of their own, which may be sorted by class.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The folds of `len` items.
    ///
    /// # Errors
    /// [`Error::Config`] if there are fewer items than folds.
    pub fn split(&self, len: usize) -> Result<Vec<Fold>> {
        if len < self.k {
            return Err(Error::config(
                "k",
                format!("is {} for {len} items; each fold needs at least 1", self.k),
            ));
        }
        let order = match self.seed {
            Some(seed) => random::permutation(seed, STREAM, len),
            None => (0..len).collect(),
        };
        let (size, larger) = (len / self.k, len % self.k);
        let mut fold_of = vec![0; len];
        let mut rest = order.into_iter();
        for fold in 0..self.k {
            for item in rest.by_ref().take(size + usize::from(fold < larger)) {
                fold_of[item] = fold;
            }
        }
        Ok(folds(self.k, &fold_of))
    }
}

/// Cuts items into `k` folds in which every class has the share that it has in the whole.
///
/// Source: [`sklearn.model_selection.StratifiedKFold`](https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.StratifiedKFold.html),
/// whose indices it gives unless shuffled.
///
/// ```
/// use flambeau_data::StratifiedKFold;
///
/// let folds = StratifiedKFold::new(2)?.split(&["cat", "cat", "cat", "dog", "dog", "cat"])?;
/// assert_eq!(folds[0].val, [0, 1, 3]);
/// assert_eq!(folds[1].val, [2, 4, 5]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StratifiedKFold {
    k: usize,
    seed: Option<u64>,
}

impl StratifiedKFold {
    /// `k` folds.
    ///
    /// # Errors
    /// [`Error::Config`] if `k` is less than 2.
    pub fn new(k: usize) -> Result<Self> {
        Ok(Self { k: check(k)?, seed: None })
    }

    /// Gives each class's items to the folds in random order instead of their own.
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The folds of items with these labels.
    ///
    /// # Errors
    /// [`Error::Config`] if every class has fewer items than there are folds. A class that has fewer is missing from
    /// some folds, which is no error.
    pub fn split<L: Ord>(&self, labels: &[L]) -> Result<Vec<Fold>> {
        let mut items = BTreeMap::<&L, Vec<usize>>::new();
        for (i, label) in labels.iter().enumerate() {
            items.entry(label).or_default().push(i);
        }
        let most = items.values().map(Vec::len).max().unwrap_or(0);
        if most < self.k {
            let message =
                format!("is {}, but the largest class has {most} items; each fold needs one", self.k);
            return Err(Error::config("k", message));
        }
        // In order of first appearance, so that renaming classes does not change the folds.
        let mut classes: Vec<Vec<usize>> = items.into_values().collect();
        classes.sort_unstable_by_key(|items| items[0]);
        let mut fold_of = vec![0; labels.len()];
        // Laid out class after class, every k-th item is one fold's: so the folds' sizes differ by at most 1 too.
        let mut start = 0;
        for (class, items) in classes.iter_mut().enumerate() {
            if let Some(seed) = self.seed {
                let order = random::permutation(seed, STREAM.wrapping_add(1 + class as u64), items.len());
                *items = order.into_iter().map(|i| items[i]).collect();
            }
            let range = start..start + items.len();
            start = range.end;
            let mut rest = items.iter();
            for fold in 0..self.k {
                let share = range.clone().filter(|place| place % self.k == fold).count();
                for &item in rest.by_ref().take(share) {
                    fold_of[item] = fold;
                }
            }
        }
        Ok(folds(self.k, &fold_of))
    }
}

/// Cuts items into `k` folds of about equal size such that no group (a patient, a scene) is in two of them.
///
/// Source: [`sklearn.model_selection.GroupKFold`](https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.GroupKFold.html),
/// whose indices it gives.
///
/// ```
/// use flambeau_data::GroupKFold;
///
/// let folds = GroupKFold::new(2)?.split(&["ann", "ann", "ben", "ann", "eve"])?;
/// assert_eq!(folds[0].val, [0, 1, 3]);
/// assert_eq!(folds[1].val, [2, 4]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GroupKFold {
    k: usize,
}

impl GroupKFold {
    /// `k` folds.
    ///
    /// # Errors
    /// [`Error::Config`] if `k` is less than 2.
    pub fn new(k: usize) -> Result<Self> {
        Ok(Self { k: check(k)? })
    }

    /// The folds of items that belong to these groups.
    ///
    /// # Errors
    /// [`Error::Config`] if there are fewer groups than folds.
    pub fn split<G: Ord>(&self, groups: &[G]) -> Result<Vec<Fold>> {
        let mut items = BTreeMap::<&G, Vec<usize>>::new();
        for (i, group) in groups.iter().enumerate() {
            items.entry(group).or_default().push(i);
        }
        if items.len() < self.k {
            let message = format!("is {} for {} groups; each fold needs at least 1", self.k, items.len());
            return Err(Error::config("k", message));
        }
        // The largest group first, each to the fold that is smallest so far; of groups of one size, the last first.
        let mut sorted: Vec<Vec<usize>> = items.into_values().collect();
        sorted.sort_by_key(Vec::len);
        let (mut fold_of, mut sizes) = (vec![0; groups.len()], vec![0; self.k]);
        for items in sorted.iter().rev() {
            let lightest = (0..self.k).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
            sizes[lightest] += items.len();
            items.iter().for_each(|&i| fold_of[i] = lightest);
        }
        Ok(folds(self.k, &fold_of))
    }
}
