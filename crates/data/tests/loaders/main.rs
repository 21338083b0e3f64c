//! Data sets, samplers, loaders and splits.

mod datasets;
mod folds;
mod loader;
mod samplers;
mod splits;
mod stream;
mod workers;

use flambeau_data::{Dataset, TensorDataset};
use flambeau_tensor::Tensor;

/// Items whose input and target are their index.
fn numbers(n: usize) -> TensorDataset {
    let x = Tensor::from_vec((0..n).map(|v| v as f32).collect(), [n, 1]);
    let y = Tensor::from_vec((0..n as i64).collect(), [n]);
    TensorDataset::new(x, y).unwrap()
}

/// The same, computed item by item.
struct Items(usize);

impl Dataset for Items {
    fn len(&self) -> usize {
        self.0
    }
    fn get(&self, index: usize) -> (Tensor, Tensor) {
        (Tensor::from_vec(vec![index as f32], [1]), Tensor::from_vec(vec![index as i64], []))
    }
}

/// All targets, in order.
fn targets(batches: impl IntoIterator<Item = (Tensor, Tensor)>) -> Vec<i64> {
    batches.into_iter().flat_map(|(_, y)| y.to_vec::<i64>()).collect()
}

/// What a panic says.
fn panic_message(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "no message".to_owned())
}
