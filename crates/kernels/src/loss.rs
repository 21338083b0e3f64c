//! Cross-entropy from logits in one pass over each row.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::softmax::max_and_sum;
use crate::strided::numel;

/// Rows of one parallel task.
fn rows(classes: usize) -> usize {
    ((1 << 14) / classes.max(1)).max(1)
}

/// out\[i\] = log Σⱼ exp(x\[i, j\]) − x\[i, target\[i\]\]; 0 where the target is `ignore`.
///
/// The caller has checked that every other target is a class.
pub fn cross_entropy<T: Float>(x: &[T], target: &[i64], ignore: i64, classes: usize, out: &mut [T]) {
    struct Row<'a, T>(&'a [T], usize);
    impl<T: Float> Kernel for Row<'_, T> {
        type Output = T;
        #[inline(always)]
        fn run(self) -> T {
            let (max, sum) = max_and_sum(self.0);
            sum.ln() + (max - self.0[self.1])
        }
    }
    assert_eq!(x.len(), numel(&[target.len(), classes]));
    assert_eq!(out.len(), target.len());
    pool::chunks_mut(out, rows(classes), |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let (row, t) = (start + i, target[start + i]);
            *o = if t == ignore {
                T::lit(0.0)
            } else {
                dispatch(Row(&x[row * classes..(row + 1) * classes], t as usize))
            };
        }
    });
}

/// out\[i, j\] = (softmax(x\[i\])\[j\] − \[j = target\[i\]\]) · scale(i); 0 where the target is `ignore`.
pub fn cross_entropy_backward<T: Float>(
    x: &[T],
    target: &[i64],
    ignore: i64,
    classes: usize,
    scale: impl Fn(usize) -> T + Sync,
    out: &mut [T],
) {
    struct Row<'a, T>(&'a [T], usize, T, &'a mut [T]);
    impl<T: Float> Kernel for Row<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Row(x, target, scale, out) = self;
            let (max, sum) = max_and_sum(x);
            let factor = scale / sum;
            for (o, &v) in out.iter_mut().zip(x) {
                *o = (v - max).exp() * factor;
            }
            out[target] = out[target] - scale;
        }
    }
    assert_eq!(x.len(), numel(&[target.len(), classes]));
    assert_eq!(out.len(), x.len());
    pool::chunks_mut(out, rows(classes) * classes, |start, out| {
        for (i, o) in out.chunks_exact_mut(classes).enumerate() {
            let row = start / classes + i;
            if target[row] == ignore {
                o.fill(T::lit(0.0));
            } else {
                dispatch(Row(&x[row * classes..(row + 1) * classes], target[row] as usize, scale(row), o));
            }
        }
    });
}
