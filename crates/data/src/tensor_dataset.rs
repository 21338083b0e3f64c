//! Data held in memory as tensors.

use flambeau_tensor::{Error, Result, Tensor};

use crate::Dataset;

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
