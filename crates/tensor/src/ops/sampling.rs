//! Random tensors: rand, randn, randint, randperm, bernoulli, multinomial, normal, and those like another.

use super::creation::{made, options};
use crate::create::Kind;
use crate::door::{Args, Calls, Other};
use crate::op::{ensure, raise, unwrap};
use crate::shape::{Shape, broadcast_shape};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Operand, Result, Tensor, random};
use flambeau_kernels::math::ln_f64;
use flambeau_kernels::strided::GRAIN;
use flambeau_kernels::{pool, rng};

impl Tensor {
    /// Uniform random numbers in [0, 1), with this tensor's shape and dtype.
    /// [`torch.rand_like`](https://docs.pytorch.org/docs/stable/generated/torch.rand_like.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type.
    #[track_caller]
    pub fn rand_like(&self) -> Tensor {
        floats("rand_like", self.shape_ref(), self.dtype(), Kind::Uniform(0.0, 1.0))
    }

    /// Standard normal random numbers, with this tensor's shape and dtype.
    /// [`torch.randn_like`](https://docs.pytorch.org/docs/stable/generated/torch.randn_like.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type.
    #[track_caller]
    pub fn randn_like(&self) -> Tensor {
        floats("randn_like", self.shape_ref(), self.dtype(), Kind::Normal(0.0, 1.0))
    }

    /// Uniform random integers from `low` to below `high`, `i64`.
    /// [`torch.randint`](https://docs.pytorch.org/docs/stable/generated/torch.randint.html).
    ///
    /// # Panics
    /// If `low` is not below `high`.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert!(Tensor::randint(1, 7, [100]).to_vec::<i64>().iter().all(|n| (1..7).contains(n)));
    /// ```
    #[track_caller]
    pub fn randint(low: i64, high: i64, shape: impl Into<Shape>) -> Tensor {
        ensure!(
            low < high,
            "randint",
            "no integer lies from {low} to below {high}; low must be less than high"
        );
        let shape = shape.into();
        let stream = random::reserve(shape.numel(), DType::F64);
        Tensor::compute_as("randint", shape, DType::I64, |out| {
            let out = out.slice::<i64>();
            // The span of two i64 fits a u64; of its offsets from `low` the wrapped sum is right.
            let span = high.abs_diff(low);
            pool::chunks_mut(out, GRAIN, |start, out| {
                rng::fill_below(stream.seed, stream.offset + start as u64, span, out);
                out.iter_mut().for_each(|o| *o = low.wrapping_add(*o));
            });
        })
    }

    /// The integers 0 to n − 1 in random order, `i64`.
    /// [`torch.randperm`](https://docs.pytorch.org/docs/stable/generated/torch.randperm.html).
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let mut order = Tensor::randperm(5).to_vec::<i64>();
    /// order.sort();
    /// assert_eq!(order, [0, 1, 2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn randperm(n: usize) -> Tensor {
        let stream = random::reserve(n, DType::F64);
        Tensor::compute_as("randperm", [n], DType::I64, |out| {
            let out = out.slice::<i64>();
            out.iter_mut().enumerate().for_each(|(i, o)| *o = i as i64);
            // Fisher and Yates, with some numbers drawn at a time.
            let mut bits = [0; 256];
            for first in (0..n).step_by(bits.len()).rev() {
                rng::fill_bits(stream.seed, stream.offset + first as u64, &mut bits);
                for last in (first.max(1)..n.min(first + bits.len())).rev() {
                    out.swap(last, rng::scale_below(bits[last - first] as u64, last as u64 + 1) as usize);
                }
            }
        })
    }

    /// 1 with the probability that each element gives, else 0, in this tensor's dtype.
    /// [`torch.bernoulli`](https://docs.pytorch.org/docs/stable/generated/torch.bernoulli.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type, or an element lies outside of 0 to 1.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1.0].bernoulli().to_vec::<f32>(), [0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn bernoulli(&self) -> Tensor {
        check_float("bernoulli", self.dtype());
        let p = self.detach();
        let wrong = p.to_dtype(DType::F64).to_vec::<f64>().into_iter().find(|p| !(0.0..=1.0).contains(p));
        ensure!(
            wrong.is_none(),
            "bernoulli",
            "a probability of {}; they lie from 0 to 1",
            wrong.unwrap_or(0.0)
        );
        p.rand_like().lt(&p).to_dtype(self.dtype())
    }

    /// `samples` positions of the last dimension, `i64`, drawn with probabilities in proportion to the elements there;
    /// each position at most once, unless with `replacement`. Of a vector, or of each row of a matrix.
    /// [`torch.multinomial`](https://docs.pytorch.org/docs/stable/generated/torch.multinomial.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type, there are neither one nor two dimensions, `samples` is 0, a weight is
    /// negative or not finite, a row's weights are all 0, or, without replacement, fewer than `samples` are not 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 2.0, 0.0].multinomial(3, true).to_vec::<i64>(), [1, 1, 1]);
    /// ```
    #[track_caller]
    pub fn multinomial(&self, samples: usize, replacement: bool) -> Tensor {
        check_float("multinomial", self.dtype());
        let (rows, classes, shape) = match *self.shape() {
            [n] => (1, n, Shape::from([samples])),
            [rows, n] => (rows, n, Shape::from([rows, samples])),
            _ => raise(Error::op(
                "multinomial",
                format!("shape {:?} is neither a vector nor a matrix", self.shape()),
            )),
        };
        ensure!(samples > 0, "multinomial", "0 samples; draw at least one");
        let weights = self.detach().to_dtype(DType::F64).to_vec::<f64>();
        for row in weights.chunks_exact(classes.max(1)) {
            let sum: f64 = row.iter().sum();
            let fits = row.iter().all(|&w| w >= 0.0) && sum.is_finite() && sum > 0.0;
            ensure!(
                fits,
                "multinomial",
                "weights {row:?}; they are at least 0, with a sum above 0 that is finite"
            );
            let some = row.iter().filter(|&&w| w > 0.0).count();
            ensure!(
                replacement || samples <= some,
                "multinomial",
                "{samples} samples of {some} positions with a weight above 0; draw fewer, or with replacement"
            );
        }
        ensure!(rows == 0 || classes > 0, "multinomial", "of no elements (shape {:?})", self.shape());
        let draws = if replacement { shape.numel() } else { weights.len() };
        let stream = random::reserve(draws, DType::F64);
        let uniform = |i: usize| rng::uniform_f64(stream.seed, stream.offset + i as u64);
        Tensor::compute_as("multinomial", shape, DType::I64, |out| {
            for (r, (row, out)) in weights
                .chunks_exact(classes.max(1))
                .zip(out.slice::<i64>().chunks_exact_mut(samples))
                .enumerate()
            {
                match replacement {
                    true => with_replacement(row, out, |i| uniform(r * samples + i)),
                    false => without_replacement(row, out, |i| uniform(r * classes + i)),
                }
            }
        })
    }

    /// Normal random numbers, `f32`.
    /// [`torch.normal`](https://docs.pytorch.org/docs/stable/generated/torch.normal.html).
    ///
    /// # Panics
    /// If the standard deviation is negative.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::normal(2.0, 0.0, [2]).to_vec::<f32>(), [2.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn normal(mean: f64, std: f64, shape: impl Into<Shape>) -> Tensor {
        ensure!(std >= 0.0, "normal", "the standard deviation is {std}; it must be at least 0");
        floats("normal", &shape.into(), DType::F32, Kind::Normal(mean, std))
    }

    /// Normal random numbers, each with its own mean (this tensor's element) and standard deviation; both broadcast.
    /// The result has this tensor's dtype and no history. (`torch.normal(mean, std)` with tensors.)
    ///
    /// # Panics
    /// If a standard deviation is negative, the shapes do not broadcast, or the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0].normal_tensor(0.0).to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn normal_tensor(&self, std: impl Operand) -> Tensor {
        use std::borrow::Borrow;
        check_float("normal", self.dtype());
        let (mean, held) = (self.detach(), std.hold(self));
        let std = Borrow::<Tensor>::borrow(&held).detach().to_dtype(self.dtype());
        let wrong = std.to_dtype(DType::F64).to_vec::<f64>().into_iter().find(|&s| s < 0.0);
        ensure!(
            wrong.is_none(),
            "normal",
            "a standard deviation of {}; they are at least 0",
            wrong.unwrap_or(0.0)
        );
        let shape = unwrap(broadcast_shape("normal", &[&mean, &std]));
        floats("normal", &shape, self.dtype(), Kind::Normal(0.0, 1.0)) * std + mean
    }
}

/// For each draw the first position up to which a uniform share of the weights lies.
fn with_replacement(weights: &[f64], out: &mut [i64], uniform: impl Fn(usize) -> f64) {
    let mut sum = 0.0;
    let sums: Vec<f64> = weights
        .iter()
        .map(|w| {
            sum += w;
            sum
        })
        .collect();
    for (i, o) in out.iter_mut().enumerate() {
        let share = uniform(i) * sum;
        *o = sums.partition_point(|&s| s <= share).min(weights.len() - 1) as i64;
    }
}

/// The positions that come first if each waits for an exponential time with its weight as the rate (Efraimidis and
/// Spirakis, 2006).
fn without_replacement(weights: &[f64], out: &mut [i64], uniform: impl Fn(usize) -> f64) {
    let wait = |(i, &w): (usize, &f64)| (-ln_f64(1.0 - uniform(i)) / w, i);
    let mut waits: Vec<(f64, usize)> =
        weights.iter().enumerate().filter(|&(_, &w)| w > 0.0).map(wait).collect();
    waits.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.iter_mut().zip(waits).for_each(|(o, (_, i))| *o = i as i64);
}

#[track_caller]
fn check_float(op: &'static str, dtype: DType) {
    ensure!(
        dtype.is_float(),
        op,
        "needs a floating-point tensor, this one is {dtype}; convert it with to_dtype"
    );
}

#[track_caller]
fn floats(op: &'static str, shape: &Shape, dtype: DType, kind: Kind) -> Tensor {
    check_float(op, dtype);
    Tensor::random(op, shape.clone(), dtype, kind)
}

/// rand(size), randn(size).
fn drawn(a: &mut Args<'_>, op: &'static str, kind: Kind) -> Result<Vec<Tensor>> {
    let shape: Vec<usize> = a.rest("size")?;
    let (dtype, requires_grad) = options(a)?;
    made(a, floats(op, &shape.into(), dtype.unwrap_or(DType::F32), kind), requires_grad)
}

/// rand_like(x), randn_like(x).
fn drawn_like(a: &mut Args<'_>, op: &'static str, kind: Kind) -> Result<Vec<Tensor>> {
    let x: Tensor = a.get("input")?;
    let (dtype, requires_grad) = options(a)?;
    made(a, floats(op, x.shape_ref(), dtype.unwrap_or(x.dtype()), kind), requires_grad)
}

pub(crate) const CALLS: Calls = &[
    ("rand", |a| drawn(a, "rand", Kind::Uniform(0.0, 1.0))),
    ("randn", |a| drawn(a, "randn", Kind::Normal(0.0, 1.0))),
    ("rand_like", |a| drawn_like(a, "rand_like", Kind::Uniform(0.0, 1.0))),
    ("randn_like", |a| drawn_like(a, "randn_like", Kind::Normal(0.0, 1.0))),
    ("randint", |a| {
        // randint(high, size), randint(low, high, size).
        let first: Option<i64> = if a.next_is::<i64>() { a.opt("low")? } else { a.key("low")? };
        let second: Option<i64> = if a.next_is::<i64>() || a.has_key("high") { a.opt("high")? } else { None };
        let (low, high) = match (first, second) {
            (Some(low), Some(high)) => (low, high),
            (Some(high), None) | (None, Some(high)) => (0, high),
            _ => return Err(Error::op("randint", "the argument high is missing; it takes an integer")),
        };
        let shape: Vec<usize> = a.get("size")?;
        let (dtype, requires_grad) = options(a)?;
        made(a, Tensor::randint(low, high, shape).to_dtype(dtype.unwrap_or(DType::I64)), requires_grad)
    }),
    ("randperm", |a| {
        let n = a.get("n")?;
        let (dtype, requires_grad) = options(a)?;
        made(a, Tensor::randperm(n).to_dtype(dtype.unwrap_or(DType::I64)), requires_grad)
    }),
    ("bernoulli", |a| {
        let (x, p): (Tensor, Option<f64>) = (a.get("input")?, a.opt("p")?);
        a.done(p.map_or(x.clone(), |p| Tensor::full_as(p, x.shape(), x.dtype())).bernoulli())
    }),
    ("multinomial", |a| {
        let (x, samples, replacement): (Tensor, _, _) =
            (a.get("input")?, a.get("num_samples")?, a.or("replacement", false)?);
        a.done(x.multinomial(samples, replacement))
    }),
    ("normal", |a| {
        let (mean, std): (Option<Other>, Option<Other>) = (a.opt("mean")?, a.opt("std")?);
        let size: Option<Vec<usize>> = a.opt("size")?;
        let (dtype, requires_grad) = options(a)?;
        let float = Tensor::scalar(0f32);
        let std = std.map_or_else(|| Tensor::scalar(1f32), |std| std.hold(&float));
        let mean = mean.map_or_else(|| float, |mean| mean.hold(&std));
        let mean = match size {
            Some(shape) => mean.to_dtype(dtype.unwrap_or(DType::F32)).expand(&Shape::from(shape)),
            None => mean,
        };
        made(a, mean.normal_tensor(std), requires_grad)
    }),
];

/// What random functions give where chance leaves no choice; their distributions are tested in `tests/random.rs`.
pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.bernoulli(torch.ones_like(x0).detach())", [normal(0, &[2, 3])], |x| {
            x[0].ones_like().bernoulli()
        }),
        sample("torch.multinomial(torch.eye(3), 1)", [], |_| Tensor::eye(3).multinomial(1, false)),
        sample("torch.multinomial(torch.eye(3)[1], 4, replacement=True)", [], |_| {
            Tensor::eye(3).select(0, 1).multinomial(4, true)
        }),
        sample("torch.randint(3, 4, (2, 2))", [], |_| Tensor::randint(3, 4, [2, 2])),
        sample("torch.randperm(1)", [], |_| Tensor::randperm(1)),
        sample("torch.normal(2.0, 0.0, (3,))", [], |_| Tensor::normal(2.0, 0.0, [3])),
        sample("torch.normal(x0.double(), 0.0).float()", [integers(1, 9, &[3])], |x| {
            x[0].to_dtype(DType::F32).normal_tensor(0.0)
        }),
    ]
}
