//! Losses of class scores, row by row.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::reduce::{Sum, fold};
use crate::short;
use crate::softmax::{stored_terms, terms};
use crate::strided::{GRAIN, numel};

/// Rows of one parallel task.
fn rows(classes: usize) -> usize {
    short::whole(((1 << 14) / classes.max(1)).max(1))
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
        if short_rows(x, &targets, classes, |_| T::lit(1.0), start, &mut [], out) {
            return;
        }
        for (i, o) in out.iter_mut().enumerate() {
            let row = start + i;
            *o = match targets.of(row, T::lit(1.0)) {
                None => T::lit(0.0),
                Some((t, weight)) => dispatch(Row(&x[row * classes..(row + 1) * classes], t)) * weight,
            };
        }
    });
}

/// Losses of rows from number `start` on into `out`, and their gradients times `scale`, each unless it is empty, if the
/// rows are short. Says whether it was done.
fn short_rows<T: Float>(
    x: &[T],
    targets: &Targets<'_, T>,
    classes: usize,
    scale: impl Fn(usize) -> T,
    start: usize,
    gradient: &mut [T],
    out: &mut [T],
) -> bool {
    if !short::serves::<T>(targets.classes.len(), classes) {
        return false;
    }
    let count = out.len().max(gradient.len() / classes);
    let x = &x[start * classes..][..count * classes];
    let (one, zero) = (T::lit(1.0), T::lit(0.0));
    let weighted = |row| targets.of(start + row, scale(start + row)).map_or(zero, |(_, scale)| scale);
    short::terms(x, classes, weighted, gradient, |row, terms| {
        if let Some(out) = out.get_mut(row) {
            let loss = |(t, weight)| terms.log_sum_above(x[row * classes..][..classes][t]) * weight;
            *out = targets.of(start + row, one).map_or(zero, loss);
        }
    });
    for (row, gradient) in gradient.chunks_exact_mut(classes).enumerate() {
        match targets.of(start + row, scale(start + row)) {
            None => gradient.fill(zero),
            Some((t, scale)) => gradient[t] = gradient[t] - scale,
        }
    }
    true
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
        if short_rows(x, &targets, classes, &scale, start / classes, out, &mut []) {
            return;
        }
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
        // SAFETY: each row is one task's alone, and lies inside the gradient, which outlives the call.
        let gradient = unsafe {
            std::slice::from_raw_parts_mut(gradient.get().add(start * classes), out.len() * classes)
        };
        if short_rows(x, &targets, classes, |_| scale, start, gradient, out) {
            return;
        }
        for (i, o) in out.iter_mut().enumerate() {
            let at = (start + i) * classes;
            let gradient = &mut gradient[i * classes..][..classes];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    /// Short rows, of which sixteen pass together, and long ones; ignored ones with NaN.
    #[test]
    fn cross_entropy_agrees_with_a_plain_loop() {
        for [rows, classes] in [[37, 5], [20, 48], [3, 5], [5000, 7], [19, 60], [4, 1]] {
            let mut x: Vec<f32> = (0..rows * classes).map(|i| rng::normal_f32(3, i as u64) * 4.0).collect();
            let mut of: Vec<i64> = (0..rows).map(|row| (row * 7 % classes) as i64).collect();
            of[2] = -100;
            x[2 * classes] = f32::NAN;
            let weight: Vec<f32> = (0..classes).map(|class| 0.5 + class as f32 * 0.1).collect();
            let targets = Targets { classes: &of, ignore: -100, weight: Some(&weight) };
            let results = [1, 3].map(|threads| {
                pool::with_num_threads(threads, || {
                    let mut losses = [vec![9.0; rows], vec![9.0; rows]];
                    let mut gradients = [vec![9.0; x.len()], vec![9.0; x.len()]];
                    cross_entropy(&x, targets, classes, &mut losses[0]);
                    cross_entropy_backward(&x, targets, classes, |_| 0.5, &mut gradients[0]);
                    cross_entropy_with_gradient(&x, targets, classes, 0.5, &mut losses[1], &mut gradients[1]);
                    (losses, gradients)
                })
            });
            assert!(results[0] == results[1], "{rows} x {classes}");
            let (losses, gradients) = &results[0];
            for row in 0..rows {
                let at = row * classes..(row + 1) * classes;
                let (x, ignored) = (&x[at.clone()], of[row] < 0);
                let sum: f64 = x.iter().map(|&v| f64::from(v).exp()).sum();
                let target = if ignored { 0 } else { of[row] as usize };
                let weight = f64::from(weight[target]);
                let want = if ignored { 0.0 } else { (sum.ln() - f64::from(x[target])) * weight };
                for loss in losses {
                    assert!(
                        (f64::from(loss[row]) - want).abs() < 1e-5 * (1.0 + want),
                        "{rows} x {classes}, row {row}"
                    );
                }
                for (j, (&a, &b)) in gradients[0][at.clone()].iter().zip(&gradients[1][at]).enumerate() {
                    let share = f64::from(x[j]).exp() / sum - f64::from(u8::from(j == target));
                    let want = if ignored { 0.0 } else { share * weight * 0.5 };
                    assert!(
                        (f64::from(a) - want).abs() < 1e-6 && a == b,
                        "{rows} x {classes}, row {row}: {a}, {b}"
                    );
                }
            }
        }
    }
}
