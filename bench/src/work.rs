//! What a step must do at least, from which follows how fast a machine could be.

use serde::{Deserialize, Serialize};

/// Arithmetic, and memory that is touched even if everything between lies in caches or registers: inputs, parameters and
/// the optimiser's state read; results, gradients, parameters and state written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Floating-point operations: two for each multiply-add of matrix products and convolutions done directly. (Winograd's
    /// method needs fewer, so that it can be beyond what the processor could do.) Without such, one for each element and
    /// operation.
    pub flop: f64,
    /// Bytes.
    pub read: f64,
    /// Bytes.
    pub written: f64,
}

const FLOAT: f64 = 4.0;

const fn products(multiply_adds: f64, read: f64, written: f64) -> Work {
    Work { flop: 2.0 * multiply_adds, read: FLOAT * read, written: FLOAT * written }
}

/// A training step by an optimiser that keeps `states` numbers for each parameter.
const fn train(batch: f64, inputs: f64, parameters: f64, multiply_adds: f64, states: f64) -> Work {
    products(batch * multiply_adds, batch * inputs + (1.0 + states) * parameters, (2.0 + states) * parameters)
}

// 784–200–200–10. The gradient of the input is not wanted.
const MLP: f64 = 784.0 * 200.0 + 200.0 * 200.0 + 200.0 * 10.0;
const MLP_PARAMETERS: f64 = MLP + 410.0;

pub(crate) const fn train_mlp(batch: usize, states: usize) -> Work {
    train(batch as f64, 784.0, MLP_PARAMETERS, 3.0 * MLP - 784.0 * 200.0, states as f64)
}

pub(crate) const fn infer_mlp(batch: usize) -> Work {
    let batch = batch as f64;
    products(batch * MLP, batch * 784.0 + MLP_PARAMETERS, batch * 10.0)
}

pub(crate) const fn train_small_cnn(batch: usize) -> Work {
    const FIRST: f64 = 28.0 * 28.0 * 9.0 * 16.0;
    const SECOND: f64 = 14.0 * 14.0 * 9.0 * 16.0 * 32.0;
    const LINEAR: f64 = 1568.0 * 128.0 + 128.0 * 10.0;
    const PARAMETERS: f64 = 10.0 * 16.0 + 145.0 * 32.0 + LINEAR + 138.0;
    train(batch as f64, 784.0, PARAMETERS, 2.0 * FIRST + 3.0 * (SECOND + LINEAR), 2.0)
}

// Two 3 × 3 convolutions each with 32, 64 and 128 channels on 32 × 32, 16 × 16 and 8 × 8 pixels.
const DEEP_FIRST: f64 = 1024.0 * 9.0 * 3.0 * 32.0;
const DEEP: f64 = DEEP_FIRST
    + 1024.0 * 9.0 * 32.0 * 32.0
    + 256.0 * 9.0 * (32.0 + 64.0) * 64.0
    + 64.0 * 9.0 * (64.0 + 128.0) * 128.0
    + 2048.0 * 10.0;
const DEEP_PARAMETERS: f64 =
    9.0 * (3.0 * 32.0 + 32.0 * 32.0 + 96.0 * 64.0 + 192.0 * 128.0) + 3.0 * 2.0 * 224.0 + 20490.0;

pub(crate) const fn train_deep_cnn(batch: usize) -> Work {
    train(batch as f64, 3072.0, DEEP_PARAMETERS, 3.0 * DEEP - DEEP_FIRST, 1.0)
}

pub(crate) const fn infer_deep_cnn(batch: usize) -> Work {
    let batch = batch as f64;
    products(batch * DEEP, batch * 3072.0 + DEEP_PARAMETERS, batch * 10.0)
}

/// Of 16 to 32 channels; `passes` is 1 forward, 3 with both gradients.
pub(crate) const fn convolution(passes: usize) -> Work {
    const PIXELS: f64 = 64.0 * 28.0 * 28.0;
    const WEIGHT: f64 = 9.0 * 16.0 * 32.0;
    let gradients = if passes == 3 { 16.0 * PIXELS + WEIGHT } else { 0.0 };
    products(passes as f64 * PIXELS * WEIGHT, 16.0 * PIXELS + WEIGHT, 32.0 * PIXELS + gradients)
}

pub(crate) const fn product(size: usize) -> Work {
    let size = size as f64;
    products(size * size * size, 2.0 * size * size, size * size)
}

pub(crate) const fn elementwise(size: usize) -> Work {
    let size = size as f64;
    Work { flop: 3.0 * size, read: 3.0 * FLOAT * size, written: FLOAT * size }
}

/// Subtraction, exponential and sum; division and subtraction with the gradient.
pub(crate) const fn cross_entropy(backward: bool) -> Work {
    const LOGITS: f64 = 4096.0 * 1000.0;
    let (operations, written) = if backward { (5.0, FLOAT * LOGITS) } else { (3.0, 0.0) };
    Work { flop: operations * LOGITS, read: FLOAT * LOGITS, written }
}

pub(crate) const fn sum() -> Work {
    const SIZE: f64 = 4096.0 * 4096.0;
    Work { flop: SIZE, read: FLOAT * SIZE, written: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiply_adds_of_the_networks_are_those_counted_by_hand() {
        // See the table of the peers' harness.
        assert_eq!(infer_mlp(1).flop, 2.0 * 198_800.0);
        assert_eq!(train_mlp(64, 1).flop, 2.0 * 64.0 * 439_600.0);
        assert_eq!(train_small_cnn(1).flop, 2.0 * 3_541_248.0);
        assert_eq!(infer_deep_cnn(1).flop, 2.0 * 38_653_952.0);
        assert_eq!(train_deep_cnn(64).flop, 2.0 * 64.0 * 115_077_120.0);
        assert_eq!(train_mlp(1, 1).read, 4.0 * (784.0 + 2.0 * 199_210.0));
        assert_eq!(train_deep_cnn(1).written, 4.0 * 3.0 * 308_394.0);
    }
}
