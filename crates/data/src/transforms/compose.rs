//! Transforms one after another, and any function as one.

use flambeau_tensor::Tensor;

use super::Transform;

/// Transforms one after another.
///
/// ```
/// use flambeau_data::transforms::{Compose, Normalize, ToTensor, Transform};
/// use flambeau_tensor::tensor;
///
/// let transform = Compose::new((ToTensor, Normalize::new([0.5], [0.5])));
/// let pixels = tensor![[[0u8], [255u8]]]; // one row of two grey pixels
/// assert_eq!(transform.call(&pixels).to_vec::<f32>(), [-1.0, 1.0]);
/// ```
///
/// Source: [`torchvision.transforms.v2.Compose`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Compose.html)
#[derive(Default)]
pub struct Compose {
    transforms: Vec<Box<dyn Transform>>,
}

impl Compose {
    /// Of a tuple of up to 12 transforms, or a `Vec<Box<dyn Transform>>`.
    pub fn new(transforms: impl TransformTuple) -> Self {
        Compose { transforms: transforms.into_transforms() }
    }

    /// With a transform more at the end.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "adds a transform, not a number")]
    pub fn add(mut self, transform: impl Transform + 'static) -> Self {
        self.transforms.push(Box::new(transform));
        self
    }

    /// How many transforms there are.
    pub fn len(&self) -> usize {
        self.transforms.len()
    }

    /// Whether there are none: then images stay as they are.
    pub fn is_empty(&self) -> bool {
        self.transforms.is_empty()
    }
}

impl std::fmt::Debug for Compose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compose({} transforms)", self.transforms.len())
    }
}

impl Transform for Compose {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        self.transforms.iter().fold(image.clone(), |x, transform| transform.forward(&x))
    }
}

/// What [`Compose::new`] takes: a tuple of up to 12 transforms, or a `Vec<Box<dyn Transform>>`.
pub trait TransformTuple {
    /// The transforms in order.
    fn into_transforms(self) -> Vec<Box<dyn Transform>>;
}

impl TransformTuple for Vec<Box<dyn Transform>> {
    fn into_transforms(self) -> Vec<Box<dyn Transform>> {
        self
    }
}

macro_rules! tuple {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: Transform + 'static, $($rest: Transform + 'static),*> TransformTuple for ($first, $($rest,)*) {
            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn into_transforms(self) -> Vec<Box<dyn Transform>> {
                let ($first, $($rest,)*) = self;
                vec![Box::new($first), $(Box::new($rest)),*]
            }
        }
        tuple!($($rest)*);
    };
}
tuple!(A B C D E F G H I J K L);

/// Any function of an image as a transform.
///
/// ```
/// use flambeau_data::transforms::{Lambda, Transform};
/// use flambeau_tensor::tensor;
/// assert_eq!(Lambda::new(|x| 1.0 - x).call(&tensor![[[0.25]]]).to_vec::<f32>(), [0.75]);
/// ```
///
/// Source: [`torchvision.transforms.v2.Lambda`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Lambda.html)
#[derive(Clone, Copy)]
pub struct Lambda<F>(F);

impl<F: Fn(&Tensor) -> Tensor + Send + Sync> Lambda<F> {
    /// Of a function.
    pub fn new(f: F) -> Self {
        Lambda(f)
    }
}

impl<F> std::fmt::Debug for Lambda<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lambda")
    }
}

impl<F: Fn(&Tensor) -> Tensor + Send + Sync> Transform for Lambda<F> {
    fn forward(&self, image: &Tensor) -> Tensor {
        (self.0)(image)
    }
}
