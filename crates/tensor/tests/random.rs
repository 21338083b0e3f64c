//! Random tensors by their distributions. The generator is seeded, so that a test passes always or never.

use flambeau_tensor::door::{Value, call};
use flambeau_tensor::{DType, Tensor, manual_seed, tensor};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests share the generator: one at a time, each from the same seed.
fn seeded() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    manual_seed(7);
    guard
}

/// How often each of 0 to k − 1 occurs.
fn counts(x: &Tensor, k: usize) -> Vec<usize> {
    let mut counts = vec![0; k];
    x.to_vec::<i64>().iter().for_each(|&i| counts[i as usize] += 1);
    counts
}

/// Whether counts are as expected, within five standard deviations of a binomial each.
fn assert_close(counts: &[usize], probabilities: &[f64]) {
    let n = counts.iter().sum::<usize>() as f64;
    for (&count, &p) in counts.iter().zip(probabilities) {
        let off = (count as f64 - n * p).abs();
        assert!(off <= 5.0 * (n * p * (1.0 - p)).sqrt(), "{counts:?}, probabilities {probabilities:?}");
    }
}

/// Mean and standard deviation.
fn moments(x: &Tensor) -> (f64, f64) {
    let x = x.to_dtype(DType::F64).to_vec::<f64>();
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[test]
fn uniform_integers_reach_every_value_equally_often() {
    let _one = seeded();
    let x = Tensor::randint(-2, 3, [100, 100]);
    assert_close(&counts(&(x + 2), 5), &[0.2; 5]);
    let extremes = Tensor::randint(i64::MIN, i64::MAX, [1000]).to_vec::<i64>();
    assert!(extremes.iter().any(|&i| i < i64::MIN / 2) && extremes.iter().any(|&i| i > i64::MAX / 2));
}

#[test]
fn permutations_are_permutations_and_all_as_likely() {
    let _one = seeded();
    let mut seen = [0; 6];
    for _ in 0..6000 {
        let p = Tensor::randperm(3).to_vec::<i64>();
        let number = match p[..] {
            [0, 1, 2] => 0,
            [0, 2, 1] => 1,
            [1, 0, 2] => 2,
            [1, 2, 0] => 3,
            [2, 0, 1] => 4,
            [2, 1, 0] => 5,
            _ => panic!("{p:?}"),
        };
        seen[number] += 1;
    }
    assert_close(&seen, &[1.0 / 6.0; 6]);
}

#[test]
fn bernoulli_is_one_as_often_as_asked() {
    let _one = seeded();
    for dtype in [DType::F32, DType::F64] {
        let p = tensor![0.0, 0.1, 0.5, 0.9, 1.0].to_dtype(dtype).expand([20_000, 5]);
        let x = p.bernoulli();
        assert_eq!(x.dtype(), dtype);
        for (i, p) in [0.0, 0.1, 0.5, 0.9, 1.0].into_iter().enumerate() {
            let ones = x.select(1, i as isize).sum().item::<f64>() as usize;
            assert_close(&[20_000 - ones, ones], &[1.0 - p, p]);
        }
    }
}

#[test]
fn multinomial_draws_in_proportion_to_the_weights() {
    let _one = seeded();
    let weights = tensor![[1.0, 0.0, 3.0, 4.0], [2.0, 2.0, 0.0, 0.0]];
    let x = weights.multinomial(20_000, true);
    assert_close(&counts(&x.select(0, 0), 4), &[0.125, 0.0, 0.375, 0.5]);
    assert_close(&counts(&x.select(0, 1), 4), &[0.5, 0.5, 0.0, 0.0]);
    // Without replacement the first is drawn by the weights, the second by those that are left.
    let many = tensor![1.0, 0.0, 3.0, 4.0].expand([20_000, 4]);
    let x = many.multinomial(2, false);
    assert_close(&counts(&x.select(1, 0), 4), &[0.125, 0.0, 0.375, 0.5]);
    let second_is_0 = 0.375 * (1.0 / 5.0) + 0.5 * (1.0 / 4.0);
    let zeros = counts(&x.select(1, 1), 4)[0];
    assert_close(&[zeros, 20_000 - zeros], &[second_is_0, 1.0 - second_is_0]);
    assert!(x.select(1, 0).ne(x.select(1, 1)).to_vec::<bool>().iter().all(|&differ| differ));
}

#[test]
fn normal_numbers_have_their_mean_and_deviation() {
    let _one = seeded();
    let (mean, std) = moments(&Tensor::normal(3.0, 2.0, [40_000]));
    assert!((mean - 3.0).abs() < 0.05 && (std - 2.0).abs() < 0.05, "{mean} {std}");
    let x = Tensor::zeros([1]).expand([40_000]).to_dtype(DType::F64);
    let (mean, std) = moments(&x.randn_like());
    assert!(mean.abs() < 0.025 && (std - 1.0).abs() < 0.025, "{mean} {std}");
    let each = tensor![[-5.0], [5.0]].normal_tensor(tensor![1.0, 0.1].expand([20_000, 2]).t());
    for (row, mean, std) in [(0, -5.0, 1.0), (1, 5.0, 0.1)] {
        let got = moments(&each.select(0, row));
        assert!((got.0 - mean).abs() < 0.04 && (got.1 - std).abs() < 0.04, "{got:?}");
    }
}

#[test]
fn uniform_numbers_are_multiples_of_two_to_the_minus_24_below_one() {
    let _one = seeded();
    let x = Tensor::zeros([50_000]).rand_like();
    let (mean, std) = moments(&x);
    assert!((mean - 0.5).abs() < 0.01 && (std - 12f64.sqrt().recip()).abs() < 0.01);
    assert!(x.to_vec::<f32>().iter().all(|&v| (0.0..1.0).contains(&v) && (v * 16_777_216.0).fract() == 0.0));
}

#[test]
fn the_seed_decides() {
    let _one = seeded();
    let size = Value::List(vec![Value::Int(4), Value::Int(3)]);
    let p = Value::Tensor(Tensor::full([4, 3], 0.5f32));
    let draw = || -> Vec<Vec<f64>> {
        manual_seed(3);
        let calls = [
            call("rand", std::slice::from_ref(&size), &[]),
            call("randn", &[Value::Int(4), Value::Int(3)], &[("dtype", Value::DType(DType::F64))]),
            call("rand_like", std::slice::from_ref(&p), &[]),
            call("randn_like", std::slice::from_ref(&p), &[("dtype", Value::DType(DType::F64))]),
            call("randint", &[Value::Int(9), size.clone()], &[]),
            call("randint", &[], &[("low", Value::Int(3)), ("high", Value::Int(9)), ("size", size.clone())]),
            call("randint", &[], &[("high", Value::Int(9)), ("size", size.clone())]),
            call("randperm", &[Value::Int(12)], &[]),
            call("bernoulli", std::slice::from_ref(&p), &[]),
            call("bernoulli", &[p.clone(), Value::Float(0.25)], &[]),
            call("multinomial", &[p.clone(), Value::Int(2)], &[]),
            call("normal", &[Value::Float(0.0), Value::Int(1), size.clone()], &[]),
            call("normal", &[p.clone(), p.clone()], &[]),
            call("normal", &[Value::Int(0), p.clone()], &[]),
        ];
        calls.into_iter().map(|x| x.unwrap()[0].to_dtype(DType::F64).to_vec()).collect()
    };
    let (first, second) = (draw(), draw());
    assert_eq!(first, second);
    assert_ne!(first[0], first[2], "a stream goes on");
}
