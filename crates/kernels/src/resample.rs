//! Linear maps along one axis, such as interpolation: each output position is a weighted sum of a few input positions.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::num::Num;
use crate::pool;
use crate::strided::numel;

/// Elements of one parallel task.
const TASK: usize = 1 << 13;

/// The map as a sparse matrix by rows: for each output position the input positions that it reads, with weights.
#[derive(Debug)]
pub struct Taps {
    inputs: usize,
    /// Where each row begins in the two lists below, and where the last one ends.
    starts: Vec<usize>,
    positions: Vec<usize>,
    weights: Vec<f64>,
}

impl Taps {
    /// A map from `inputs` positions to none yet.
    pub fn new(inputs: usize) -> Taps {
        Taps { inputs, starts: vec![0], positions: Vec::new(), weights: Vec::new() }
    }

    /// Adds an output position.
    ///
    /// # Panics
    /// If an input position is out of range.
    pub fn push(&mut self, row: impl IntoIterator<Item = (usize, f64)>) {
        for (position, weight) in row {
            assert!(position < self.inputs, "tap {position} of {} positions", self.inputs);
            self.positions.push(position);
            self.weights.push(weight);
        }
        self.starts.push(self.positions.len());
    }

    /// How many output positions there are.
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// The transposed matrix, which takes gradients back.
    pub fn transpose(&self) -> Taps {
        let mut starts = vec![0; self.inputs + 1];
        self.positions.iter().for_each(|&p| starts[p + 1] += 1);
        for i in 0..self.inputs {
            starts[i + 1] += starts[i];
        }
        let (mut positions, mut weights) = (vec![0; self.positions.len()], vec![0.0; self.weights.len()]);
        let mut next = starts.clone();
        for j in 0..self.outputs() {
            for tap in self.starts[j]..self.starts[j + 1] {
                let at = &mut next[self.positions[tap]];
                (positions[*at], weights[*at]) = (j, self.weights[tap]);
                *at += 1;
            }
        }
        Taps { inputs: self.outputs(), starts, positions, weights }
    }
}

/// Applies a map along the middle axis of a contiguous `[outer, axis, inner]` block. Integers take whole weights.
///
/// # Panics
/// If the sizes do not fit.
pub fn resample<T: Element>(x: &[T], [outer, axis, inner]: [usize; 3], taps: &Taps, out: &mut [T]) {
    assert_eq!(axis, taps.inputs);
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(out.len(), numel(&[outer, taps.outputs(), inner]));
    if out.is_empty() {
        return;
    }
    let weights: Vec<T> = taps.weights.iter().map(|&w| T::from_f64(w)).collect();
    let rows = (TASK / inner).max(1);
    pool::chunks_mut(out, rows * inner, |start, out| {
        dispatch(Rows { x, inner, taps, weights: &weights, first: start / inner, out });
    });
}

/// Consecutive rows of `inner` outputs, from row `first` of all.
struct Rows<'a, T: Element> {
    x: &'a [T],
    inner: usize,
    taps: &'a Taps,
    weights: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for Rows<'_, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let Rows { x, inner, taps, weights, first, out } = self;
        let block = taps.inputs * inner;
        let (mut base, mut j) = (first / taps.outputs() * block, first % taps.outputs());
        for o in out.chunks_exact_mut(inner) {
            let row = taps.starts[j]..taps.starts[j + 1];
            let (positions, weights) = (&taps.positions[row.clone()], &weights[row.clone()]);
            let terms = positions.iter().zip(weights);
            if inner == 1 {
                let products = terms.map(|(&p, &w)| w.to_num() * x[base + p].to_num());
                o[0] = T::from_num(products.reduce(|a, b| a + b).unwrap_or(T::Num::lit(0.0)));
            } else {
                for (k, (&p, &w)) in terms.enumerate() {
                    let (w, x) = (w.to_num(), &x[base + p * inner..base + (p + 1) * inner]);
                    if k > 0 {
                        o.iter_mut().zip(x).for_each(|(o, &x)| *o = T::from_num(o.to_num() + w * x.to_num()));
                    } else if taps.weights[row.start] == 1.0 {
                        o.copy_from_slice(x);
                    } else {
                        o.iter_mut().zip(x).for_each(|(o, &x)| *o = T::from_num(w * x.to_num()));
                    }
                }
                if positions.is_empty() {
                    o.fill(T::default());
                }
            }
            j += 1;
            if j == taps.outputs() {
                (base, j) = (base + block, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    /// Random rows of up to four taps.
    fn random(inputs: usize, outputs: usize, seed: u64) -> Taps {
        let mut taps = Taps::new(inputs);
        for j in 0..outputs as u64 {
            let tap = |k| {
                let at = 4 * j + k;
                (rng::below(seed, at, inputs as u64) as usize, rng::normal_f64(seed + 1, at))
            };
            taps.push((0..rng::below(seed + 2, j, 5)).map(tap));
        }
        taps
    }

    #[test]
    fn the_transpose_is_the_adjoint_on_any_number_of_threads() {
        for (outer, axis, outputs, inner) in
            [(1, 1, 3, 1), (3, 7, 20, 1), (2, 90, 31, 300), (300, 64, 100, 2)]
        {
            let taps = random(axis, outputs, 5);
            let fill = |seed, n: usize| (0..n as u64).map(|i| rng::normal_f64(seed, i)).collect::<Vec<_>>();
            let (x, g) = (fill(1, outer * axis * inner), fill(2, outer * outputs * inner));
            let run = |threads| {
                pool::with_num_threads(threads, || {
                    let (mut y, mut back) = (vec![9.0; g.len()], vec![9.0; x.len()]);
                    resample(&x, [outer, axis, inner], &taps, &mut y);
                    resample(&g, [outer, outputs, inner], &taps.transpose(), &mut back);
                    (y, back)
                })
            };
            let (y, back) = run(1);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (left, right) = (dot(&y, &g), dot(&x, &back));
            assert!((left - right).abs() < 1e-9 * (1.0 + left.abs()), "{left} {right}");
            assert_eq!(run(3), (y, back));
        }
    }

    #[test]
    fn integers_are_added_up() {
        let mut taps = Taps::new(3);
        taps.push([(2, 1.0)]);
        taps.push([(0, 1.0), (0, 1.0)]);
        taps.push([]);
        let mut out = [7i64; 6];
        resample(&[1, 10, 2, 20, 3, 30], [1, 3, 2], &taps, &mut out);
        assert_eq!(out, [3, 30, 2, 20, 0, 0]);
    }
}
