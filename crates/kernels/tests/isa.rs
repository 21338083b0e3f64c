//! Every instruction set gives the same bits for everything but matrix products.
//!
//! The set is chosen once per process, so the test runs itself again for each one.

use flambeau_kernels::isa::{detect, dispatch};
use flambeau_kernels::optim::{Piece, Update, Updates};
use flambeau_kernels::pointwise::{Map, map};
use flambeau_kernels::{Float, Num, Strided, dropout, loss, optim, reduce, rng, softmax, vector};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

#[derive(Clone, Copy)]
struct Formula;
impl Map<2, f32, f32> for Formula {
    #[inline(always)]
    fn apply(&self, [x, y]: [f32; 2]) -> f32 {
        formula(x, y)
    }
}

/// Generic, so that the functions are those of `Num` and not the standard library's.
#[inline(always)]
fn formula<E: Num>(x: E, y: E) -> E {
    let one = E::lit(1.0);
    x.exp() * y.tanh() + x.sigmoid() / (y.abs() + one).ln() - y.exp_m1() * x.abs().ln_1p()
        + x.abs().sqrt() * x.erf()
        + x.sin() * (y * E::lit(1e9)).cos()
        + x.tan() * x.fmod(y)
        + x.abs().pow(y) * x.atan()
        + (x.exp2() + x.abs().log2() * x.abs().log10()) * (x.sinh() + y.cosh())
}

#[derive(Clone, Copy)]
struct FormulaF64;
impl Map<2, f64, f64> for FormulaF64 {
    #[inline(always)]
    fn apply(&self, [x, y]: [f64; 2]) -> f64 {
        formula(x, y)
    }
}

#[derive(Clone, Copy)]
struct Momentum;
impl Update for Momentum {
    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, state: [T; N]) -> (T, [T; N]) {
        let state = state.map(|s| optim::lerp(s, grad, 0.1));
        let sum = state.iter().fold(T::lit(0.0), |sum, &s| sum + s);
        (p - T::lit(0.1) * sum / (grad.abs().sqrt() + T::lit(1e-3)), state)
    }
}

/// The bits of one result of every kind of loop.
fn digest() -> u64 {
    let mut hash = DefaultHasher::new();
    let mut add = |name: &str, values: &[f32]| {
        (name, values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()).hash(&mut hash);
    };
    let n = 40_009;
    let (mut x, mut y) = (vec![0f32; n], vec![0f32; n]);
    rng::fill_normal_f32(1, 0, &mut x);
    rng::fill_uniform_f32(2, 0, &mut y);
    add("random", &x);
    let mut out = vec![0f32; n];
    let view = |data| Strided { data, offset: 0, strides: &[1] };
    map(&Formula, [view(&x), view(&y)], &[n], &mut out);
    add("pointwise", &out);
    let mut sum = [0f32];
    reduce::reduce(reduce::Sum, &x, [1, n, 1], &mut sum);
    add("sum of a row", &sum);
    for len in [5, 16, 100, 1_111] {
        let (count, mut rows) = (n / len, vec![0f32; n / len]);
        let x = &x[..count * len];
        reduce::reduce(reduce::Sum, x, [count, len, 1], &mut rows);
        add("sum of rows", &rows);
        reduce::reduce(reduce::Max, x, [count, len, 1], &mut rows);
        add("max of rows", &rows);
        reduce::reduce(reduce::Min, x, [count, len, 1], &mut rows);
        add("min of rows", &rows);
        reduce::reduce(reduce::Product, x, [count, len, 1], &mut rows);
        add("product of rows", &rows);
    }
    let mut columns = vec![0f32; 2 * 70];
    reduce::reduce(reduce::Sum, &x[..2 * 200 * 70], [2, 200, 70], &mut columns);
    add("sum of columns", &columns);
    reduce::reduce(reduce::Sum, &x[..10 * 4000], [1, 4000, 10], &mut columns[..10]);
    add("sum of narrow columns", &columns[..10]);
    reduce::reduce(reduce::Max, &x[..2 * 200 * 70], [2, 200, 70], &mut columns);
    add("max of columns", &columns);
    for inner in [1, 3] {
        let shape = [40, 1000 / inner, inner];
        let used = shape.iter().product();
        let kind = if inner == 1 { softmax::Softmax::Log } else { softmax::Softmax::Plain };
        softmax::softmax(kind, &x[..used], shape, &mut out[..used]);
        add("softmax", &out[..used]);
    }
    for kind in [softmax::Softmax::Plain, softmax::Softmax::Log, softmax::Softmax::Safe] {
        let mut gradient = [0f32; 37 * 5];
        softmax::softmax(kind, &x[..37 * 5], [37, 5, 1], &mut out[..37 * 5]);
        softmax::backward(kind, &y[..37 * 5], &out[..37 * 5], [37, 5, 1], &mut gradient);
        add("softmax of short rows", &out[..37 * 5]);
        add("its gradient", &gradient);
    }
    let target: Vec<i64> = (0..40).collect();
    let mut losses = vec![0f32; 40];
    let targets = loss::Targets { classes: &target, ignore: 7, weight: None };
    loss::cross_entropy(&x[..40_000], targets, 1000, &mut losses);
    add("cross entropy", &losses);
    loss::cross_entropy_backward(&x[..40_000], targets, 1000, |i| i as f32, &mut out[..40_000]);
    add("its gradient", &out[..40_000]);
    loss::cross_entropy_with_gradient(&x[..40_000], targets, 1000, 0.5, &mut losses, &mut out[..40_000]);
    add("both", &losses);
    add("at once", &out[..40_000]);
    loss::cross_entropy_with_gradient(&x[..40 * 41], targets, 41, 0.5, &mut losses, &mut out[..40 * 41]);
    add("of short rows", &losses);
    add("and its gradient", &out[..40 * 41]);
    let turned = |data| Strided { data, offset: 0, strides: &[1, 200] };
    map(&Formula, [turned(&x), turned(&y)], &[200, 200], &mut out[..40_000]);
    add("transposed", &out[..40_000]);
    let (mut wide, mut wide_out) = (vec![0f64; n], vec![0f64; n]);
    let draw = rng::Draw { normal: true, seed: 3, offset: 0, scale: 1.0, shift: 0.0, out: &mut wide[..] };
    dispatch(draw);
    let view = |data| Strided { data, offset: 0, strides: &[1] };
    map(&FormulaF64, [view(&wide), view(&wide)], &[n], &mut wide_out);
    for (name, values) in [("random in f64", &wide), ("pointwise in f64", &wide_out)] {
        // The bits of each as those of two numbers.
        let halves = |v: &f64| [v.to_bits() as u32, (v.to_bits() >> 32) as u32].map(f32::from_bits);
        add(name, &values.iter().flat_map(halves).collect::<Vec<_>>());
    }
    dropout::dropout(&x, 0.3, 5, 2, &mut out);
    add("dropout", &out);
    let piece = Piece { update: 0, p: &mut out, grad: &x, state: [&mut y[..]].into_iter().collect() };
    optim::step(vec![piece], &|piece| vec![Momentum].single(piece));
    add("step", &out);
    add("its state", &y);
    add("norm and product", &[vector::norm(&[&x[..]], 2.0) as f32, vector::dot(&x, &y) as f32]);
    hash.finish()
}

#[test]
fn instruction_sets_agree_to_the_bit() {
    if std::env::var_os("FLAMBEAU_DIGEST").is_some() {
        println!("digest {:x}", digest());
        return;
    }
    let sets = &["scalar", "avx2", "avx512"][..=detect() as usize];
    let digests: Vec<String> = sets
        .iter()
        .map(|set| {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["instruction_sets_agree_to_the_bit", "--exact", "--nocapture"])
                .env("FLAMBEAU_ISA", set)
                .env("FLAMBEAU_DIGEST", "1")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let line = text.lines().find_map(|l| l.split("digest ").nth(1)).map(str::to_owned);
            line.unwrap_or_else(|| panic!("{set}: {text}{}", String::from_utf8_lossy(&output.stderr)))
        })
        .collect();
    assert!(digests.windows(2).all(|d| d[0] == d[1]), "{sets:?}: {digests:?}");
}
