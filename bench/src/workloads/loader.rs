//! Batches of Fashion-MNIST, plain and augmented, with as many worker threads as the workload says.

use std::path::Path;

use flambeau::data::transforms::{Compose, Normalize, RandomCrop, RandomRotation, Transform};
use flambeau::data::{DataLoader, Dataset, Split, TensorDataset, fashion_mnist};
use flambeau::prelude::*;

use crate::timing::{Measured, Timing, repeated};

/// Where Debian's package dataset-fashion-mnist puts the files.
pub(crate) const FOLDER: &str = "/usr/share/datasets/fashion-mnist";
const BATCH: usize = 64;
/// Batches of a run.
const PLAIN: usize = 400;
const AUGMENTED: usize = 100;
const RUNS: usize = 5;
/// Of the training images.
const MEAN: f64 = 0.286;
const STD: f64 = 0.353;

/// Why the workload cannot run here, if it cannot.
pub(crate) fn missing() -> Option<String> {
    let missing = !Path::new(FOLDER).is_dir();
    missing.then(|| format!("needs {FOLDER}: apt-get install dataset-fashion-mnist"))
}

fn data() -> TensorDataset {
    match fashion_mnist(FOLDER, Split::Train).and_then(|data| data.to_tensor_dataset()) {
        Ok(data) => data,
        Err(error) => panic!("{}", missing().unwrap_or(error.to_string())),
    }
}

/// The items as they are.
pub(crate) fn plain(_: &Timing, workers: usize) -> Measured {
    let data = data();
    let (x, y) = data.batch(&(0..BATCH).collect::<Vec<_>>());
    measure(data, [workers, PLAIN], x.mean().item::<f32>() + y.to_dtype(DType::F32).mean().item::<f32>())
}

/// Each image turned by up to 10°, moved by up to 2 pixels and normalised.
pub(crate) fn augmented(_: &Timing, workers: usize) -> Measured {
    let data = data();
    let normalize = || Normalize::new([MEAN], [STD]);
    let (x, _) = data.batch(&(0..BATCH).collect::<Vec<_>>());
    let check = normalize().call(&x).mean().item::<f32>();
    let transform = Compose::new((RandomRotation::new(10.0), RandomCrop::new(28).padding(2), normalize()));
    measure(data.transform(transform), [workers, AUGMENTED], check)
}

/// The number and length of the runs are fixed: with workers, a single call may find its batch ready.
fn measure(data: impl Dataset + 'static, [workers, batches]: [usize; 2], check: f32) -> Measured {
    let loader = DataLoader::new(data, BATCH).expect("60,000 items").shuffle(true).num_workers(workers);
    let mut epoch = loader.iter();
    let mut run = || {
        for _ in 0..batches {
            let batch = epoch.next().or_else(|| {
                epoch = loader.iter();
                epoch.next()
            });
            assert!(batch.is_some(), "an epoch without batches");
        }
    };
    run();
    let measured = repeated(RUNS, 1, run);
    let values = measured.values.into_iter().map(|seconds| batches as f64 / seconds).collect();
    Measured { values, calls: batches, check: vec![f64::from(check)], ..measured }
}
