//! Matrix products.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, raise};
use crate::shape::{Layout, Shape, broadcast_shape};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Element, Error, Result, Tensor};
use flambeau_kernels::dispatch_float;
use flambeau_kernels::matmul::{Matrix, matmul, matmul_wrapping};
use flambeau_kernels::pool::{chunks_mut, num_threads};
use flambeau_kernels::strided::numel;
use smallvec::smallvec;

/// `torch.matmul` of two tensors with at least two dimensions; those before the last two broadcast.
pub struct Matmul;

impl Op for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let (a, b) = (x[0], x[1]);
        let wrong = |why: String| {
            Err(Error::op("matmul", format!("shapes {:?} and {:?}: {why}", a.shape(), b.shape())))
        };
        if a.ndim() < 2 || b.ndim() < 2 {
            return wrong("both operands need two dimensions or more".into());
        }
        if a.dtype() != b.dtype() || a.dtype() == DType::Bool {
            return wrong(format!(
                "{} times {}; both must be the same dtype, and not bool: use to_dtype",
                a.dtype(),
                b.dtype()
            ));
        }
        let (m, k) = (a.size(-2), a.size(-1));
        let (k2, n) = (b.size(-2), b.size(-1));
        if k != k2 {
            return wrong(format!("{k} columns cannot be multiplied with {k2} rows; transpose one operand?"));
        }
        let (ba, bb) = (batch(a), batch(b));
        let mut shape = broadcast_shape("matmul", &[&ba, &bb])?;
        shape.push(m);
        shape.push(n);
        Ok(Output::New(shape, a.dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let shape = out[0].shape().clone();
        let dims = shape.len();
        let sizes = [shape[dims - 2], x[0].size(-1), shape[dims - 1]];
        let full = |t: &Tensor| {
            let tail = [t.size(-2), t.size(-1)];
            t.layout().expand(&shape[..dims - 2].iter().copied().chain(tail).collect())
        };
        let layouts = [full(x[0]), full(x[1])];
        let batch = &shape[..dims - 2];
        match x[0].dtype() {
            DType::I64 => batched::<i64>(sizes, x, &layouts, batch, out[0].slice(), matmul_wrapping),
            DType::U8 => batched::<u8>(sizes, x, &layouts, batch, out[0].slice(), matmul_wrapping),
            dtype => dispatch_float!(dtype, T => {
                let product: Product<T> = |sizes, a, b, out| matmul(sizes, a, b, out, false);
                batched::<T>(sizes, x, &layouts, batch, out[0].slice(), product);
            }),
        }
    }

    fn saves(&self, needs: Mask) -> Saves {
        Saves::NONE.input_if(needs.has(0), [1]).input_if(needs.has(1), [0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let g = ctx.grad();
        smallvec![
            ctx.needs(0).then(|| apply(Matmul, &[g, &ctx.input(1).transpose(-2, -1)])),
            ctx.needs(1).then(|| apply(Matmul, &[&ctx.input(0).transpose(-2, -1), g])),
        ]
    }
}

/// The sizes before the last two.
fn batch(x: &Tensor) -> Shape {
    Shape::from(&x.shape()[..x.ndim() - 2])
}

/// Multiply-adds that pay for waking a thread.
const TASK: usize = 1 << 17;

/// Multiplies two matrices of the sizes given.
type Product<T> = fn([usize; 3], Matrix<'_, T>, Matrix<'_, T>, &mut [T]);

fn batched<T: Element>(
    sizes: [usize; 3],
    x: &[&Tensor],
    layouts: &[Layout; 2],
    batch: &[usize],
    out: &mut [T],
    product: Product<T>,
) {
    let (a, b) = (x[0].view::<T>(), x[1].view::<T>());
    let (a, b) = (a.strided().data, b.strided().data);
    let step = sizes[0] * sizes[2];
    let matrix = |data, layout: &Layout, index: usize| {
        let (mut rest, mut offset) = (index, layout.offset);
        for d in (0..batch.len()).rev() {
            offset += rest % batch[d] * layout.strides[d];
            rest /= batch[d];
        }
        Matrix { data, offset, rows: layout.strides[batch.len()], columns: layout.strides[batch.len() + 1] }
    };
    // Each product on one thread where there are enough of them; else all threads work on each.
    let (count, work) = (numel(batch), numel(&[step, x[0].size(-1)]).max(1));
    let together = if count < 2 * num_threads() { count } else { (TASK / work).max(1) };
    chunks_mut(out, together.saturating_mul(step), |start, out| {
        for (i, out) in out.chunks_exact_mut(step).enumerate() {
            let index = start / step + i;
            product(sizes, matrix(a, &layouts[0], index), matrix(b, &layouts[1], index), out);
        }
    });
}

impl Tensor {
    /// The matrix product. Two matrices: (m, k) · (k, n) → (m, n). A vector on the left counts as a row, on the
    /// right as a column, and that dimension is removed from the result; two vectors give a 0-d tensor. Dimensions
    /// before the last two are batches and broadcast.
    /// [`torch.matmul`](https://docs.pytorch.org/docs/stable/generated/torch.matmul.html).
    ///
    /// # Panics
    /// If the inner sizes differ, the batches do not broadcast, or the dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let a = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(a.matmul(&tensor![1.0, 1.0]).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        match (self.ndim(), other.ndim()) {
            (0, _) | (_, 0) => {
                let (a, b) = (self.shape(), other.shape());
                raise(Error::op("matmul", format!("a 0-d operand (shapes {a:?} and {b:?}); use mul")))
            }
            (1, 1) => self.unsqueeze(0).matmul(&other.unsqueeze(1)).reshape(Shape::default().as_ref()),
            (1, _) => self.unsqueeze(0).matmul(other).squeeze(-2),
            (_, 1) => self.matmul(&other.unsqueeze(1)).squeeze(-1),
            // One product instead of a batch, and a gradient for `other` that needs no sum.
            (n, 2) if n > 2 && self.size(-1) == other.size(0) => {
                let rows = self.reshape([numel(&self.shape()[..n - 1]), self.size(-1)]);
                let shape: Shape = self.shape()[..n - 1].iter().copied().chain([other.size(1)]).collect();
                apply(Matmul, &[&rows, other]).reshape(&shape)
            }
            _ => apply(Matmul, &[self, other]),
        }
    }
}

pub(crate) const CALLS: Calls = &[("matmul", |a| {
    let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("other")?);
    a.done(x.matmul(&other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let mm = |x: &[Tensor]| x[0].matmul(&x[1]);
    vec![
        sample("x0 @ x1", [normal(0, &[3, 4]), normal(1, &[4, 2])], mm),
        sample("x0.t() @ x1.t()", [normal(0, &[4, 3]), normal(1, &[2, 4])], |x| x[0].t().matmul(&x[1].t())),
        sample("x0 @ x1", [normal(0, &[2, 3, 4]), normal(1, &[2, 4, 2])], mm),
        sample("x0 @ x1", [normal(0, &[2, 1, 3, 4]), normal(1, &[3, 4, 2])], mm),
        sample("x0 @ x1", [normal(0, &[2, 3, 4]), normal(1, &[4, 2])], mm),
        sample("x0 @ x1", [normal(0, &[4]), normal(1, &[4])], mm),
        sample("x0 @ x1", [normal(0, &[4]), normal(1, &[4, 3])], mm),
        sample("x0 @ x1", [normal(0, &[2, 3, 4]), normal(1, &[4])], mm),
        sample("x0 @ x1", [integers(0, 9, &[2, 3, 4]), integers(1, 9, &[4, 2])], mm),
    ]
}
