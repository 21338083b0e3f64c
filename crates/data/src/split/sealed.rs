//! Test data that can be looked at once.

use crate::Dataset;

/// A test set under seal: the only way to the data is [`open`](Self::open), which uses the seal up, so that a second
/// evaluation does not compile.
///
/// Seal the part as soon as it is cut off, and keep no copy of it. It can be neither cloned nor borrowed from;
/// [`LeakCheck`](crate::LeakCheck) may look into it for items that are in other parts too.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, SealedTestSet, digits, random_split};
///
/// let [train, test] = random_split(digits(), [0.8, 0.2], 0)?;
/// let test = SealedTestSet::new(test);
/// // … training, choosing the model …
/// let test = test.open();
/// assert_eq!(train.len() + test.len(), 1797);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
///
/// It opens once:
/// ```compile_fail,E0382
/// use flambeau_data::{SealedTestSet, digits};
///
/// let test = SealedTestSet::new(digits());
/// let first = test.open();
/// let second = test.open(); // error[E0382]: use of moved value: `test`
/// ```
///
/// A copy made in advance does not help, since there is none:
/// ```compile_fail,E0599
/// use flambeau_data::{SealedTestSet, digits};
///
/// let test = SealedTestSet::new(digits());
/// let copy = test.clone(); // error[E0599]: no method named `clone`
/// ```
///
/// Nor can the items be had without opening it:
/// ```compile_fail,E0277
/// use flambeau_data::{DataLoader, SealedTestSet, digits};
///
/// let test = SealedTestSet::new(digits());
/// let loader = DataLoader::new(test, 64); // error[E0277]: `SealedTestSet` is not a `Dataset`
/// ```
///
/// ```compile_fail,E0616
/// use flambeau_data::{SealedTestSet, digits};
///
/// let test = SealedTestSet::new(digits());
/// let data = &test.dataset; // error[E0616]: the field is private
/// ```
#[must_use = "a sealed test set is there to be opened in the end"]
pub struct SealedTestSet<D> {
    dataset: D,
}

impl<D> SealedTestSet<D> {
    /// Puts the test data under seal.
    pub fn new(dataset: D) -> Self {
        Self { dataset }
    }

    /// The data, for the one evaluation after all choices are made.
    pub fn open(self) -> D {
        self.dataset
    }

    pub(super) fn peek(&self) -> &D {
        &self.dataset
    }
}

impl<D: Dataset> SealedTestSet<D> {
    /// The number of its items, which says nothing of them.
    pub fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<D> std::fmt::Debug for SealedTestSet<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedTestSet(..)")
    }
}
