//! Attention: the sum over heads that [`MultiheadAttention`](crate::MultiheadAttention) computes.

use flambeau_tensor::{AttentionOptions, DType, Tensor};

/// See [`Tensor::scaled_dot_product_attention`].
#[track_caller]
pub fn scaled_dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    options: AttentionOptions,
) -> Tensor {
    query.scaled_dot_product_attention(key, value, options)
}

/// The parameters of [`multi_head_attention_forward`], under PyTorch's names.
#[derive(Clone, Copy)]
pub struct MultiHeadAttentionParameters<'a> {
    /// How many heads there are.
    pub num_heads: usize,
    /// What makes queries, keys and values of the inputs.
    pub in_proj_weight: InProjWeight<'a>,
    /// `[3 · embed_dim]`
    pub in_proj_bias: Option<&'a Tensor>,
    /// A key to add to those of every sequence, `[1, 1, embed_dim]`.
    pub bias_k: Option<&'a Tensor>,
    /// The value of that key, `[1, 1, embed_dim]`.
    pub bias_v: Option<&'a Tensor>,
    /// Whether to add a key and a value of zeros.
    pub add_zero_attn: bool,
    /// The probability by which a weight is dropped in training.
    pub dropout_p: f64,
    /// `[embed_dim, embed_dim]`
    pub out_proj_weight: &'a Tensor,
    /// `[embed_dim]`
    pub out_proj_bias: Option<&'a Tensor>,
    /// Whether to drop weights.
    pub training: bool,
}

/// The weights of the input projections.
#[derive(Clone, Copy)]
pub enum InProjWeight<'a> {
    /// All in one, `[3 · embed_dim, embed_dim]`: PyTorch's `in_proj_weight`.
    Packed(&'a Tensor),
    /// PyTorch's `q_proj_weight`, `k_proj_weight` and `v_proj_weight`: `[embed_dim, embed_dim]`, `[embed_dim, kdim]` and
    /// `[embed_dim, vdim]`.
    Separate([&'a Tensor; 3]),
}

/// The options of a call of [`MultiheadAttention`](crate::MultiheadAttention).
#[derive(Clone, Debug)]
pub struct MultiheadAttentionOptions {
    /// Which keys nobody may see: `[N, S]` (`[S]` without batch), bool, **true where not**, or numbers that are added to
    /// the scores. Default: none.
    pub key_padding_mask: Option<Tensor>,
    /// Whether the weights are returned. Without them less memory is needed. Default: true.
    pub need_weights: bool,
    /// Which keys a query may not see: `[L, S]` or `[N · num_heads, L, S]`, bool, **true where not**, or numbers that are
    /// added to the scores. Default: none.
    pub attn_mask: Option<Tensor>,
    /// Whether the weights returned are the mean over the heads. Default: true.
    pub average_attn_weights: bool,
    /// A promise that `attn_mask` is the causal one, so that it need not be read. Default: false.
    pub is_causal: bool,
}

impl Default for MultiheadAttentionOptions {
    fn default() -> Self {
        MultiheadAttentionOptions {
            key_padding_mask: None,
            need_weights: true,
            attn_mask: None,
            average_attn_weights: true,
            is_causal: false,
        }
    }
}

/// The computation of [`MultiheadAttention`](crate::MultiheadAttention) with `batch_first` false, and its shapes.
///
/// # Panics
/// When the shapes do not fit, or `is_causal` stands without `attn_mask`.
#[track_caller]
pub fn multi_head_attention_forward(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    parameters: MultiHeadAttentionParameters<'_>,
    options: MultiheadAttentionOptions,
) -> (Tensor, Option<Tensor>) {
    let (y, weights) = attend([query, key, value], false, &parameters, &options);
    (y.linear(parameters.out_proj_weight, parameters.out_proj_bias), weights)
}

/// All but the output projection.
#[track_caller]
pub(crate) fn attend(
    inputs: [&Tensor; 3],
    batch_first: bool,
    parameters: &MultiHeadAttentionParameters<'_>,
    options: &MultiheadAttentionOptions,
) -> (Tensor, Option<Tensor>) {
    check(inputs, batch_first);
    assert!(parameters.num_heads > 0, "MultiheadAttention: num_heads is 0");
    assert!(
        !options.is_causal || options.attn_mask.is_some(),
        "MultiheadAttention: is_causal says what attn_mask is; give the mask too"
    );
    let batched = inputs[0].ndim() == 3;
    // One sequence without a batch: a batch of one, first.
    let batch_first = batch_first || !batched;
    let [mut q, mut k, mut v] = project(inputs, parameters);
    if !batched {
        [q, k, v] = [q, k, v].map(|x| x.unsqueeze(0));
    }
    let (batch, sequence) = if batch_first { (0, 1) } else { (1, 0) };
    let mut added = 0;
    if let (Some(bias_k), Some(bias_v)) = (parameters.bias_k, parameters.bias_v) {
        let with = |x: &Tensor, bias: &Tensor| {
            let mut sizes = [1, 1, bias.size(-1)];
            sizes[batch as usize] = x.size(batch);
            Tensor::cat(&[x.clone(), bias.expand(sizes)], sequence)
        };
        (k, v) = (with(&k, bias_k), with(&v, bias_v));
        added += 1;
    }
    // From [N, L, E] or [L, N, E] to [N, heads, L, E / heads].
    let order = if batch_first { [0, 2, 1, 3] } else { [1, 2, 0, 3] };
    let heads = parameters.num_heads;
    let split = |x: &Tensor| x.unflatten(-1, [heads, x.size(-1) / heads]).permute(order);
    let (q, mut k, mut v) = (split(&q), split(&k), split(&v));
    if parameters.add_zero_attn {
        let with_zeros = |x: &Tensor| Tensor::cat(&[x.clone(), x.narrow(-2, 0, 1).zeros_like()], -2);
        (k, v) = (with_zeros(&k), with_zeros(&v));
        added += 1;
    }
    let causal = options.is_causal && options.key_padding_mask.is_none() && !options.need_weights;
    let mask = if causal { None } else { merged_mask(&q, &k, added, options) };
    let dropout_p = if parameters.training { parameters.dropout_p } else { 0.0 };
    let (y, weights) = if options.need_weights {
        let scores = (&q * (1.0 / (q.size(-1) as f64).sqrt())).matmul(&k.transpose(-2, -1));
        let scores = mask.map_or(scores.clone(), |mask| scores + mask);
        let weights = scores.softmax(-1).dropout(dropout_p, true);
        (weights.matmul(&v), Some(weights))
    } else {
        let options =
            AttentionOptions { attn_mask: mask, dropout_p, is_causal: causal, ..Default::default() };
        (q.scaled_dot_product_attention(&k, &v, options), None)
    };
    // Back: the order is its own inverse with the batch first.
    let order = if batch_first { [0, 2, 1, 3] } else { [2, 0, 1, 3] };
    let y = y.permute(order).flatten(-2, -1);
    let weights = weights.map(|w| if options.average_attn_weights { w.mean_dim(1, false) } else { w });
    match batched {
        true => (y, weights),
        false => (y.squeeze(0), weights.map(|w| w.squeeze(0))),
    }
}

#[track_caller]
fn check([query, key, value]: [&Tensor; 3], batch_first: bool) {
    let (q, k, v) = (query.shape(), key.shape(), value.shape());
    let batch = if batch_first { 0 } else { 1 };
    let fits = match q.len() {
        2 => k.len() == 2 && v.len() == 2 && k[0] == v[0],
        3 => k.len() == 3 && v.len() == 3 && k[..2] == v[..2] && q[batch] == k[batch],
        _ => false,
    };
    let shapes = if batch_first { "[N, L, E], [N, S, E]" } else { "[L, N, E], [S, N, E]" };
    assert!(
        fits,
        "MultiheadAttention: query {q:?}, key {k:?} and value {v:?}; they are {shapes} twice, or [L, E], [S, E] twice"
    );
}

/// Queries, keys and values.
fn project(inputs: [&Tensor; 3], parameters: &MultiHeadAttentionParameters<'_>) -> [Tensor; 3] {
    let bias = parameters.in_proj_bias;
    let weights = match parameters.in_proj_weight {
        // Self-attention: one product.
        InProjWeight::Packed(weight) if inputs.iter().all(|x| x.is_same(inputs[0])) => {
            return thirds(&inputs[0].linear(weight, bias), -1);
        }
        InProjWeight::Packed(weight) => thirds(weight, 0),
        InProjWeight::Separate(weights) => weights.map(Tensor::clone),
    };
    let biases = bias.map(|bias| thirds(bias, 0));
    std::array::from_fn(|i| inputs[i].linear(&weights[i], biases.as_ref().map(|biases| &biases[i])))
}

fn thirds(x: &Tensor, dim: isize) -> [Tensor; 3] {
    let size = x.size(dim) / 3;
    std::array::from_fn(|i| x.narrow(dim, i * size, size))
}

/// What is added to the scores `[N, heads, L, S]`; `added` keys at the end are seen by all.
#[track_caller]
fn merged_mask(q: &Tensor, k: &Tensor, added: usize, options: &MultiheadAttentionOptions) -> Option<Tensor> {
    let (batch, heads) = (q.size(0), q.size(1));
    let (queries, keys) = (q.size(-2), k.size(-2) - added);
    let number = |mask: &Tensor| {
        let mask = if mask.dtype() == DType::Bool {
            Tensor::zeros(mask.shape()).masked_fill(mask, f64::NEG_INFINITY)
        } else {
            mask.clone()
        };
        let mask = mask.to_dtype(q.dtype());
        if added == 0 {
            return mask;
        }
        let mut shape = mask.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = added;
        }
        Tensor::cat(&[mask, Tensor::zeros(shape).to_dtype(q.dtype())], -1)
    };
    let attn = options.attn_mask.as_ref().map(|mask| {
        let shape = mask.shape();
        let full = [batch * heads, queries, keys];
        assert!(
            shape == full || shape == &full[1..],
            "MultiheadAttention: attn_mask {shape:?}; it is {:?} (L, S) or {full:?} (N · num_heads, L, S)",
            &full[1..]
        );
        let mask = number(mask);
        if shape.len() == 3 { mask.reshape([batch, heads, queries, keys + added]) } else { mask }
    });
    let padding = options.key_padding_mask.as_ref().map(|mask| {
        let shape = mask.shape();
        assert!(
            shape == [batch, keys] || batch == 1 && shape == [keys],
            "MultiheadAttention: key_padding_mask {shape:?}; it is {:?} (N, S)",
            [batch, keys]
        );
        number(mask).reshape([batch, 1, 1, keys + added])
    });
    match (attn, padding) {
        (Some(attn), Some(padding)) => Some(attn + padding),
        (attn, padding) => attn.or(padding),
    }
}
