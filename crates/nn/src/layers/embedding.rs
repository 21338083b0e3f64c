use flambeau_tensor::{EmbeddingOptions, Tensor, no_grad};

use super::python::float;
use crate::{Forward, Module, Parameter, init};

/// A table of vectors, looked up by number: `y[…, :] = weight[x[…], :]`.
///
/// Shapes: the input holds numbers (`i64`) from 0 to `num_embeddings - 1` in any shape `[…]`; the output is
/// `[…, embedding_dim]`. `weight` is `[num_embeddings, embedding_dim]`, drawn from `N(0, 1)`.
///
/// ```
/// use flambeau_nn::{Embedding, Forward};
/// use flambeau_tensor::tensor;
///
/// let embedding = Embedding::new(10, 3).padding_idx(0);
/// let y = embedding.call(&tensor![[0_i64, 2], [4, 0]]);
/// assert_eq!(y.shape(), [2, 2, 3]);
/// assert_eq!(y.to_vec::<f32>()[..3], [0.0; 3]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a number is none of the table's rows.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Embedding {
    /// `[num_embeddings, embedding_dim]`
    pub weight: Parameter,
    #[module(skip)]
    options: EmbeddingOptions,
}

impl Embedding {
    /// A table of so many vectors of so many numbers.
    pub fn new(num_embeddings: usize, embedding_dim: usize) -> Self {
        let weight = Parameter::new(Tensor::zeros([num_embeddings, embedding_dim]));
        let embedding = Embedding { weight, options: EmbeddingOptions::default() };
        embedding.reset_parameters();
        embedding
    }

    /// From a table `[num_embeddings, embedding_dim]`, whose values it shares, that training leaves as it is if
    /// `freeze`, which is PyTorch's default.
    ///
    /// # Panics
    /// If the table is not a matrix of floating-point numbers, or `padding_idx` is none of its rows.
    #[track_caller]
    pub fn from_pretrained(embeddings: &Tensor, freeze: bool, options: EmbeddingOptions) -> Self {
        let shape = embeddings.shape();
        assert!(shape.len() == 2, "Embedding: the table must be a matrix, but has shape {shape:?}");
        let weight = Parameter::new(embeddings.clone());
        weight.set_requires_grad(!freeze);
        let padding_idx = options.padding_idx.map(|index| row(index, shape[0]));
        Embedding { weight, options: EmbeddingOptions { padding_idx, ..options } }
    }

    /// A row that is set to zero and gets no gradient; a negative number counts from the end.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[track_caller]
    pub fn padding_idx(mut self, padding_idx: isize) -> Self {
        self.options.padding_idx = Some(row(padding_idx, self.num_embeddings()));
        self.zero_padding();
        self
    }

    /// Scales rows whose norm is larger down to it when they are looked up, in place.
    #[must_use]
    pub fn max_norm(mut self, max_norm: f64) -> Self {
        self.options.max_norm = Some(max_norm);
        self
    }

    /// The p of the norm that `max_norm` limits; 2 by default.
    #[must_use]
    pub fn norm_type(mut self, norm_type: f64) -> Self {
        self.options.norm_type = norm_type;
        self
    }

    /// Whether a row's gradient is divided by how often it was looked up; not by default.
    #[must_use]
    pub fn scale_grad_by_freq(mut self, scale: bool) -> Self {
        self.options.scale_grad_by_freq = scale;
        self
    }

    /// The number of vectors.
    pub fn num_embeddings(&self) -> usize {
        self.weight.size(0)
    }

    /// The length of a vector.
    pub fn embedding_dim(&self) -> usize {
        self.weight.size(1)
    }

    /// Draws the table anew.
    pub fn reset_parameters(&self) {
        init::normal_(&self.weight, 0.0, 1.0);
        self.zero_padding();
    }

    fn zero_padding(&self) {
        if let Some(padding) = self.options.padding_idx {
            no_grad(|| self.weight.select(0, padding).zero_());
        }
    }

    fn options(&self) -> String {
        let EmbeddingOptions { padding_idx, max_norm, norm_type, scale_grad_by_freq } = self.options;
        let mut text = format!("{}, {}", self.num_embeddings(), self.embedding_dim());
        if let Some(padding) = padding_idx {
            text += &format!(", padding_idx={padding}");
        }
        if let Some(max_norm) = max_norm {
            text += &format!(", max_norm={}", float(max_norm));
        }
        if norm_type != 2.0 {
            text += &format!(", norm_type={}", float(norm_type));
        }
        if scale_grad_by_freq {
            text += ", scale_grad_by_freq=True";
        }
        text
    }
}

/// A row's number counted from the start.
#[track_caller]
fn row(index: isize, rows: usize) -> isize {
    let counted = if index < 0 { index.saturating_add_unsigned(rows) } else { index };
    assert!(
        usize::try_from(counted).is_ok_and(|counted| counted < rows),
        "Embedding: padding_idx {index} is none of the {rows} rows"
    );
    counted
}

impl Forward for Embedding {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.embedding(&self.weight, self.options)
    }
}
