use flambeau_tensor::Tensor;

use crate::functional::{InProjWeight, MultiHeadAttentionParameters, MultiheadAttentionOptions, attend};
use crate::{Forward, Linear, Module, Parameter, Training, init};

/// Attention by several heads: `y = concat(head₁, …) Wᵒᵀ + bᵒ`, where each head computes
/// `softmax(Q Kᵀ / √d) V` of its own `d = embed_dim / num_heads` columns of `Q = x_q W_qᵀ + b_q` and so on.
///
/// Shapes: query `[L, N, embed_dim]`, key `[S, N, kdim]`, value `[S, N, vdim]` for `N` sequences, with `N` first under
/// [`batch_first`](MultiheadAttention::batch_first) and without `N` for one sequence. The output has the query's shape; the
/// weights are `[N, L, S]`, or `[N, num_heads, L, S]` without averaging. The masks are true where a key is **not** seen;
/// [`Tensor::scaled_dot_product_attention`] has it the other way round, as PyTorch.
///
/// ```
/// use flambeau_nn::functional::MultiheadAttentionOptions;
/// use flambeau_nn::{Module, MultiheadAttention};
/// use flambeau_tensor::Tensor;
///
/// let attention = MultiheadAttention::new(16, 4).batch_first(true);
/// let x = Tensor::randn([2, 5, 16]);
/// let (y, weights) = attention.call(&x, &x, &x, MultiheadAttentionOptions::default());
/// assert_eq!(y.shape(), [2, 5, 16]);
/// assert_eq!(weights.unwrap().shape(), [2, 5, 5]);
/// let names: Vec<_> = attention.state_dict().keys().map(str::to_owned).collect();
/// assert_eq!(names, ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]);
/// ```
///
/// # Panics
/// [`call`](MultiheadAttention::call) panics when the shapes do not fit, or `is_causal` stands without a mask.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html>; Vaswani et al. 2017,
/// <https://arxiv.org/abs/1706.03762>
#[derive(Module)]
#[module(crate = crate)]
pub struct MultiheadAttention {
    /// `[3 · embed_dim, embed_dim]`, unless key or value have a width of their own.
    pub in_proj_weight: Option<Parameter>,
    /// `[embed_dim, embed_dim]`, where key or value have a width of their own.
    pub q_proj_weight: Option<Parameter>,
    /// `[embed_dim, kdim]`, as that.
    pub k_proj_weight: Option<Parameter>,
    /// `[embed_dim, vdim]`, as that.
    pub v_proj_weight: Option<Parameter>,
    /// `[3 · embed_dim]`
    pub in_proj_bias: Option<Parameter>,
    /// `[1, 1, embed_dim]`
    pub bias_k: Option<Parameter>,
    /// `[1, 1, embed_dim]`
    pub bias_v: Option<Parameter>,
    /// The projection of the heads' outputs.
    pub out_proj: Linear,
    embed_dim: usize,
    num_heads: usize,
    kdim: usize,
    vdim: usize,
    dropout: f64,
    add_zero_attn: bool,
    batch_first: bool,
    training: Training,
}

impl MultiheadAttention {
    /// With biases in the projections, without dropout and added keys, and with the batch second.
    ///
    /// # Panics
    /// If `num_heads` does not divide `embed_dim`, or one of them is 0.
    #[track_caller]
    pub fn new(embed_dim: usize, num_heads: usize) -> Self {
        assert!(
            embed_dim > 0 && num_heads > 0 && embed_dim.is_multiple_of(num_heads),
            "MultiheadAttention: embed_dim {embed_dim} is not a multiple of num_heads {num_heads}"
        );
        let mut attention = MultiheadAttention {
            in_proj_weight: None,
            q_proj_weight: None,
            k_proj_weight: None,
            v_proj_weight: None,
            in_proj_bias: None,
            bias_k: None,
            bias_v: None,
            out_proj: Linear::new(embed_dim, embed_dim).bias(false),
            embed_dim,
            num_heads,
            kdim: embed_dim,
            vdim: embed_dim,
            dropout: 0.0,
            add_zero_attn: false,
            batch_first: false,
            training: Training::new(),
        };
        attention.make_weights();
        attention.bias(true)
    }

    /// The probability by which a weight is dropped in training; 0 by default.
    ///
    /// # Panics
    /// If `dropout` is not within 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn dropout(mut self, dropout: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&dropout),
            "MultiheadAttention: dropout is a probability from 0 to 1, but got {dropout}"
        );
        self.dropout = dropout;
        self
    }

    /// Whether the projections have biases; with them by default.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        if bias != self.in_proj_bias.is_some() {
            let zeros = |size| bias.then(|| Parameter::new(Tensor::zeros([size])));
            self.in_proj_bias = zeros(3 * self.embed_dim);
            self.out_proj.bias = zeros(self.embed_dim);
        }
        self
    }

    /// Whether a learnt key and value are added to those of every sequence; not by default.
    #[must_use]
    pub fn add_bias_kv(mut self, add_bias_kv: bool) -> Self {
        if add_bias_kv != self.bias_k.is_some() {
            let drawn = || {
                let bias = Parameter::new(Tensor::zeros([1, 1, self.embed_dim]));
                init::xavier_normal_(&bias, 1.0);
                bias
            };
            let pair = add_bias_kv.then(|| (drawn(), drawn()));
            (self.bias_k, self.bias_v) = pair.unzip();
        }
        self
    }

    /// Whether a key and value of zeros are added to those of every sequence; not by default.
    #[must_use]
    pub fn add_zero_attn(mut self, add_zero_attn: bool) -> Self {
        self.add_zero_attn = add_zero_attn;
        self
    }

    /// The width of the keys; `embed_dim` by default.
    #[must_use]
    pub fn kdim(mut self, kdim: usize) -> Self {
        self.kdim = kdim;
        self.make_weights();
        self
    }

    /// The width of the values; `embed_dim` by default.
    #[must_use]
    pub fn vdim(mut self, vdim: usize) -> Self {
        self.vdim = vdim;
        self.make_weights();
        self
    }

    /// Whether the batch is the first dimension of inputs and output, rather than the second; not by default.
    #[must_use]
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// The output, and the weights if they are wanted.
    #[track_caller]
    pub fn call(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        options: MultiheadAttentionOptions,
    ) -> (Tensor, Option<Tensor>) {
        Forward::call(self, &(query.clone(), key.clone(), value.clone(), options))
    }

    /// The products of a call but for those of `out_proj`, from the shapes of query, key and value.
    pub(crate) fn multiply_adds(&self, inputs: &[Vec<usize>]) -> u64 {
        let [query, key, ..] = inputs else { return 0 };
        let rows = |shape: &[usize]| shape.split_last().map_or(0, |(_, rows)| rows.iter().product());
        let (queries, keys): (usize, usize) = (rows(query), rows(key));
        let sequence = usize::from(query.len() > 2 && self.batch_first);
        let added = usize::from(self.bias_k.is_some()) + usize::from(self.add_zero_attn);
        let attended = key.get(sequence).map_or(0, |keys| keys + added);
        // The three projections; then the scores and the weighted sum of the values, in each head of its part of the features.
        let projections = [(queries, self.embed_dim), (keys, self.kdim), (keys, self.vdim)];
        let projected = projections.iter().map(|(rows, features)| rows * features).sum::<usize>();
        ((projected + 2 * queries * attended) * self.embed_dim) as u64
    }

    fn make_weights(&mut self) {
        let draw = |rows, columns| {
            let weight = Parameter::new(Tensor::zeros([rows, columns]));
            init::xavier_uniform_(&weight, 1.0);
            Some(weight)
        };
        let width = self.embed_dim;
        let packed = self.kdim == width && self.vdim == width;
        self.in_proj_weight = if packed { draw(3 * width, width) } else { None };
        self.q_proj_weight = if packed { None } else { draw(width, width) };
        self.k_proj_weight = if packed { None } else { draw(width, self.kdim) };
        self.v_proj_weight = if packed { None } else { draw(width, self.vdim) };
    }

    fn in_proj(&self) -> InProjWeight<'_> {
        let separate = [&self.q_proj_weight, &self.k_proj_weight, &self.v_proj_weight];
        match (&self.in_proj_weight, separate) {
            (Some(packed), _) => InProjWeight::Packed(packed),
            (None, [Some(q), Some(k), Some(v)]) => InProjWeight::Separate([q, k, v]),
            _ => {
                panic!("MultiheadAttention: one of q_proj_weight, k_proj_weight and v_proj_weight is missing")
            }
        }
    }
}

type Inputs = (Tensor, Tensor, Tensor, MultiheadAttentionOptions);

impl Forward<Inputs, (Tensor, Option<Tensor>)> for MultiheadAttention {
    #[track_caller]
    fn forward(&self, (query, key, value, options): &Inputs) -> (Tensor, Option<Tensor>) {
        let parameters = MultiHeadAttentionParameters {
            num_heads: self.num_heads,
            in_proj_weight: self.in_proj(),
            in_proj_bias: self.in_proj_bias.as_deref(),
            bias_k: self.bias_k.as_deref(),
            bias_v: self.bias_v.as_deref(),
            add_zero_attn: self.add_zero_attn,
            dropout_p: self.dropout,
            out_proj_weight: &self.out_proj.weight,
            out_proj_bias: self.out_proj.bias.as_deref(),
            training: self.training.get(),
        };
        let (y, weights) = attend([query, key, value], self.batch_first, &parameters, options);
        (self.out_proj.call(&y), weights)
    }
}
