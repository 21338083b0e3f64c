//! The affine map of a fully connected layer.

use super::relu::relu_gradient;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, raise};
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use crate::{Element, Error, Result, Tensor, is_grad_enabled};
use flambeau_kernels::matmul::{Finish, Matrix, Packed, matmul_with};
use flambeau_kernels::strided::numel;
use flambeau_kernels::{Float, dispatch_float};
use std::cell::OnceCell;
use std::sync::{Arc, Mutex, PoisonError};

/// `torch.nn.functional.linear` for a matrix of inputs: x, weight and, perhaps, bias.
#[derive(Default)]
pub struct Linear {
    /// Whether `relu` follows, in the same pass.
    relu: bool,
    packed: Option<Arc<Packed>>,
}

impl Op for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let (input, weight, bias) = (x[0], x[1], x.get(2));
        let fits = input.ndim() == 2
            && weight.ndim() == 2
            && input.size(1) == weight.size(1)
            && bias.is_none_or(|b| b.shape() == [weight.size(0)]);
        if !fits {
            return Err(Error::op(
                "linear",
                format!(
                    "input {:?} with weight {:?}{}: the input's last size must be the weight's second, and the bias as \
                     long as the weight's first; flatten the input?",
                    input.shape(),
                    weight.shape(),
                    bias.map_or(String::new(), |b| format!(" and bias {:?}", b.shape()))
                ),
            ));
        }
        if !input.dtype().is_float() || x.iter().any(|t| t.dtype() != input.dtype()) {
            let dtypes: Vec<_> = x.iter().map(|t| t.dtype().name()).collect();
            return Err(Error::op(
                "linear",
                format!("dtypes {dtypes:?}; all must be the same floating-point dtype: use to_dtype"),
            ));
        }
        Ok(Output::New([input.size(0), weight.size(0)].into(), input.dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        dispatch_float!(x[0].dtype(), T => forward::<T>(x, self, out[0].slice()));
    }

    fn saves(&self, needs: Mask) -> Saves {
        let saves = if self.relu { Saves::OUTPUT } else { Saves::NONE };
        saves.input_if(needs.has(0), [1]).input_if(needs.has(1), [0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let g = &if self.relu { relu_gradient(ctx.grad(), &ctx.output()) } else { ctx.grad().clone() };
        let gradient = |i| match i {
            0 => g.matmul(ctx.input(1)),
            1 => g.t().matmul(ctx.input(0)),
            _ => g.sum_dim(0, false),
        };
        (0..ctx.input_count()).map(|i| ctx.needs(i).then(|| gradient(i))).collect()
    }
}

fn forward<T: Float + Element>(x: &[&Tensor], op: &Linear, out: &mut [T]) {
    let (input, weight) = (x[0].view::<T>(), x[1].view::<T>());
    let copy = x.get(2).and_then(|bias| (!bias.is_contiguous()).then(|| bias.contiguous()));
    let bias = copy.as_ref().or(x.get(2).copied()).map(|bias| bias.view::<T>());
    let sizes = [x[0].size(0), x[0].size(1), x[1].size(0)];
    let a = Matrix {
        data: input.strided().data,
        offset: x[0].layout().offset,
        rows: x[0].strides()[0],
        columns: x[0].strides()[1],
    };
    let finish = Finish { bias: bias.as_ref().map(|bias| bias.slice()), relu: op.relu };
    matmul_with(sizes, a, transposed(x[1], weight.strided().data), out, false, finish, op.packed.as_deref());
}

/// The weight is (out, in): read it as (in, out).
fn transposed<'a, T>(weight: &Tensor, data: &'a [T]) -> Matrix<'a, T> {
    let strides = weight.strides();
    Matrix { data, offset: weight.layout().offset, rows: strides[1], columns: strides[0] }
}

/// A layer's weight as its products read it, for inference, where it is the same from call to call. It is packed when it
/// is used without gradient for the second time, and dropped when it is used with gradient; a weight that was written, or
/// another one, is packed anew. Takes as much memory as the weight, and none where that has more than 2¹⁸ elements.
#[doc(hidden)]
#[derive(Default)]
pub struct PackedWeight(Mutex<Option<Kept>>);

struct Kept {
    /// The tensor itself, so that no other one gets its identity.
    weight: Tensor,
    version: u32,
    packed: OnceCell<Option<Arc<Packed>>>,
}

impl PackedWeight {
    fn of(&self, weight: &Tensor) -> Option<Arc<Packed>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_grad_enabled() && weight.requires_grad() {
            *kept = None;
            return None;
        }
        let version = weight.version();
        match &*kept {
            Some(kept) if kept.weight.is_same(weight) && kept.version == version => {
                kept.packed.get_or_init(|| pack(weight).map(Arc::new)).clone()
            }
            _ => {
                *kept = Some(Kept { weight: weight.clone(), version, packed: OnceCell::new() });
                None
            }
        }
    }
}

fn pack(weight: &Tensor) -> Option<Packed> {
    let &[n, k] = weight.shape() else { return None };
    if !weight.dtype().is_float() {
        return None;
    }
    dispatch_float!(weight.dtype(), T => {
        Packed::new(transposed(weight, weight.view::<T>().strided().data), k, n)
    })
}

impl Tensor {
    /// self · weightᵀ + bias: (…, in) with weight (out, in) and bias (out) gives (…, out), with weight (in) and a 0-d bias (…).
    /// [`torch.nn.functional.linear`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear.html).
    ///
    /// # Panics
    /// If the sizes do not fit or the dtypes are not the same float type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (w, b) = (tensor![[1.0, 2.0]], tensor![10.0]);
    /// assert_eq!(tensor![[3.0, 4.0]].linear(&w, Some(&b)).to_vec::<f32>(), [21.0]);
    /// ```
    #[track_caller]
    pub fn linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        if weight.ndim() == 1 {
            let y = self.linear(&weight.unsqueeze(0), None).squeeze(-1);
            return bias.map_or(y.clone(), |bias| y + bias);
        }
        self.affine(weight, bias, Linear::default())
    }

    /// `self.linear(weight, bias)`, or its `relu` in the same pass, for a layer that keeps its weight, of two dimensions,
    /// packed.
    #[doc(hidden)]
    #[track_caller]
    pub fn linear_of(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        relu: bool,
        packed: &PackedWeight,
    ) -> Tensor {
        let rows = self.numel() / self.shape().last().map_or(1, |&n| n.max(1));
        let packed = if rows < Packed::FEWEST_ROWS { None } else { packed.of(weight) };
        self.affine(weight, bias, Linear { relu, packed })
    }

    #[track_caller]
    fn affine(&self, weight: &Tensor, bias: Option<&Tensor>, op: Linear) -> Tensor {
        let rows = match self.ndim() {
            2 => None,
            0 => raise(Error::op("linear", format!("a 0-d input with weight {:?}", weight.shape()))),
            n => Some(self.reshape([numel(&self.shape()[..n - 1]), self.size(-1)])),
        };
        let x = rows.as_ref().unwrap_or(self);
        let y = match bias {
            Some(bias) => apply(op, &[x, weight, bias]),
            None => apply(op, &[x, weight]),
        };
        if rows.is_none() {
            return y;
        }
        let shape: Shape = self.shape()[..self.ndim() - 1].iter().copied().chain([weight.size(0)]).collect();
        y.reshape(&shape)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.linear", |a| {
    let (x, weight, bias): (Tensor, Tensor, Option<Tensor>) =
        (a.get("input")?, a.get("weight")?, a.opt("bias")?);
    a.done(x.linear(&weight, bias.as_ref()))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.linear(x0, x1, x2)", [normal(0, &[3, 4]), normal(1, &[2, 4]), normal(2, &[2])], |x| {
            x[0].linear(&x[1], Some(&x[2]))
        }),
        sample("F.linear(x0, x1)", [normal(0, &[2, 3, 4]), normal(1, &[5, 4])], |x| x[0].linear(&x[1], None)),
        sample("F.linear(x0, x1, x2)", [normal(0, &[4]), normal(1, &[2, 4]), normal(2, &[2])], |x| {
            x[0].linear(&x[1], Some(&x[2]))
        }),
        sample(
            "F.relu(F.linear(x0, x1, x2))",
            [normal(0, &[2, 3, 4]), normal(1, &[5, 4]), normal(2, &[5])],
            |x| x[0].linear_of(&x[1], Some(&x[2]), true, &PackedWeight::default()),
        ),
        sample("F.relu(F.linear(x0.t(), x1.t()))", [normal(0, &[4, 3]), normal(1, &[4, 2])], |x| {
            x[0].t().linear_of(&x[1].t(), None, true, &PackedWeight::default())
        }),
        sample("F.linear(x0, x1)", [normal(0, &[3, 4]), normal(1, &[4])], |x| x[0].linear(&x[1], None)),
        sample("F.linear(x0, x1, x2)", [normal(0, &[4]), normal(1, &[4]), normal(2, &[])], |x| {
            x[0].linear(&x[1], Some(&x[2]))
        }),
    ]
}
