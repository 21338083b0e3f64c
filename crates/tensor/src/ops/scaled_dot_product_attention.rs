//! Attention.

use crate::door::Calls;
use crate::op::ensure;
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use crate::{DType, Tensor};

/// The options of [`Tensor::scaled_dot_product_attention`].
#[derive(Clone, Debug, Default)]
pub struct AttentionOptions {
    /// Which keys a query may see, (…, L, S) or what broadcasts to it: bool, true where it may, or numbers that are added
    /// to the scores. Default: all.
    pub attn_mask: Option<Tensor>,
    /// The probability by which a weight is set to 0, whatever the mode. Default: 0.
    pub dropout_p: f64,
    /// Whether query i sees keys 0 to i alone, in place of a mask. Default: false.
    pub is_causal: bool,
    /// What the scores are multiplied with. Default: 1/√E.
    pub scale: Option<f64>,
    /// Whether key and value may have fewer heads (dimension −3) than the query, each serving a group of
    /// neighbouring query heads. Default: false.
    pub enable_gqa: bool,
}

const OP: &str = "scaled_dot_product_attention";

impl Tensor {
    /// softmax(Q Kᵀ · scale + mask) V for self = Q (…, L, E), K (…, S, E) and V (…, S, Eᵥ), giving (…, L, Eᵥ): for each
    /// query a mean of the values, weighted by how well their keys fit. The dimensions before the last two are batch and
    /// heads; they broadcast. A query whose keys are all masked gives zeros.
    /// [`torch.nn.functional.scaled_dot_product_attention`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html);
    /// Vaswani et al. 2017, <https://arxiv.org/abs/1706.03762>; grouped queries: Ainslie et al. 2023,
    /// <https://arxiv.org/abs/2305.13245>.
    ///
    /// # Panics
    /// If the sizes do not fit, the dtypes are not the same float type, a mask stands beside `is_causal`, or `dropout_p`
    /// is no probability.
    ///
    /// ```
    /// use flambeau_tensor::{AttentionOptions, Tensor};
    /// let (q, k, v) = (Tensor::zeros([2, 3, 4]), Tensor::zeros([2, 5, 4]), Tensor::ones([2, 5, 6]));
    /// let y = q.scaled_dot_product_attention(&k, &v, AttentionOptions { is_causal: true, ..Default::default() });
    /// assert_eq!(y.shape(), [2, 3, 6]);
    /// assert!(y.to_vec::<f32>().iter().all(|v| (v - 1.0).abs() < 1e-6));
    /// ```
    #[track_caller]
    pub fn scaled_dot_product_attention(
        &self,
        key: &Tensor,
        value: &Tensor,
        options: AttentionOptions,
    ) -> Tensor {
        let AttentionOptions { attn_mask, dropout_p, is_causal, scale, enable_gqa } = options;
        check(self, key, value);
        ensure!(
            (0.0..=1.0).contains(&dropout_p),
            OP,
            "dropout_p is a probability from 0 to 1, not {dropout_p}"
        );
        ensure!(!(is_causal && attn_mask.is_some()), OP, "a mask beside is_causal; put both into the mask");
        if enable_gqa {
            check_heads(self, key, value);
        }
        // On the query, which is smaller than the scores.
        let query = self * scale.unwrap_or_else(|| 1.0 / (self.size(-1) as f64).sqrt());
        let scores = product(&query, &key.transpose(-2, -1), enable_gqa);
        let weights = match attn_mask {
            None if is_causal => {
                let seen = Tensor::full([self.size(-2), key.size(-2)], true).tril(0);
                masked(&scores, &seen).softmax(-1)
            }
            None => scores.softmax(-1),
            Some(mask) => masked(&scores, &mask).safe_softmax(-1),
        };
        product(&weights.dropout(dropout_p, true), value, enable_gqa)
    }
}

#[track_caller]
fn check(query: &Tensor, key: &Tensor, value: &Tensor) {
    let (q, k, v) = (query.shape(), key.shape(), value.shape());
    let shapes = || format!("query {q:?}, key {k:?} and value {v:?}");
    ensure!(
        q.len() >= 2 && k.len() >= 2 && v.len() >= 2,
        OP,
        "{}; each needs two dimensions or more, (…, L, E), (…, S, E) and (…, S, Eᵥ)",
        shapes()
    );
    ensure!(
        query.size(-1) == key.size(-1) && key.size(-2) == value.size(-2),
        OP,
        "{}; query and key need the same last size, key and value the same last but one",
        shapes()
    );
    let dtypes = [query.dtype(), key.dtype(), value.dtype()];
    ensure!(
        dtypes[0].is_float() && dtypes.iter().all(|&d| d == dtypes[0]),
        OP,
        "dtypes {}, {} and {}; all must be the same floating-point dtype: use to_dtype",
        dtypes[0],
        dtypes[1],
        dtypes[2]
    );
}

#[track_caller]
fn check_heads(query: &Tensor, key: &Tensor, value: &Tensor) {
    for (name, x) in [("key", key), ("value", value)] {
        let fits = query.ndim() >= 3
            && x.ndim() >= 3
            && query.size(-3).checked_rem(x.size(-3)).is_some_and(|rest| rest == 0);
        ensure!(
            fits,
            OP,
            "query {:?} and {name} {:?}; with enable_gqa the number of the query's heads (dimension -3) must be a multiple of \
             the {name}'s",
            query.shape(),
            x.shape()
        );
    }
}

/// a · b, where each matrix of b may serve several of a, its neighbours along dimension −3: they are put below one another
/// as one matrix, so that nothing of b is repeated.
#[track_caller]
fn product(a: &Tensor, b: &Tensor, grouped: bool) -> Tensor {
    if !grouped || a.size(-3) == b.size(-3) {
        return a.matmul(b);
    }
    let (batch, heads, rows) = (&a.shape()[..a.ndim() - 3], a.size(-3), a.size(-2));
    let below = (heads / b.size(-3)).saturating_mul(rows);
    let with = |batch: &[usize], tail: [usize; 3]| batch.iter().copied().chain(tail).collect::<Shape>();
    let y = a.reshape(&with(batch, [b.size(-3), below, a.size(-1)])).matmul(b);
    let shape = with(&y.shape()[..y.ndim() - 3], [heads, rows, y.size(-1)]);
    y.reshape(&shape)
}

/// The scores under a mask.
#[track_caller]
fn masked(scores: &Tensor, mask: &Tensor) -> Tensor {
    match mask.dtype() {
        DType::Bool => Tensor::where_(mask, scores, &Tensor::full_as(f64::NEG_INFINITY, (), scores.dtype())),
        dtype => {
            ensure!(dtype.is_float(), OP, "the mask is {dtype}; it is bool or floating-point: use ne(0)");
            scores + mask.to_dtype(scores.dtype())
        }
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.scaled_dot_product_attention", |a| {
    let (query, key, value): (Tensor, Tensor, Tensor) = (a.get("query")?, a.get("key")?, a.get("value")?);
    let options = AttentionOptions {
        attn_mask: a.opt("attn_mask")?,
        dropout_p: a.or("dropout_p", 0.0)?,
        is_causal: a.or("is_causal", false)?,
        scale: a.key("scale")?,
        enable_gqa: a.key("enable_gqa")?.unwrap_or(false),
    };
    a.done(query.scaled_dot_product_attention(&key, &value, options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let qkv = |seed, [q, k, v]: [&[usize]; 3]| [normal(seed, q), normal(seed + 1, k), normal(seed + 2, v)];
    let masked = |seed| {
        [
            normal(seed, &[2, 3, 4]),
            normal(seed + 1, &[2, 5, 4]),
            normal(seed + 2, &[2, 5, 2]),
            normal(9, &[3, 5]),
        ]
    };
    let attend = |x: &[Tensor], options| x[0].scaled_dot_product_attention(&x[1], &x[2], options);
    let default = AttentionOptions::default;
    vec![
        sample(
            "F.scaled_dot_product_attention(x0, x1, x2)",
            qkv(0, [&[2, 3, 4], &[2, 5, 4], &[2, 5, 6]]),
            move |x| attend(x, default()),
        ),
        sample(
            "F.scaled_dot_product_attention(x0, x1, x2, is_causal=True)",
            qkv(3, [&[2, 2, 4, 3], &[2, 2, 3, 3], &[2, 2, 3, 2]]),
            move |x| attend(x, AttentionOptions { is_causal: true, ..default() }),
        ),
        sample(
            "F.scaled_dot_product_attention(x0.transpose(0, 1), x1, x2, scale=0.3)",
            qkv(6, [&[3, 2, 4], &[1, 5, 4], &[2, 5, 4]]),
            move |x| {
                let options = AttentionOptions { scale: Some(0.3), ..default() };
                x[0].transpose(0, 1).scaled_dot_product_attention(&x[1], &x[2], options)
            },
        ),
        sample("F.scaled_dot_product_attention(x0, x1, x2, attn_mask=x3)", masked(10), move |x| {
            attend(x, AttentionOptions { attn_mask: Some(x[3].clone()), ..default() })
        }),
        sample("F.scaled_dot_product_attention(x0, x1, x2, attn_mask=x3 > 0)", masked(13), move |x| {
            attend(x, AttentionOptions { attn_mask: Some(x[3].gt(0.0)), ..default() })
        }),
        // A query that sees nothing.
        sample(
            "F.scaled_dot_product_attention(x0, x1, x2, attn_mask=x3.cumsum(0) > x3[:1])",
            masked(16),
            move |x| {
                let mask = x[3].cumsum(0).gt(x[3].narrow(0, 0, 1));
                attend(x, AttentionOptions { attn_mask: Some(mask), ..default() })
            },
        ),
        sample(
            "F.scaled_dot_product_attention(x0, x1, x2, is_causal=True, enable_gqa=True)",
            qkv(20, [&[2, 4, 3, 2], &[2, 2, 3, 2], &[2, 2, 3, 3]]),
            move |x| attend(x, AttentionOptions { is_causal: true, enable_gqa: true, ..default() }),
        ),
        sample(
            "F.scaled_dot_product_attention(x0, x1, x2, dropout_p=1.0)",
            qkv(23, [&[3, 4], &[5, 4], &[5, 2]]),
            move |x| attend(x, AttentionOptions { dropout_p: 1.0, ..default() }),
        ),
    ]
}
