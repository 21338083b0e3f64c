//! What a data set is, and the two that need no file: tensors in memory and a choice of another's items.

use flambeau_tensor::{Error, Result, Tensor};
use std::sync::Arc;

/// A finite collection of (input, target) pairs, reached by index.
///
/// Implement [`len`](Self::len) and [`get`](Self::get); [`batch`](Self::batch) then works, and is worth overriding
/// where many items can be had at once for less than one by one. Loaders call from several threads, hence
/// `Send + Sync`.
///
/// Source: [`torch.utils.data.Dataset`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Dataset).
///
/// # Examples
/// The squares, computed when asked for:
/// ```
/// use flambeau_data::Dataset;
/// use flambeau_tensor::Tensor;
///
/// struct Squares;
///
/// impl Dataset for Squares {
///     fn len(&self) -> usize {
///         100
///     }
///     fn get(&self, index: usize) -> (Tensor, Tensor) {
///         let x = index as f32;
///         (Tensor::from_vec(vec![x], [1]), Tensor::from_vec(vec![x * x], [1]))
///     }
/// }
///
/// let (x, y) = Squares.batch(&[2, 3]);
/// assert_eq!(x.shape(), [2, 1]);
/// assert_eq!(y.to_vec::<f32>(), [4.0, 9.0]);
/// ```
pub trait Dataset: Send + Sync {
    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The input and the target of one item, without a batch dimension.
    ///
    /// # Panics
    /// If `index` is not less than [`len`](Self::len).
    fn get(&self, index: usize) -> (Tensor, Tensor);

    /// The inputs and the targets of many items, each stacked along a new first dimension.
    ///
    /// # Panics
    /// If `indices` is empty, an index is not less than [`len`](Self::len), or the items differ in shape or dtype.
    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        let (inputs, targets): (Vec<_>, Vec<_>) = indices.iter().map(|&i| self.get(i)).unzip();
        (Tensor::stack(&inputs, 0), Tensor::stack(&targets, 0))
    }
}

impl<D: Dataset + ?Sized> Dataset for Arc<D> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn get(&self, index: usize) -> (Tensor, Tensor) {
        (**self).get(index)
    }
    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        (**self).batch(indices)
    }
}

/// Inputs and targets held in memory as two tensors of equal first dimension.
///
/// Source: [`torch.utils.data.TensorDataset`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset).
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, TensorDataset};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0], [3, 2]);
/// let y = Tensor::from_vec(vec![0_i64, 1, 0], [3]);
/// let data = TensorDataset::new(x, y)?;
/// let (x, y) = data.batch(&[2, 0]);
/// assert_eq!(x.to_vec::<f32>(), [4.0, 5.0, 0.0, 1.0]);
/// assert_eq!(y.to_vec::<i64>(), [0, 0]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TensorDataset {
    inputs: Tensor,
    targets: Tensor,
}

impl TensorDataset {
    /// Pairs `inputs` with `targets` along their first dimension. Shares the tensors, copies nothing.
    ///
    /// # Errors
    /// [`Error::Config`] if one of them has no dimension or their first dimensions differ.
    pub fn new(inputs: Tensor, targets: Tensor) -> Result<Self> {
        match (inputs.shape().first(), targets.shape().first()) {
            (Some(n), Some(m)) if n == m => Ok(Self { inputs, targets }),
            _ => Err(Error::config(
                "TensorDataset",
                format!(
                    "the inputs have shape {:?} and the targets {:?}; both need the same first dimension, one entry an item",
                    inputs.shape(),
                    targets.shape()
                ),
            )),
        }
    }

    /// All inputs, one an entry of the first dimension.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// All targets, one an entry of the first dimension.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }
}

impl Dataset for TensorDataset {
    fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        assert!(index < self.len(), "item {index} of a TensorDataset of {} items", self.len());
        (self.inputs.select(0, index as isize), self.targets.select(0, index as isize))
    }

    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        let indices = Tensor::from_vec(indices.iter().map(|&i| i as i64).collect(), [indices.len()]);
        (self.inputs.index_select(0, &indices), self.targets.index_select(0, &indices))
    }
}

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
        self.dataset.get(self.indices[index])
    }

    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        let below: Vec<usize> = indices.iter().map(|&i| self.indices[i]).collect();
        self.dataset.batch(&below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(n: usize) -> TensorDataset {
        let x = Tensor::from_vec((0..2 * n).map(|v| v as f32).collect(), [n, 2]);
        let y = Tensor::from_vec((0..n as i64).collect(), [n]);
        TensorDataset::new(x, y).unwrap()
    }

    /// The same items without an own `batch`.
    struct OneByOne(TensorDataset);

    impl Dataset for OneByOne {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn get(&self, index: usize) -> (Tensor, Tensor) {
            self.0.get(index)
        }
    }

    #[test]
    fn batch_equals_stacked_items() {
        let (x, y) = pairs(5).batch(&[4, 0, 4]);
        let (x1, y1) = OneByOne(pairs(5)).batch(&[4, 0, 4]);
        assert_eq!(x.shape(), [3, 2]);
        assert_eq!(x1.shape(), [3, 2]);
        assert_eq!(x.to_vec::<f32>(), [8., 9., 0., 1., 8., 9.]);
        assert_eq!(x1.to_vec::<f32>(), x.to_vec::<f32>());
        assert_eq!(y1.to_vec::<i64>(), y.to_vec::<i64>());
    }

    #[test]
    fn subset_of_a_subset_maps_twice() {
        let outer = Subset::new(Subset::new(pairs(10), vec![9, 7, 5, 3]).unwrap(), vec![3, 0]).unwrap();
        assert_eq!(outer.batch(&[0, 1]).1.to_vec::<i64>(), [3, 9]);
        assert_eq!(outer.get(1).1.item::<i64>(), 9);
        assert_eq!(format!("{outer:?}"), "Subset(2 of 4 items)");
    }

    #[test]
    fn misfits_are_errors() {
        let x = Tensor::from_vec(vec![0f32; 6], [3, 2]);
        let y = Tensor::from_vec(vec![0i64; 2], [2]);
        let message = TensorDataset::new(x.clone(), y).unwrap_err().to_string();
        assert!(message.contains("[3, 2]") && message.contains("[2]"), "{message}");
        assert!(TensorDataset::new(x, Tensor::from_vec(vec![1f32], [])).is_err());
        let message = Subset::new(pairs(3), vec![0, 3]).unwrap_err().to_string();
        assert!(message.contains("index 3") && message.contains("3 items"), "{message}");
    }
}
