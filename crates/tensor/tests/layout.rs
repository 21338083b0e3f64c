//! Layouts against a naive reference: random chains of views must give the elements that indexing gives, and every
//! op must give the same result on a view as on its copy.

mod program;

use flambeau_tensor::testing::integers;
use flambeau_tensor::{DType, Tensor};

/// A small generator for choices.
struct Choices(u64);
impl Choices {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

/// A dense array: the reference.
#[derive(Clone, Debug)]
struct Dense {
    shape: Vec<usize>,
    data: Vec<i64>,
}

impl Dense {
    fn from_fn(shape: Vec<usize>, f: impl Fn(&[usize]) -> i64) -> Dense {
        let n: usize = shape.iter().product();
        let index = |mut i: usize| {
            let mut out = vec![0; shape.len()];
            for d in (0..shape.len()).rev() {
                out[d] = i % shape[d];
                i /= shape[d];
            }
            out
        };
        let data = (0..n).map(|i| f(&index(i))).collect();
        Dense { shape, data }
    }

    fn at(&self, index: &[usize]) -> i64 {
        self.data[index.iter().zip(&self.shape).fold(0, |at, (&i, &n)| at * n + i)]
    }
}

/// One random view of both.
fn view(c: &mut Choices, x: &Tensor, r: &Dense) -> (Tensor, Dense) {
    let n = r.shape.len();
    match c.below(9) {
        0 if n > 0 => {
            let mut order: Vec<usize> = (0..n).collect();
            (0..n).for_each(|i| order.swap(i, c.below(n)));
            let shape = order.iter().map(|&d| r.shape[d]).collect();
            let reference = Dense::from_fn(shape, |i| {
                let mut j = vec![0; n];
                order.iter().zip(i).for_each(|(&d, &i)| j[d] = i);
                r.at(&j)
            });
            (x.permute(order), reference)
        }
        1 if n > 0 => {
            let d = c.below(n);
            let start = c.below(r.shape[d] + 1);
            let len = c.below(r.shape[d] - start + 1);
            let mut shape = r.shape.clone();
            shape[d] = len;
            let reference = Dense::from_fn(shape, |i| {
                let mut j = i.to_vec();
                j[d] += start;
                r.at(&j)
            });
            (x.narrow(d as isize, start, len), reference)
        }
        2 if n > 0 => {
            let (d, step) = (c.below(n), 1 + c.below(3));
            let mut shape = r.shape.clone();
            shape[d] = shape[d].div_ceil(step);
            let reference = Dense::from_fn(shape, |i| {
                let mut j = i.to_vec();
                j[d] *= step;
                r.at(&j)
            });
            (x.slice(d as isize, 0, isize::MAX, step), reference)
        }
        3 if n > 0 && r.shape.iter().all(|&s| s > 0) => {
            let d = c.below(n);
            let at = c.below(r.shape[d]);
            let mut shape = r.shape.clone();
            shape.remove(d);
            let reference = Dense::from_fn(shape, |i| {
                let mut j = i.to_vec();
                j.insert(d, at);
                r.at(&j)
            });
            (x.select(d as isize, at as isize - r.shape[d] as isize), reference)
        }
        4 if n < 5 => {
            let d = c.below(n + 1);
            let mut shape = r.shape.clone();
            shape.insert(d, 1);
            (x.unsqueeze(d as isize), Dense { shape, data: r.data.clone() })
        }
        5 if r.data.len() < 500 => {
            let extra = if n < 5 { c.below(2) } else { 0 };
            let mut shape: Vec<usize> = vec![2; extra];
            shape.extend(r.shape.iter().map(|&s| if s == 1 { 1 + c.below(3) } else { s }));
            let reference = Dense::from_fn(shape.clone(), |i| {
                let j: Vec<usize> =
                    i[extra..].iter().zip(&r.shape).map(|(&i, &s)| if s == 1 { 0 } else { i }).collect();
                r.at(&j)
            });
            (x.expand(shape), reference)
        }
        6 if n > 1 => {
            let a = c.below(n);
            let b = (a + 1 + c.below(n - 1)) % n;
            let offset = c.below(5) as isize - 2;
            let (down, right) = ((-offset).max(0) as usize, offset.max(0) as usize);
            let rest: Vec<usize> = (0..n).filter(|&d| d != a && d != b).collect();
            let len = r.shape[a].saturating_sub(down).min(r.shape[b].saturating_sub(right));
            let shape = rest.iter().map(|&d| r.shape[d]).chain([len]).collect();
            let reference = Dense::from_fn(shape, |i| {
                let mut j = vec![0; n];
                rest.iter().zip(i).for_each(|(&d, &i)| j[d] = i);
                (j[a], j[b]) = (i[n - 2] + down, i[n - 2] + right);
                r.at(&j)
            });
            (x.diagonal(offset, a as isize, b as isize), reference)
        }
        7 if n > 0 && n < 5 && r.data.len() < 500 => {
            let (d, step) = (c.below(n), 1 + c.below(3));
            let size = c.below(r.shape[d] + 1);
            let mut shape = r.shape.clone();
            shape[d] = (shape[d] - size) / step + 1;
            shape.push(size);
            let reference = Dense::from_fn(shape, |i| {
                let mut j = i[..n].to_vec();
                j[d] = j[d] * step + i[n];
                r.at(&j)
            });
            (x.unfold(d as isize, size, step), reference)
        }
        _ => {
            // Any factorisation of the number of elements.
            let mut left = r.data.len();
            let mut shape = Vec::new();
            while left > 1 && shape.len() < 4 {
                let divisors: Vec<usize> = (1..=left).filter(|d| left.is_multiple_of(*d)).collect();
                shape.push(divisors[c.below(divisors.len())]);
                left /= shape[shape.len() - 1];
            }
            shape.push(left);
            (x.reshape(shape.clone()), Dense { shape, data: r.data.clone() })
        }
    }
}

#[test]
fn random_chains_of_views_agree_with_a_naive_reference() {
    for seed in 0..2000 {
        let mut c = Choices(seed);
        let shape: Vec<usize> = (0..c.below(5)).map(|_| 1 + c.below(5)).collect();
        let mut x = integers(seed, 1000, &shape);
        let mut r = Dense { shape, data: x.to_vec() };
        for _ in 0..6 {
            (x, r) = view(&mut c, &x, &r);
            assert_eq!((x.shape(), x.to_vec::<i64>()), (&r.shape[..], r.data.clone()), "seed {seed}");
            // A loop over strides and one over dense memory give the same.
            let copy = Tensor::from_vec(r.data.clone(), r.shape.clone());
            assert_eq!((&x + &x).to_vec::<i64>(), (&copy * 2).to_vec::<i64>(), "seed {seed}");
            if !r.shape.is_empty() {
                let d = c.below(r.shape.len()) as isize;
                assert_eq!(
                    x.sum_dim(d, false).to_vec::<i64>(),
                    copy.sum_dim(d, false).to_vec::<i64>(),
                    "seed {seed}"
                );
            }
            let (f, g) = (x.to_dtype(DType::F32), copy.to_dtype(DType::F32));
            assert_eq!(f.exp().to_vec::<f32>(), g.exp().to_vec::<f32>(), "seed {seed}");
        }
    }
}

/// The fuzz target's programs from random bytes; `cargo xtask fuzz` looks for bytes that reach new code instead.
#[test]
fn soak_random_programs_agree_with_a_naive_reference() {
    let full = std::env::var("FLAMBEAU_SOAK").as_deref() == Ok("full");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(if full { 120 } else { 3 });
    let mut c = Choices(7);
    let mut programs = 0;
    while std::time::Instant::now() < end {
        let bytes: Vec<u8> = (0..c.below(200)).map(|_| c.below(256) as u8).collect();
        program::run(&bytes);
        programs += 1;
    }
    println!("{programs} programs");
}

#[test]
fn broadcasting_agrees_with_a_naive_reference() {
    for seed in 0..2000 {
        let mut c = Choices(seed + 10_000);
        let full: Vec<usize> = (0..c.below(5)).map(|_| 1 + c.below(4)).collect();
        let mut operand = |s| {
            let skip = c.below(full.len() + 1);
            let shape: Vec<usize> =
                full[skip..].iter().map(|&n| if c.below(3) == 0 { 1 } else { n }).collect();
            let x = integers(s, 1000, &shape);
            let data = x.to_vec();
            (x, Dense { shape, data })
        };
        let ((a, ra), (b, rb)) = (operand(seed), operand(seed + 1));
        let n = ra.shape.len().max(rb.shape.len());
        let size = |r: &Dense, d: usize| (d + r.shape.len()).checked_sub(n).map_or(1, |d| r.shape[d]);
        let shape: Vec<usize> = (0..n).map(|d| size(&ra, d).max(size(&rb, d))).collect();
        let pick = |r: &Dense, i: &[usize]| {
            let skip = n - r.shape.len();
            let j: Vec<usize> =
                i[skip..].iter().zip(&r.shape).map(|(&i, &s)| if s == 1 { 0 } else { i }).collect();
            r.at(&j)
        };
        let reference = Dense::from_fn(shape, |i| pick(&ra, i) * 3 - pick(&rb, i));
        let y = &a * 3 - &b;
        assert_eq!((y.shape(), y.to_vec::<i64>()), (&reference.shape[..], reference.data), "seed {seed}");
    }
}

#[test]
fn writes_through_views_reach_exactly_their_elements() {
    for seed in 0..500 {
        let mut c = Choices(seed + 20_000);
        let shape = vec![2 + c.below(3), 2 + c.below(3), 2 + c.below(3)];
        let x = integers(seed, 1000, &shape);
        let before = x.to_vec::<i64>();
        let (d, start) = (c.below(3), c.below(2));
        let view = x.narrow(d as isize, start, 1).transpose(0, 2);
        view.fill_(-1.0);
        let reference = Dense::from_fn(shape.clone(), |i| {
            if i[d] == start { -1 } else { Dense { shape: shape.clone(), data: before.clone() }.at(i) }
        });
        assert_eq!(x.to_vec::<i64>(), reference.data, "seed {seed}");
    }
}

#[test]
fn empty_tensors_pass_through_every_kind_of_loop() {
    let x = Tensor::zeros([3, 0, 2]);
    let y = x.transpose(0, 2);
    y.fill_(1.0);
    assert_eq!((&y + &y).exp().shape(), [2, 0, 3]);
    assert_eq!(y.sum_dim(0, false).shape(), [0, 3]);
    assert_eq!(y.sum_dim(1, false).to_vec::<f32>(), [0.0; 6]);
    assert_eq!(y.sum().item::<f32>(), 0.0);
    assert!(y.mean().item::<f32>().is_nan());
    assert_eq!(y.softmax(1).shape(), [2, 0, 3]);
    assert_eq!(y.contiguous().to_dtype(DType::I64).numel(), 0);
    assert_eq!(Tensor::cat(&[y.clone(), y.clone()], 0).shape(), [4, 0, 3]);
    assert_eq!(Tensor::zeros([0, 4]).matmul(&Tensor::zeros([4, 2])).shape(), [0, 2]);
    assert_eq!(Tensor::zeros([2, 0]).matmul(&Tensor::zeros([0, 2])).to_vec::<f32>(), [0.0; 4]);
    assert_eq!(y.to_string(), "tensor([], size=(2, 0, 3))");
}

#[test]
fn a_copy_between_overlapping_views_reads_before_it_writes() {
    let x = Tensor::arange(0i64, 5, 1);
    x.i(1..).copy_(&x.i(..4));
    assert_eq!(x.to_vec::<i64>(), [0, 0, 1, 2, 3]);
}
