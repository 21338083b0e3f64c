//! Rows of a table by their numbers.

use super::index_select::check_index;
use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, ensure, unwrap};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Error, Result, Tensor};
use flambeau_kernels::{dispatch_all, dispatch_float, index};
use smallvec::smallvec;

/// The options of [`Tensor::embedding`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EmbeddingOptions {
    /// A row that gets no gradient; a negative number counts from the end. Default: none.
    pub padding_idx: Option<isize>,
    /// Rows that are looked up and whose norm is larger are scaled down to it, in place and unrecorded. Default: none.
    pub max_norm: Option<f64>,
    /// The p of that norm. Default: 2.
    pub norm_type: f64,
    /// Divides a row's gradient by how often it was looked up. Default: false.
    pub scale_grad_by_freq: bool,
}

impl Default for EmbeddingOptions {
    fn default() -> Self {
        EmbeddingOptions { padding_idx: None, max_norm: None, norm_type: 2.0, scale_grad_by_freq: false }
    }
}

/// `torch.nn.functional.embedding`: the table and the numbers in one row.
struct Embedding {
    /// Of the numbers.
    shape: Shape,
    padding: Option<usize>,
    by_frequency: bool,
}

impl Op for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let mut shape = self.shape.clone();
        shape.push(x[0].size(1));
        Ok(Output::New(shape, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (weight, numbers) = (x[0].contiguous(), x[1].contiguous());
        dispatch_all!(weight.dtype(), T => {
            let block = [1, weight.size(0), weight.size(1)];
            index::index_select(weight.view::<T>().slice(), block, numbers.view().slice(), out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (g, numbers, table) = (ctx.grad(), ctx.input(1).contiguous(), ctx.input_shape(0));
        let width = table[1];
        if !is_grad_enabled() {
            let g = g.contiguous();
            let gradient = Tensor::compute(table.clone(), g.dtype(), |out| {
                dispatch_float!(g.dtype(), T => {
                    let (g, numbers) = (g.view::<T>(), numbers.view());
                    let (padding, out) = (self.padding, out.slice());
                    index::embedding_backward(g.slice(), numbers.slice(), width, padding, self.by_frequency, out);
                });
            });
            return smallvec![Some(gradient), None];
        }
        let mut g = g.reshape([numbers.numel(), width]);
        if self.by_frequency {
            let counts = index::frequencies(&numbers.view(), table[0]);
            let counts =
                numbers.view::<i64>().iter().map(|&i| counts[i as usize] as f64).collect::<Vec<f64>>();
            g = g / Tensor::from_vec(counts, [numbers.numel(), 1]).to_dtype(ctx.grad().dtype());
        }
        if let Some(padding) = self.padding {
            let zero = Tensor::full_as(0.0, (), g.dtype());
            g = Tensor::where_(&numbers.ne(padding as i64).unsqueeze(-1), &g, &zero);
        }
        let zeros = Tensor::zeros_once(table, g.dtype());
        smallvec![Some(zeros.index_add(0, &numbers, &g)), None]
    }
}

impl Tensor {
    /// The rows of a table (V, D) whose numbers this tensor (`i64`, any shape) holds: its shape gains a last dimension D.
    /// The options are about the table's gradient and its rows' norms.
    /// [`torch.nn.functional.embedding`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html).
    ///
    /// # Panics
    /// If the numbers are not `i64` from 0 to V − 1, the table is not a matrix, or `padding_idx` is none of its rows.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let table = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// let y = tensor![1, 0, 1].embedding(&table, Default::default());
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn embedding(&self, weight: &Tensor, options: EmbeddingOptions) -> Tensor {
        let op = "embedding";
        ensure!(weight.ndim() == 2, op, "the weight has shape {:?}; it must be a matrix", weight.shape());
        let rows = weight.size(0);
        let padding =
            options.padding_idx.map(|i| {
                let at = if i < 0 { i.saturating_add_unsigned(rows) } else { i };
                let at = usize::try_from(at).ok().filter(|&at| at < rows);
                unwrap(at.ok_or_else(|| {
                    Error::op(op, format!("padding_idx {i} is none of the table's {rows} rows"))
                }))
            });
        let numbers = self.detach().reshape([self.numel()]);
        unwrap(check_index(op, &numbers, weight, 0));
        if let Some(max_norm) = options.max_norm {
            let dtype = weight.dtype();
            ensure!(dtype.is_float(), op, "max_norm with a table of {dtype}; it takes a floating-point one");
            let numbers = numbers.contiguous();
            dispatch_float!(dtype, T => weight.modify(|table: &mut [T]| {
                index::renormalize(table, rows, &numbers.view(), max_norm, options.norm_type);
            }));
        }
        let by_frequency = options.scale_grad_by_freq;
        apply(Embedding { shape: self.shape_ref().clone(), padding, by_frequency }, &[weight, &numbers])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.embedding", |a| {
    let (x, weight): (Tensor, Tensor) = (a.get("input")?, a.get("weight")?);
    let options = EmbeddingOptions {
        padding_idx: a.opt("padding_idx")?,
        max_norm: a.opt("max_norm")?,
        norm_type: a.or("norm_type", 2.0)?,
        scale_grad_by_freq: a.or("scale_grad_by_freq", false)?,
    };
    if a.or("sparse", false)? {
        return Err(Error::op("embedding", "there are no sparse gradients; leave sparse out"));
    }
    a.done(x.embedding(&weight, options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let with = |options: EmbeddingOptions| move |x: &[Tensor]| x[0].embedding(&x[1], options);
    let inputs = || [integers(0, 4, &[2, 5]), normal(1, &[4, 3])];
    let default = EmbeddingOptions::default();
    vec![
        sample("F.embedding(x0, x1)", inputs(), with(default)),
        sample("F.embedding(x0.t(), x1.t())", [integers(2, 3, &[2, 3]), normal(3, &[4, 3])], |x| {
            x[0].t().embedding(&x[1].t(), Default::default())
        }),
        sample("F.embedding(x0, x1)", [integers(4, 3, &[]), normal(5, &[3, 2])], with(default)),
        // The padding's row does count in the value.
        sample(
            "F.embedding(x0, x1, padding_idx=-2)",
            inputs(),
            with(EmbeddingOptions { padding_idx: Some(-2), ..default }),
        )
        .not_smooth(),
        sample(
            "F.embedding(x0, x1, scale_grad_by_freq=True, padding_idx=1)",
            inputs(),
            with(EmbeddingOptions { scale_grad_by_freq: true, padding_idx: Some(1), ..default }),
        )
        .not_smooth(),
        // The scaling has no gradient.
        sample("F.embedding(x0, x1.clone(), max_norm=1.0, norm_type=3.0)", inputs(), move |x| {
            x[0].embedding(&x[1].copy(), EmbeddingOptions { max_norm: Some(1.0), norm_type: 3.0, ..default })
        })
        .not_smooth(),
    ]
}
