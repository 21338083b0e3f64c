//! Toy sets, made and not read: as many items as one wants, the same for the same seed.

use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{Tensor, raise};
use std::f64::consts::{PI, TAU};

use crate::TensorDataset;

/// Two interleaved half circles: 2 classes that no line separates.
///
/// With `t` from 0 to π in equal steps, class 0 is `(cos t, sin t)` and class 1 `(1 − cos t, ½ − sin t)`, plus normal noise
/// of standard deviation `noise` (0.1 is usual). The inputs are `f32` of shape `[n, 2]`, the targets `i64` of shape
/// `[n]`; the first half is class 0.
///
/// Source: [`sklearn.datasets.make_moons`](https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html).
///
/// ```
/// use flambeau_data::{random_split, two_moons};
///
/// let [train, test] = random_split(two_moons(500, 0.1, 0), [0.8, 0.2], 0)?;
/// # let _ = (train, test);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn two_moons(n: usize, noise: f64, seed: u64) -> TensorDataset {
    let outer = n / 2;
    let point = |i: usize| {
        let (class, i, of) = if i < outer { (0, i, outer) } else { (1, i - outer, n - outer) };
        let t = PI * i as f64 / (of.max(2) - 1) as f64;
        let point = if class == 0 { [t.cos(), t.sin()] } else { [1.0 - t.cos(), 0.5 - t.sin()] };
        (point, class)
    };
    classes(n, noise, seed, point)
}

/// Spirals wound into each other, one a class: they need a network of some depth.
///
/// Arm `k` of `arms` is `r·(cos φ, sin φ)` with `r` from 0 to 1 in equal steps and `φ = 2π·k/arms + 2π·r`, one turn, plus normal
/// noise of standard deviation `noise` (0.02 is usual). The inputs are `f32` of shape `[n, 2]`, the targets `i64` of shape
/// `[n]`, the arms in turn.
///
/// Source: after the spirals of the notes of Stanford's [CS231n](https://cs231n.github.io/neural-networks-case-study/).
///
/// # Panics
/// If `arms` is 0.
///
/// ```
/// use flambeau_data::{Dataset, spirals};
/// assert_eq!(spirals(300, 3, 0.02, 0).targets().to_vec::<i64>()[..4], [0, 1, 2, 0]);
/// ```
#[track_caller]
pub fn spirals(n: usize, arms: usize, noise: f64, seed: u64) -> TensorDataset {
    at_least_one("spirals", "arms", arms);
    let steps = n.div_ceil(arms).max(2) - 1;
    let point = |i: usize| {
        let (arm, r) = (i % arms, (i / arms) as f64 / steps as f64);
        let angle = TAU * (arm as f64 / arms as f64 + r);
        ([r * angle.cos(), r * angle.sin()], arm as i64)
    };
    classes(n, noise, seed, point)
}

/// Round clouds of points, one a class.
///
/// The centres are drawn evenly from `[-10, 10)` in each coordinate, and points normally around them with standard deviation
/// `std` (1 is usual). The inputs are `f32` of shape `[n, 2]`, the targets `i64` of shape `[n]`, the clouds in turn.
///
/// Source: [`sklearn.datasets.make_blobs`](https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_blobs.html).
///
/// # Panics
/// If `centers` is 0.
///
/// ```
/// use flambeau_data::blobs;
/// assert_eq!(blobs(90, 3, 1.0, 0).inputs().shape(), [90, 2]);
/// ```
#[track_caller]
pub fn blobs(n: usize, centers: usize, std: f64, seed: u64) -> TensorDataset {
    at_least_one("blobs", "centers", centers);
    // Drawn from another seed than the points, so that their number does not move the points' noise.
    let places = fork_rng(seed ^ u64::MAX, || Tensor::rand([centers, 2])).to_vec::<f32>();
    let place = |i: usize| f64::from(places[i]) * 20.0 - 10.0;
    let point = |i: usize| {
        let center = i % centers;
        ([place(2 * center), place(2 * center + 1)], center as i64)
    };
    classes(n, std, seed, point)
}

/// A polynomial of one variable with noise, to see a model that is too simple or too complex for it.
///
/// `x` is drawn evenly from `[-1, 1)`, and `y = Σₖ coefficients[k]·xᵏ + noise·ε` with `ε` normal. Inputs and targets are `f32` of
/// shape `[n, 1]`.
///
/// ```
/// use flambeau_data::noisy_polynomial;
///
/// // y = 1 − 2x + 3x³ without noise.
/// let data = noisy_polynomial(50, &[1.0, -2.0, 0.0, 3.0], 0.0, 0);
/// let (x, y) = (data.inputs().to_vec::<f32>()[0], data.targets().to_vec::<f32>()[0]);
/// assert!((y - (1.0 - 2.0 * x + 3.0 * x.powi(3))).abs() < 1e-5);
/// ```
pub fn noisy_polynomial(n: usize, coefficients: &[f64], noise: f64, seed: u64) -> TensorDataset {
    let (x, e) = fork_rng(seed, || (Tensor::rand([n, 1]) * 2.0 - 1.0, Tensor::randn([n, 1])));
    let y = x.to_vec::<f32>().into_iter().zip(e.to_vec::<f32>()).map(|(x, e)| {
        let value = coefficients.iter().rev().fold(0.0, |sum, c| sum * f64::from(x) + c);
        (value + noise * f64::from(e)) as f32
    });
    paired(x, Tensor::from_vec(y.collect(), [n, 1]))
}

/// Invented prices of houses, which do not rise in line with the area.
///
/// The inputs are `f32` of shape `[n, 4]`, each drawn evenly and in its own unit, so that they want to be normalised: area in
/// m² from 30 to 230, rooms from 1 to 7 (whole numbers), age in years from 0 to 80, distance from the centre in km from 0 to
/// 30. The targets, `f32` of shape `[n, 1]`, are prices in thousands:
/// `50 + 1.2·area + 0.01·area² + 8·rooms − 0.9·age − 4·distance + 15·ε` with `ε` normal.
///
/// ```
/// use flambeau_data::house_prices;
/// assert_eq!(house_prices(200, 0).inputs().shape(), [200, 4]);
/// ```
pub fn house_prices(n: usize, seed: u64) -> TensorDataset {
    let (drawn, noise) = fork_rng(seed, || (Tensor::rand([n, 4]), Tensor::randn([n])));
    let (mut x, mut y) = (Vec::with_capacity(4 * n), Vec::with_capacity(n));
    for (&[a, b, c, d], e) in drawn.to_vec::<f32>().as_chunks().0.iter().zip(noise.to_vec::<f32>()) {
        let (area, rooms, age, distance) = (30.0 + 200.0 * a, (1.0 + 7.0 * b).floor(), 80.0 * c, 30.0 * d);
        x.extend([area, rooms, age, distance]);
        y.push(50.0 + 1.2 * area + 0.01 * area * area + 8.0 * rooms - 0.9 * age - 4.0 * distance + 15.0 * e);
    }
    paired(Tensor::from_vec(x, [n, 4]), Tensor::from_vec(y, [n, 1]))
}

/// Points of the plane with normal noise, and their classes.
fn classes(n: usize, noise: f64, seed: u64, point: impl Fn(usize) -> ([f64; 2], i64)) -> TensorDataset {
    let e = fork_rng(seed, || Tensor::randn([n, 2])).to_vec::<f32>();
    let (mut x, mut y) = (Vec::with_capacity(2 * n), Vec::with_capacity(n));
    for (i, e) in e.as_chunks::<2>().0.iter().enumerate() {
        let (point, class) = point(i);
        x.extend(point.iter().zip(e).map(|(v, &e)| (v + noise * f64::from(e)) as f32));
        y.push(class);
    }
    paired(Tensor::from_vec(x, [n, 2]), Tensor::from_vec(y, [n]))
}

/// Inputs and targets of one length.
fn paired(inputs: Tensor, targets: Tensor) -> TensorDataset {
    TensorDataset::new(inputs, targets).unwrap_or_else(|error| unreachable!("{error}"))
}

#[track_caller]
fn at_least_one(name: &str, field: &str, value: usize) {
    if value == 0 {
        raise(flambeau_tensor::Error::config(name, format!("{field} is 0; at least 1 is needed")));
    }
}
