//! Data sets one after another.

use flambeau_tensor::{Error, Result, Tensor};
use std::sync::Arc;

use crate::{Dataset, default_collate, item};

/// The items of several data sets, one set after another.
///
/// Source: [`torch.utils.data.ConcatDataset`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.ConcatDataset).
///
/// # Examples
/// ```
/// use flambeau_data::{ConcatDataset, Dataset, digits};
/// use std::sync::Arc;
///
/// let twice = ConcatDataset::new(vec![Arc::new(digits()), Arc::new(digits())])?;
/// assert_eq!(twice.len(), 2 * 1797);
/// assert_eq!(twice.get(1797 + 3).1.item::<i64>(), 3);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone)]
pub struct ConcatDataset {
    datasets: Vec<Arc<dyn Dataset>>,
    /// Where each data set ends.
    ends: Vec<usize>,
}

impl ConcatDataset {
    /// Joins `datasets`.
    ///
    /// # Errors
    /// [`Error::Config`] if there is none.
    pub fn new(datasets: Vec<Arc<dyn Dataset>>) -> Result<Self> {
        if datasets.is_empty() {
            return Err(Error::config("ConcatDataset", "needs at least one data set"));
        }
        Ok(Self::from_parts(datasets))
    }

    pub(crate) fn from_parts(datasets: Vec<Arc<dyn Dataset>>) -> Self {
        let mut end = 0_usize;
        let ends = datasets.iter().map(|d| {
            end = end.saturating_add(d.len());
            end
        });
        let ends = ends.collect();
        Self { datasets, ends }
    }

    /// The data sets, in order.
    pub fn datasets(&self) -> &[Arc<dyn Dataset>] {
        &self.datasets
    }

    /// Which data set holds an item, and its index there.
    fn locate(&self, index: usize) -> (usize, usize) {
        let set = self.ends.partition_point(|&end| end <= index);
        assert!(set < self.ends.len(), "item {index} of a ConcatDataset of {} items", self.len());
        let start = if set == 0 { 0 } else { self.ends[set - 1] };
        (set, index - start)
    }
}

impl std::fmt::Debug for ConcatDataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConcatDataset({} data sets, {} items)", self.datasets.len(), self.len())
    }
}

impl Dataset for ConcatDataset {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        let (set, index) = self.locate(index);
        self.datasets[set].get(index)
    }

    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        let places: Vec<_> = indices.iter().map(|&i| self.locate(i)).collect();
        match places.first() {
            // All from one set, the usual case without shuffling: that set may gather them at once.
            Some(&(set, _)) if places.iter().all(|&(s, _)| s == set) => {
                self.datasets[set].batch(&places.into_iter().map(|(_, i)| i).collect::<Vec<_>>())
            }
            _ => default_collate(item::each(indices, |i| self.get(i))),
        }
    }

    fn origin(&self, index: usize) -> Option<(usize, usize)> {
        let (set, below) = self.locate(index);
        let dataset = &self.datasets[set];
        dataset.origin(below).or_else(|| Some((Arc::as_ptr(dataset).cast::<()>().addr(), below)))
    }
}
