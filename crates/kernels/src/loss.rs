//! Losses of class scores, row by row.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::reduce::{Sum, fold};
use crate::softmax::{stored_terms, terms};
use crate::strided::{GRAIN, numel};

/// Rows of one parallel task.
fn rows(classes: usize) -> usize {
    ((1 << 14) / classes.max(1)).max(1)
}

/// The classes that rows are compared with.
#[derive(Clone, Copy)]
pub struct Targets<'a, T> {
    /// One for each row: a class, which the caller has checked, or `ignore`.
    pub classes: &'a [i64],
    /// Marks a row that counts for nothing.
    pub ignore: i64,
    /// What the rows of each class count; 1 if not given.
    pub weight: Option<&'a [T]>,
}

impl<T: Float> Targets<'_, T> {
    /// The class of a row and v times its weight, unless the row is ignored.
    #[inline(always)]
    fn of(&self, row: usize, v: T) -> Option<(usize, T)> {
        let t = self.classes[row];
        (t != self.ignore).then(|| (t as usize, self.weight.map_or(v, |weight| v * weight[t as usize])))
    }
}

/// out\[i\] = log Σⱼ exp(x\[i, j\]) − x\[i, target\[i\]\], weighted; 0 where the target is ignored.
pub fn cross_entropy<T: Float>(x: &[T], targets: Targets<'_, T>, classes: usize, out: &mut [T]) {
    struct Row<'a, T>(&'a [T], usize);
    impl<T: Float> Kernel for Row<'_, T> {
        type Output = T;
        #[inline(always)]
        fn run(self) -> T {
            terms(self.0, T::exp_term).near_max(self.0).log_sum_above(self.0[self.1])
        }
    }
    assert_eq!(x.len(), numel(&[targets.classes.len(), classes]));
    assert_eq!(out.len(), targets.classes.len());
    pool::chunks_mut(out, rows(classes), |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let row = start + i;
            *o = match targets.of(row, T::lit(1.0)) {
                None => T::lit(0.0),
                Some((t, weight)) => dispatch(Row(&x[row * classes..(row + 1) * classes], t)) * weight,
            };
        }
    });
}

/// A row's scores, class and scale, and where its gradient goes; gives the loss without the scale.
struct RowWithGradient<'a, T>(&'a [T], usize, T, &'a mut [T]);
impl<T: Float> Kernel for RowWithGradient<'_, T> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let RowWithGradient(x, target, scale, out) = self;
        let terms = stored_terms(x, T::exp_term, out);
        let factor = scale / terms.sum;
        for o in out.iter_mut() {
            *o = *o * factor;
        }
        out[target] = out[target] - scale;
        terms.near_max(x).log_sum_above(x[target])
    }
}

/// out\[i, j\] = (softmax(x\[i\])\[j\] − \[j = target\[i\]\]) · scale(i), weighted; 0 where the target is ignored.
pub fn cross_entropy_backward<T: Float>(
    x: &[T],
    targets: Targets<'_, T>,
    classes: usize,
    scale: impl Fn(usize) -> T + Sync,
    out: &mut [T],
) {
    assert_eq!(x.len(), numel(&[targets.classes.len(), classes]));
    assert_eq!(out.len(), x.len());
    pool::chunks_mut(out, rows(classes) * classes.max(1), |start, out| {
        for (i, o) in out.chunks_exact_mut(classes).enumerate() {
            let row = start / classes + i;
            match targets.of(row, scale(row)) {
                None => o.fill(T::lit(0.0)),
                Some((t, scale)) => {
                    dispatch(RowWithGradient(&x[row * classes..(row + 1) * classes], t, scale, o));
                }
            }
        }
    });
}

/// [`cross_entropy`], and in the same pass what [`cross_entropy_backward`] gives for one scale.
pub fn cross_entropy_with_gradient<T: Float>(
    x: &[T],
    targets: Targets<'_, T>,
    classes: usize,
    scale: T,
    out: &mut [T],
    gradient: &mut [T],
) {
    assert_eq!(x.len(), numel(&[targets.classes.len(), classes]));
    assert_eq!(out.len(), targets.classes.len());
    assert_eq!(gradient.len(), x.len());
    let gradient = pool::SendPtr(gradient.as_mut_ptr());
    pool::chunks_mut(out, rows(classes), |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let at = (start + i) * classes;
            // SAFETY: each row is one task's alone, and lies inside the gradient, which outlives the call.
            let gradient = unsafe { std::slice::from_raw_parts_mut(gradient.get().add(at), classes) };
            *o = match targets.of(start + i, T::lit(1.0)) {
                None => {
                    gradient.fill(T::lit(0.0));
                    T::lit(0.0)
                }
                Some((t, weight)) => {
                    dispatch(RowWithGradient(&x[at..at + classes], t, weight * scale, gradient)) * weight
                }
            };
        }
    });
}

/// out\[i\] = Σⱼ q\[i, j\] · (log Σₖ exp(x\[i, k\]) − x\[i, j\]); what has weight 0 counts for nothing.
pub fn soft_cross_entropy<T: Float>(x: &[T], q: &[T], classes: usize, out: &mut [T]) {
    struct Row<'a, T>(&'a [T], &'a [T]);
    impl<T: Float> Kernel for Row<'_, T> {
        type Output = T;
        #[inline(always)]
        fn run(self) -> T {
            let Row(x, q) = self;
            let (terms, zero) = (terms(x, T::exp_term).near_max(x), T::lit(0.0));
            let log_sum = terms.sum.ln();
            let mut lanes = [zero; 32];
            for (x, q) in x.chunks(32).zip(q.chunks(32)) {
                for ((l, &x), &q) in lanes.iter_mut().zip(x).zip(q) {
                    let loss = q * (log_sum + (terms.shift - x));
                    *l = *l + T::select(q.equals(zero), zero, loss);
                }
            }
            fold(Sum, lanes)
        }
    }
    assert_eq!(x.len(), numel(&[out.len(), classes]));
    assert_eq!(x.len(), q.len());
    pool::chunks_mut(out, rows(classes), |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let row = (start + i) * classes..(start + i + 1) * classes;
            *o = dispatch(Row(&x[row.clone()], &q[row]));
        }
    });
}

/// out\[i, j\] = (Σₖ q\[i, k\] · softmax(x\[i\])\[j\] − q\[i, j\]) · g\[i\].
pub fn soft_cross_entropy_backward<T: Float>(x: &[T], q: &[T], g: &[T], classes: usize, out: &mut [T]) {
    struct Row<'a, T>(&'a [T], &'a [T], T, &'a mut [T]);
    impl<T: Float> Kernel for Row<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Row(x, q, g, out) = self;
            let mut lanes = [T::lit(0.0); 32];
            for q in q.chunks(32) {
                for (l, &q) in lanes.iter_mut().zip(q) {
                    *l = *l + q;
                }
            }
            let total = fold(Sum, lanes);
            let factor = total / stored_terms(x, T::exp_term, out).sum;
            for (o, &q) in out.iter_mut().zip(q) {
                *o = (*o * factor - q) * g;
            }
        }
    }
    assert_eq!(x.len(), numel(&[g.len(), classes]));
    assert_eq!(x.len(), q.len());
    assert_eq!(out.len(), x.len());
    pool::chunks_mut(out, rows(classes) * classes.max(1), |start, out| {
        for (i, o) in out.chunks_exact_mut(classes).enumerate() {
            let row = start / classes + i;
            let at = row * classes..(row + 1) * classes;
            dispatch(Row(&x[at.clone()], &q[at], g[row], o));
        }
    });
}

/// out\[i\] = −x\[i, target\[i\]\], weighted; 0 where the target is ignored.
pub fn nll<T: Float>(x: &[T], targets: Targets<'_, T>, classes: usize, out: &mut [T]) {
    assert_eq!(x.len(), numel(&[targets.classes.len(), classes]));
    assert_eq!(out.len(), targets.classes.len());
    pool::chunks_mut(out, GRAIN, |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let loss = |(t, weight): (usize, T)| -weight * x[(start + i) * classes + t];
            *o = targets.of(start + i, T::lit(1.0)).map_or(T::lit(0.0), loss);
        }
    });
}

/// out\[i, j\] = −\[j = target\[i\]\] · scale(i), weighted; 0 where the target is ignored.
pub fn nll_backward<T: Float>(
    targets: Targets<'_, T>,
    classes: usize,
    scale: impl Fn(usize) -> T + Sync,
    out: &mut [T],
) {
    assert_eq!(out.len(), numel(&[targets.classes.len(), classes]));
    pool::chunks_mut(out, rows(classes) * classes.max(1), |start, out| {
        out.fill(T::lit(0.0));
        for (i, o) in out.chunks_exact_mut(classes).enumerate() {
            let row = start / classes + i;
            if let Some((t, scale)) = targets.of(row, scale(row)) {
                o[t] = -scale;
            }
        }
    });
}
