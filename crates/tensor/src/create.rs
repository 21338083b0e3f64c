//! Making tensors: constants, ranges, random numbers, data.

use crate::op::{Fresh, ensure, unwrap};
use crate::random;
use crate::shape::Shape;
use crate::{DType, Element, Tensor};
use flambeau_kernels::isa::dispatch;
use flambeau_kernels::rng::Draw;
use flambeau_kernels::{dispatch_all, pool};

/// Elements of one parallel task. A multiple of the generator's block, so that pieces start on one.
const GRAIN: usize = 1 << 14;

impl Tensor {
    /// A tensor whose elements `fill` computes, without history.
    #[track_caller]
    pub(crate) fn compute(shape: impl Into<Shape>, dtype: DType, fill: impl FnOnce(&mut Fresh)) -> Tensor {
        Tensor::compute_as("empty", shape, dtype, fill)
    }

    /// [`compute`](Tensor::compute) under the name of the function that was called, for messages.
    #[track_caller]
    pub(crate) fn compute_as(
        op: &'static str,
        shape: impl Into<Shape>,
        dtype: DType,
        fill: impl FnOnce(&mut Fresh),
    ) -> Tensor {
        let mut fresh = unwrap(Fresh::new(op, &shape.into(), dtype));
        fill(&mut fresh);
        fresh.into_tensor()
    }

    /// One value everywhere, in the dtype given.
    #[track_caller]
    pub(crate) fn full_as(value: f64, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        dispatch_all!(dtype, T => filled("full", shape, T::from_f64(value)))
    }

    /// Zero everywhere, in the memory of one element: to be added to out of place.
    #[track_caller]
    pub(crate) fn zeros_once(shape: &Shape, dtype: DType) -> Tensor {
        Tensor::full_as(0.0, (), dtype).expand(shape)
    }

    /// `value` everywhere; the dtype is the value's.
    /// [`torch.full`](https://docs.pytorch.org/docs/stable/generated/torch.full.html).
    ///
    /// ```
    /// use flambeau_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::full([2], 7i64).dtype(), DType::I64);
    /// ```
    #[track_caller]
    pub fn full<T: Element>(shape: impl Into<Shape>, value: T) -> Tensor {
        filled("full", shape, value)
    }

    /// Zeros, `f32`.
    /// [`torch.zeros`](https://docs.pytorch.org/docs/stable/generated/torch.zeros.html).
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3]).shape(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Tensor {
        filled("zeros", shape, 0f32)
    }

    /// Ones, `f32`.
    /// [`torch.ones`](https://docs.pytorch.org/docs/stable/generated/torch.ones.html).
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Tensor {
        filled("ones", shape, 1f32)
    }

    /// Zeros with this tensor's shape and dtype.
    /// [`torch.zeros_like`](https://docs.pytorch.org/docs/stable/generated/torch.zeros_like.html).
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        Tensor::full_as(0.0, self.shape(), self.dtype())
    }

    /// Ones with this tensor's shape and dtype.
    /// [`torch.ones_like`](https://docs.pytorch.org/docs/stable/generated/torch.ones_like.html).
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        Tensor::full_as(1.0, self.shape(), self.dtype())
    }

    /// start, start + step, … up to but without `end`: ⌈(end − start) / step⌉ elements of the arguments' type.
    /// [`torch.arange`](https://docs.pytorch.org/docs/stable/generated/torch.arange.html).
    ///
    /// # Panics
    /// If `step` is 0 or points away from `end`.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::arange(0i64, 5, 2).to_vec::<i64>(), [0, 2, 4]);
    /// ```
    #[track_caller]
    pub fn arange<T: Element>(start: T, end: T, step: T) -> Tensor {
        let n = steps(start, end, step);
        ensure!(
            n.is_some(),
            "arange",
            "no steps of {step:?} lead from {start:?} to {end:?}; the step must point from the one to the other"
        );
        Tensor::compute_as("arange", n.unwrap_or(0), T::DTYPE, |out| {
            let (from, by) = (start.to_f64(), step.to_f64());
            for (i, o) in out.slice::<T>().iter_mut().enumerate() {
                *o = match T::DTYPE.is_float() {
                    true => T::from_f64(from + by * i as f64),
                    false => T::from_i64(start.to_i64().wrapping_add(step.to_i64().wrapping_mul(i as i64))),
                };
            }
        })
    }

    /// A tensor from its elements in row-major order.
    ///
    /// # Panics
    /// If their number is not the shape's.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0], [2, 2]);
    /// assert_eq!(x.t().to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn from_vec<T: Element>(data: Vec<T>, shape: impl Into<Shape>) -> Tensor {
        Tensor::from_slice(&data, shape)
    }

    /// [`from_vec`](Tensor::from_vec) for a slice.
    ///
    /// # Panics
    /// If the number of elements is not the shape's.
    #[track_caller]
    pub fn from_slice<T: Element>(data: &[T], shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        ensure!(
            data.len() == shape.numel(),
            "from_vec",
            "{} elements do not fill shape {shape:?}, which has {}; change the shape or the data",
            data.len(),
            shape.numel()
        );
        Tensor::compute_as("from_vec", shape, T::DTYPE, |out| out.slice::<T>().copy_from_slice(data))
    }

    /// A 0-d tensor.
    #[track_caller]
    pub fn scalar<T: Element>(value: T) -> Tensor {
        Tensor::full((), value)
    }

    /// Uniform random numbers in [0, 1), `f32`, from the generator that [`manual_seed`](crate::manual_seed) seeds.
    /// [`torch.rand`](https://docs.pytorch.org/docs/stable/generated/torch.rand.html).
    #[track_caller]
    pub fn rand(shape: impl Into<Shape>) -> Tensor {
        Tensor::random("rand", shape.into(), DType::F32, Kind::Uniform(0.0, 1.0))
    }

    /// Standard normal random numbers, `f32`, from the generator that [`manual_seed`](crate::manual_seed) seeds.
    /// [`torch.randn`](https://docs.pytorch.org/docs/stable/generated/torch.randn.html).
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, manual_seed};
    /// manual_seed(0);
    /// let a = Tensor::randn([3]);
    /// manual_seed(0);
    /// assert_eq!(a.to_vec::<f32>(), Tensor::randn([3]).to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn randn(shape: impl Into<Shape>) -> Tensor {
        Tensor::random("randn", shape.into(), DType::F32, Kind::Normal(0.0, 1.0))
    }

    #[track_caller]
    pub(crate) fn random(op: &'static str, shape: Shape, dtype: DType, kind: Kind) -> Tensor {
        let stream = random::reserve(shape.numel(), dtype);
        Tensor::compute_as(op, shape, dtype, |out| kind.fill(stream, out, dtype))
    }
}

#[track_caller]
fn filled<T: Element>(op: &'static str, shape: impl Into<Shape>, value: T) -> Tensor {
    Tensor::compute_as(op, shape, T::DTYPE, |out| {
        pool::chunks_mut(out.slice::<T>(), GRAIN, |_, out| out.fill(value));
    })
}

/// ⌈(end − start) / step⌉, exact for integers and in the element's own precision for floats; none if the step is 0
/// or points away from the end.
fn steps<T: Element>(start: T, end: T, step: T) -> Option<usize> {
    if !T::DTYPE.is_float() {
        let (span, step) = (i128::from(end.to_i64()) - i128::from(start.to_i64()), i128::from(step.to_i64()));
        let (span, step) = if step < 0 { (-span, -step) } else { (span, step) };
        return if step == 0 || span < 0 { None } else { usize::try_from((span + step - 1) / step).ok() };
    }
    let n = match T::DTYPE {
        DType::F32 => f64::from((end.to_f32() - start.to_f32()) / step.to_f32()),
        _ => (end.to_f64() - start.to_f64()) / step.to_f64(),
    };
    (n.is_finite() && n >= 0.0).then_some(n.ceil() as usize)
}

/// A distribution to draw from.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Uniform(f64, f64),
    Normal(f64, f64),
}

impl Kind {
    /// Element i is number `stream.offset + i` of the seed's stream, on whichever thread.
    fn fill(self, stream: random::Stream, out: &mut Fresh, dtype: DType) {
        let (scale, shift) = match self {
            Kind::Uniform(low, high) => (high - low, low),
            Kind::Normal(mean, std) => (std, mean),
        };
        let (normal, seed) = (matches!(self, Kind::Normal(..)), stream.seed);
        if dtype == DType::F64 {
            pool::chunks_mut(out.slice::<f64>(), GRAIN, |start, out| {
                dispatch(Draw { normal, seed, offset: stream.offset + start as u64, scale, shift, out });
            });
        } else {
            let (scale, shift) = (scale as f32, shift as f32);
            pool::chunks_mut(out.slice::<f32>(), GRAIN, |start, out| {
                dispatch(Draw { normal, seed, offset: stream.offset + start as u64, scale, shift, out });
            });
        }
    }
}

/// What [`tensor!`](crate::tensor) takes: numbers, bools, and arrays of them nested to any depth.
pub trait Nested {
    /// The element type that it becomes.
    type Item: Element;
    /// Adds the sizes of the nested arrays.
    #[doc(hidden)]
    fn sizes(&self, shape: &mut Shape);
    /// Adds the elements.
    #[doc(hidden)]
    fn elements(&self, out: &mut Vec<Self::Item>);
}

macro_rules! literal {
    ($($from:ty => $to:ty),*) => {$(
        impl Nested for $from {
            type Item = $to;
            fn sizes(&self, _: &mut Shape) {}
            fn elements(&self, out: &mut Vec<$to>) {
                out.push(*self as $to);
            }
        }
    )*};
}
literal!(f32 => f32, f64 => f32, i32 => i64, i64 => i64, u8 => u8, bool => bool);

impl<T: Nested, const N: usize> Nested for [T; N] {
    type Item = T::Item;
    fn sizes(&self, shape: &mut Shape) {
        shape.push(N);
        if let Some(first) = self.first() {
            first.sizes(shape);
        }
    }
    fn elements(&self, out: &mut Vec<T::Item>) {
        self.iter().for_each(|x| x.elements(out));
    }
}

#[doc(hidden)]
pub fn nested<T: Nested>(x: T) -> Tensor {
    let (mut shape, mut data) = (Shape::default(), Vec::new());
    x.sizes(&mut shape);
    x.elements(&mut data);
    Tensor::from_vec(data, shape)
}

/// A tensor from numbers in brackets, like `torch.tensor([...])`: the macro's own brackets are the outermost.
///
/// Floats become `f32`, PyTorch's default, whether marked `f64` or not (use [`Tensor::from_vec`] for `f64`);
/// integers become `i64`, except those marked `u8`. [`Tensor::scalar`] makes a 0-d tensor.
///
/// ```
/// use flambeau_tensor::{DType, tensor};
/// let x = tensor![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// assert_eq!((x.shape(), x.dtype()), (&[2, 3][..], DType::F32));
/// assert_eq!(tensor![1, 2].dtype(), DType::I64);
/// ```
#[macro_export]
macro_rules! tensor {
    () => {
        $crate::Tensor::zeros([0])
    };
    ($($x:tt)*) => {
        $crate::nested([$($x)*])
    };
}
