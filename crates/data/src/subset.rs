//! A choice of another data set's items.

use flambeau_tensor::{Error, Result, Tensor};
use std::sync::Arc;

use crate::Dataset;

/// Some of another data set's items, in a given order.
///
/// Cloning shares the data. Made by [`random_split`](crate::random_split), or by hand.
///
/// Source: [`torch.utils.data.Subset`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Subset).
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, Subset, digits};
///
/// let first_ten = Subset::new(digits(), (0..10).collect())?;
/// assert_eq!(first_ten.len(), 10);
/// assert_eq!(first_ten.get(3).1.item::<i64>(), 3);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone)]
pub struct Subset {
    dataset: Arc<dyn Dataset>,
    indices: Arc<[usize]>,
}

impl Subset {
    /// The items of `dataset` at `indices`. An index may occur twice.
    ///
    /// # Errors
    /// [`Error::Config`] if an index is not less than the data set's length.
    pub fn new(dataset: impl Dataset + 'static, indices: Vec<usize>) -> Result<Self> {
        let len = dataset.len();
        if let Some(index) = indices.iter().find(|&&i| i >= len) {
            return Err(Error::config(
                "Subset",
                format!("index {index} is outside the data set of {len} items; indices start at 0"),
            ));
        }
        Ok(Self::from_parts(Arc::new(dataset), indices))
    }

    /// Trusts that every index is inside `dataset`.
    pub(crate) fn from_parts(dataset: Arc<dyn Dataset>, indices: Vec<usize>) -> Self {
        Self { dataset, indices: indices.into() }
    }

    /// These items, then those of another subset: of the same data set if both are, and so as quick to gather from.
    ///
    /// ```
    /// use flambeau_data::{Dataset, digits, random_split};
    ///
    /// let [train, val, test] = random_split(digits(), [0.6, 0.2, 0.2], 0)?;
    /// let rest = train.join(&val);
    /// assert_eq!(rest.len() + test.len(), 1797);
    /// assert_eq!(rest.indices()[train.len()], val.indices()[0]);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn join(&self, other: &Subset) -> Subset {
        if Arc::ptr_eq(&self.dataset, &other.dataset) {
            let indices = self.indices.iter().chain(&*other.indices).copied().collect();
            return Self::from_parts(Arc::clone(&self.dataset), indices);
        }
        let both = self.clone().concat(other.clone());
        let all = (0..both.len()).collect();
        Self::from_parts(Arc::new(both), all)
    }

    /// Where this subset's items are in the data set below it.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl std::fmt::Debug for Subset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subset({} of {} items)", self.indices.len(), self.dataset.len())
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        assert!(index < self.len(), "item {index} of a Subset of {} items", self.len());
        self.dataset.get(self.indices[index])
    }

    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        let below: Vec<usize> = indices.iter().map(|&i| self.indices[i]).collect();
        self.dataset.batch(&below)
    }

    fn origin(&self, index: usize) -> Option<(usize, usize)> {
        let below = *self.indices.get(index)?;
        self.dataset.origin(below).or_else(|| Some((Arc::as_ptr(&self.dataset).cast::<()>().addr(), below)))
    }
}
