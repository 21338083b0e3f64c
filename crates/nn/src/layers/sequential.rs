use flambeau_tensor::{Tensor, is_grad_enabled};

use crate::{Forward, Module, Visitor, trace};

/// A module from a tensor to a tensor, whatever its type: `Box<dyn Layer>` holds any of them. Implemented for all
/// that implement [`Forward`].
pub trait Layer: Forward {}

impl<M: Forward> Layer for M {}

/// Layers one after another, each called with the output of the one before: `y = fₙ(… f₁(f₀(x)))`.
///
/// The layers' names are their numbers, as in PyTorch: `0.weight`, `2.bias`. An empty one passes its input on.
///
/// ```
/// use flambeau_nn::{Forward, Linear, Module, ReLU, Sequential};
/// use flambeau_tensor::Tensor;
///
/// let mut model = Sequential::new((Linear::new(784, 200), ReLU::default()));
/// for _ in 0..2 {
///     model = model.add(Linear::new(200, 200)).add(ReLU::default());
/// }
/// let model = model.add(Linear::new(200, 10));
/// assert_eq!(model.call(&Tensor::zeros([5, 784])).shape(), [5, 10]);
/// assert_eq!(model.state_dict().keys().last(), Some("6.bias"));
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html>
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Box<dyn Layer>>,
}

impl Sequential {
    /// Of a tuple of up to 12 layers, or a `Vec<Box<dyn Layer>>`.
    pub fn new(layers: impl LayerTuple) -> Self {
        Sequential { layers: layers.into_layers() }
    }

    /// With a layer more at the end.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "adds a layer, not a number")]
    pub fn add(mut self, layer: impl Layer) -> Self {
        self.push(layer);
        self
    }

    /// Adds a layer at the end.
    pub fn push(&mut self, layer: impl Layer) {
        self.layers.push(Box::new(layer));
    }

    /// The layer of a number.
    pub fn get(&self, index: usize) -> Option<&dyn Layer> {
        self.layers.get(index).map(|layer| &**layer)
    }

    /// The layers in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &dyn Layer> {
        self.layers.iter().map(|layer| &**layer)
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (index, layer) in self.layers.iter().enumerate() {
            visitor.module(&index.to_string(), layer.as_module());
        }
    }
}

impl Forward for Sequential {
    fn forward(&self, input: &Tensor) -> Tensor {
        let mut layers = &self.layers[..];
        let mut output: Option<Tensor> = None;
        while let [first, ..] = layers {
            let x = output.as_ref().unwrap_or(input);
            let (y, count) = fused(layers, x).unwrap_or_else(|| (first.call(x), 1));
            (output, layers) = (Some(y), &layers[count..]);
        }
        output.unwrap_or_else(|| input.clone())
    }
}

/// The output of the first few of the layers in fewer passes than they take one by one, and how many they are. The same
/// numbers, but for the rounding where a batch normalisation becomes part of a convolution, which is without gradients
/// only; and each layer's own output is missing, so None where somebody looks on.
fn fused(layers: &[Box<dyn Layer>], input: &Tensor) -> Option<(Tensor, usize)> {
    let [first, second, rest @ ..] = layers else { return None };
    if !trace::is_idle() {
        return None;
    }
    if first.is_relu() && second.commutes_with_relu() {
        // The second gives less to do.
        return Some((second.forward(input).relu(), 2));
    }
    if !is_grad_enabled() {
        let relu = rest.first().is_some_and(|third| third.is_relu());
        if let Some(y) = first.forward_scaled(input, &|ndim| second.scale_and_shift(ndim), relu) {
            return Some((y, if relu { 3 } else { 2 }));
        }
    }
    let later = rest.first().is_some_and(|third| third.commutes_with_relu());
    if second.is_relu() && !later { first.forward_relu(input).map(|y| (y, 2)) } else { None }
}

/// What [`Sequential::new`] takes: a tuple of up to 12 layers, or a `Vec<Box<dyn Layer>>`.
pub trait LayerTuple {
    /// The layers, boxed, in order.
    fn into_layers(self) -> Vec<Box<dyn Layer>>;
}

impl LayerTuple for Vec<Box<dyn Layer>> {
    fn into_layers(self) -> Vec<Box<dyn Layer>> {
        self
    }
}

macro_rules! tuple {
    ($($layer:ident $index:tt),*) => {
        impl<$($layer: Layer),*> LayerTuple for ($($layer,)*) {
            fn into_layers(self) -> Vec<Box<dyn Layer>> {
                vec![$(Box::new(self.$index)),*]
            }
        }
    };
}

tuple!();
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
