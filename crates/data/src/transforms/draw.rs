//! What the random transforms draw, from this thread's generator.

use flambeau_tensor::random::{permutation, words};

/// A number from `low` to `high`, `high` left out; `low` where they are the same.
pub(super) fn uniform(low: f64, high: f64) -> f64 {
    low + (high - low) * unit()
}

/// In [0, 1).
fn unit() -> f64 {
    let [low, high, ..] = words();
    (bits(low, high) >> 11) as f64 / (1u64 << 53) as f64
}

/// One of 0, …, n − 1; 0 where there is none.
pub(super) fn below(n: usize) -> usize {
    let [low, high, ..] = words();
    ((u128::from(bits(low, high)) * n as u128) >> 64) as usize
}

pub(super) fn chance(p: f64) -> bool {
    unit() < p
}

/// The numbers 0, …, n − 1 in random order.
pub(super) fn order(n: usize) -> Vec<usize> {
    let [low, high, ..] = words();
    permutation(bits(low, high), 0, n)
}

/// Standard normal, by Box and Muller's transform.
pub(super) fn normal() -> f64 {
    let (u, turn) = (1.0 - unit(), unit());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
}

/// From the Beta distribution with both parameters `alpha`.
pub(super) fn beta(alpha: f64) -> f64 {
    // As logarithms: where alpha is small, both may be less than any number above 0.
    let (x, y) = (log_gamma_variate(alpha), log_gamma_variate(alpha));
    1.0 / (1.0 + (y - x).exp())
}

/// The logarithm of a number from the Gamma distribution of shape `a`.
/// Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
fn log_gamma_variate(a: f64) -> f64 {
    if a < 1.0 {
        return log_gamma_variate(a + 1.0) + (1.0 - unit()).ln() / a;
    }
    let d = a - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return (d * v).ln();
        }
    }
}

fn bits(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
