//! Writes event files into the folder given, for xtask/torch/check_tensorboard.py.

use flambeau_tensor::Tensor;
use flambeau_train::{Logger, TensorBoard};

fn main() -> flambeau_tensor::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "events".into());
    let values = |step: u64| [("train/loss", 1.0 / step as f64), ("val/loss", 2.0 / step as f64)];
    let mut log = TensorBoard::new(&folder)?;
    log.text(0, "notes", "ein *Feuer* 火")?;
    (1..=10).try_for_each(|step| log.scalars(step, &values(step)))?;
    log.histogram(5, "weights", &Tensor::arange(0.0, 300.0, 1.0))?;
    log.histogram(5, "constant", &Tensor::full([4], 2.5))?;
    // Killed, and gone on from step 6: 7 to 10 come once more.
    let mut log = TensorBoard::new(&folder)?;
    log.resume(6)?;
    (7..=12).try_for_each(|step| log.scalars(step, &values(step)))
}
