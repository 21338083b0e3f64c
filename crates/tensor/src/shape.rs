//! Shapes and layouts: which element of a storage belongs to which index of a tensor.

use crate::{Error, Result};
use flambeau_kernels::{Shared, strided};
use smallvec::SmallVec;
use std::ops::Deref;

/// As many sizes lie in place.
const FEW: usize = 5;

/// The sizes of a tensor's dimensions. Made from `[2, 3]`, `&[usize]`, a `Vec<usize>`, one `usize`, or `()`.
#[derive(Clone)]
pub struct Shape(Sizes);

/// Every tensor has two of these, every operation makes and compares some: of fixed size, a copy is a few
/// instructions, where `SmallVec` calls `memcpy`. What lies beyond `len` is 0. All are words: bytes are slower to copy.
#[derive(Clone)]
enum Sizes {
    Few { len: usize, sizes: [usize; FEW] },
    Many(Vec<usize>),
}

impl Default for Shape {
    fn default() -> Self {
        Shape(Sizes::Few { len: 0, sizes: [0; FEW] })
    }
}

impl PartialEq for Shape {
    #[inline]
    fn eq(&self, other: &Shape) -> bool {
        match (&self.0, &other.0) {
            (Sizes::Few { len: a, sizes: x }, Sizes::Few { len: b, sizes: y }) => {
                // Neither a call of `memcmp` nor iterators, which are slow where they are not inlined.
                let differs = |i: usize| x[i] ^ y[i];
                a == b && (differs(0) | differs(1) | differs(2) | differs(3) | differs(4)) == 0
            }
            _ => self[..] == other[..],
        }
    }
}

impl Eq for Shape {}

impl std::hash::Hash for Shape {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl Shape {
    fn of(from: &[usize]) -> Shape {
        if from.len() > FEW {
            return Shape(Sizes::Many(from.to_vec()));
        }
        let mut sizes = [0; FEW];
        sizes.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        Shape(Sizes::Few { len: from.len(), sizes })
    }

    /// Number of elements: the product of the sizes; saturates where it exceeds `usize`.
    #[inline]
    pub fn numel(&self) -> usize {
        strided::numel(self)
    }

    pub(crate) fn push(&mut self, size: usize) {
        match &mut self.0 {
            Sizes::Few { len, sizes } if *len < FEW => {
                sizes[*len] = size;
                *len += 1;
            }
            _ => self.insert(self.len(), size),
        }
    }

    pub(crate) fn insert(&mut self, at: usize, size: usize) {
        match &mut self.0 {
            Sizes::Few { len, sizes } if *len < FEW => {
                *len += 1;
                sizes[at..*len].rotate_right(1);
                sizes[at] = size;
            }
            Sizes::Few { sizes, .. } => {
                let mut many = sizes.to_vec();
                many.insert(at, size);
                self.0 = Sizes::Many(many);
            }
            Sizes::Many(sizes) => sizes.insert(at, size),
        }
    }

    /// Without one of the sizes.
    pub(crate) fn without(&self, at: usize) -> Shape {
        match &self.0 {
            Sizes::Few { len, sizes: old } => {
                let mut sizes = [0; FEW];
                for d in 0..FEW - 1 {
                    sizes[d] = if d < at { old[d] } else { old[d + 1] };
                }
                Shape(Sizes::Few { len: len - 1, sizes })
            }
            Sizes::Many(sizes) => {
                let mut sizes = sizes.clone();
                sizes.remove(at);
                Shape(Sizes::Many(sizes))
            }
        }
    }

    /// The row-major strides of this shape.
    #[inline]
    pub(crate) fn strides(&self) -> Shape {
        let step = |behind: usize, size: usize| behind.saturating_mul(size.max(1));
        Shape(match &self.0 {
            &Sizes::Few { len, sizes: [_, b, c, d, e] } => {
                // Without a loop, so that it is not written to memory before it is where it belongs.
                let fifth = 1;
                let fourth = step(fifth, e);
                let third = step(fourth, d);
                let second = step(third, c);
                let first = step(second, b);
                let at = |d: usize, stride: usize| if d < len { stride } else { 0 };
                let sizes = [at(0, first), at(1, second), at(2, third), at(3, fourth), at(4, fifth)];
                Sizes::Few { len, sizes }
            }
            Sizes::Many(sizes) => {
                let mut strides = vec![1; sizes.len()];
                for d in (1..sizes.len()).rev() {
                    strides[d - 1] = step(strides[d], sizes[d]);
                }
                Sizes::Many(strides)
            }
        })
    }
}

impl Deref for Shape {
    type Target = [usize];
    #[inline]
    fn deref(&self) -> &[usize] {
        match &self.0 {
            Sizes::Few { len, sizes } => &sizes[..*len],
            Sizes::Many(sizes) => sizes,
        }
    }
}

impl std::ops::DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        match &mut self.0 {
            Sizes::Few { len, sizes } => &mut sizes[..*len],
            Sizes::Many(sizes) => sizes,
        }
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self[..], f)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        let mut shape = Shape::default();
        sizes.into_iter().for_each(|size| shape.push(size));
        shape
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Shape::of(&sizes)
    }
}
impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(sizes: &[usize; N]) -> Self {
        Shape::of(sizes)
    }
}
impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Shape::of(sizes)
    }
}
impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Shape::of(&sizes)
    }
}
impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}
impl From<usize> for Shape {
    fn from(size: usize) -> Self {
        Shape::from([size])
    }
}
impl From<()> for Shape {
    fn from((): ()) -> Self {
        Shape::default()
    }
}

/// Dimension numbers, or sizes one of which may be −1: `1`, `[0, -1]`, a slice or a `Vec`.
#[derive(Clone, Debug)]
pub struct Dims(pub(crate) SmallVec<[isize; 5]>);

/// As an `isize`; what exceeds it, which no size can, becomes the largest.
fn size(dim: impl TryInto<isize>) -> isize {
    dim.try_into().unwrap_or(isize::MAX)
}

impl Dims {
    /// An empty list, which reductions take for all dimensions.
    pub fn all() -> Dims {
        Dims(SmallVec::new())
    }
}

macro_rules! dims_from {
    ($($t:ty),*) => {$(
        impl From<$t> for Dims {
            fn from(dim: $t) -> Self {
                Dims(SmallVec::from_slice(&[size(dim)]))
            }
        }
        impl<const N: usize> From<[$t; N]> for Dims {
            fn from(dims: [$t; N]) -> Self {
                Dims(dims.iter().map(|&d| size(d)).collect())
            }
        }
        impl From<&[$t]> for Dims {
            fn from(dims: &[$t]) -> Self {
                Dims(dims.iter().map(|&d| size(d)).collect())
            }
        }
        impl From<Vec<$t>> for Dims {
            fn from(dims: Vec<$t>) -> Self {
                Dims(dims.iter().map(|&d| size(d)).collect())
            }
        }
    )*};
}
// i32 is what integer literals become where several types would do.
dims_from!(isize, usize, i32);
impl From<&Shape> for Dims {
    fn from(shape: &Shape) -> Self {
        Dims::from(&shape[..])
    }
}

/// A dimension number counted from the front: −1 is the last. A 0-d tensor takes 0 and −1, as in PyTorch.
pub(crate) fn normalize_dim(op: &'static str, dim: isize, shape: &[usize]) -> Result<usize> {
    dim_below(shape.len().max(1), op, dim, shape)
}

/// [`normalize_dim`] for the place of a new dimension, which may be the end.
pub(crate) fn inserted_dim(op: &'static str, dim: isize, shape: &[usize]) -> Result<usize> {
    dim_below(shape.len() + 1, op, dim, shape)
}

fn dim_below(n: usize, op: &'static str, dim: isize, shape: &[usize]) -> Result<usize> {
    let n = n as isize;
    if (-n..n).contains(&dim) {
        return Ok(if dim < 0 { dim + n } else { dim } as usize);
    }
    Err(Error::op(
        op,
        format!("dimension {dim} is out of range; of shape {shape:?} it must be from {} to {}", -n, n - 1),
    ))
}

/// Distinct dimension numbers, counted from the front; an empty list means all, as in PyTorch's reductions.
pub(crate) fn normalize_dims(op: &'static str, dims: &Dims, shape: &[usize]) -> Result<SmallVec<[usize; 5]>> {
    if dims.0.is_empty() {
        return Ok((0..shape.len()).collect());
    }
    let mut out: SmallVec<[usize; 5]> = SmallVec::new();
    for &dim in &dims.0 {
        let d = normalize_dim(op, dim, shape)?;
        if out.contains(&d) {
            let list = &dims.0;
            return Err(Error::op(
                op,
                format!("dimension {dim} of shape {shape:?} appears twice in {list:?}; name it once"),
            ));
        }
        out.push(d);
    }
    Ok(out)
}

/// What has a shape: that itself, or a tensor.
pub(crate) trait Shaped {
    fn its_shape(&self) -> &Shape;
}
impl Shaped for Shape {
    fn its_shape(&self) -> &Shape {
        self
    }
}
impl Shaped for crate::Tensor {
    fn its_shape(&self) -> &Shape {
        self.shape_ref()
    }
}

/// The shape that all of these broadcast to.
pub(crate) fn broadcast_shape<S: Shaped>(op: &'static str, shapes: &[&S]) -> Result<Shape> {
    let mut out = shapes.first().map_or_else(Shape::default, |first| first.its_shape().clone());
    for shape in shapes.iter().skip(1).map(|shape| shape.its_shape()) {
        if *shape == out {
            continue;
        }
        while out.len() < shape.len() {
            out.insert(0, 1);
        }
        let skip = out.len() - shape.len();
        for (i, &size) in shape.iter().enumerate() {
            let o = &mut out[skip + i];
            if *o == 1 {
                *o = size;
            } else if size != 1 && size != *o {
                let all: Vec<&Shape> = shapes.iter().map(|shape| shape.its_shape()).collect();
                return Err(Error::op(
                    op,
                    format!(
                        "shapes {all:?} do not broadcast: sizes {} and {size} of dimension {} differ and neither is 1; \
                         unsqueeze, reshape or permute one of the operands",
                        *o,
                        i as isize - shape.len() as isize
                    ),
                ));
            }
        }
    }
    Ok(out)
}

/// Shape, strides and offset, in elements, into a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Sizes.
    pub shape: Shape,
    /// Distance in the storage between neighbours along each dimension; 0 where an element repeats.
    pub strides: Shape,
    /// Where the first element is.
    pub offset: usize,
}

impl Layout {
    /// Row-major from the storage's start.
    #[inline]
    pub fn contiguous(shape: Shape) -> Layout {
        let strides = shape.strides();
        Layout { shape, strides, offset: 0 }
    }

    /// [`contiguous`](Self::contiguous), which for few sizes, known to be few, is written where it stays.
    #[inline]
    pub(crate) fn shared(shape: &Shape) -> Shared<Layout> {
        match &shape.0 {
            &Sizes::Few { len, sizes } => {
                Shared::with(|| Layout::contiguous(Shape(Sizes::Few { len, sizes })))
            }
            Sizes::Many(_) => Shared::new(Layout::contiguous(shape.clone())),
        }
    }

    /// Refuses a layout that reaches beyond a storage of `len` elements.
    pub(crate) fn check(&self, op: &'static str, len: usize) -> Result<()> {
        let last = strided::last_index(self.offset, &self.shape, &self.strides);
        if self.shape.len() == self.strides.len()
            && (self.shape.contains(&0) || last.is_some_and(|l| l < len))
        {
            return Ok(());
        }
        Err(Error::op(op, format!("the view {self:?} reaches beyond its {len} elements of memory")))
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        let (sizes, strides) = (&self.shape[..], &self.strides[..]);
        let (mut step, mut d) = (1usize, sizes.len().min(strides.len()));
        while d > 0 {
            d -= 1;
            if sizes[d] != 1 && strides[d] != step {
                return sizes.contains(&0);
            }
            step = step.saturating_mul(sizes[d].max(1));
        }
        true
    }

    /// The same elements repeated to `shape`, which this one broadcasts to.
    pub(crate) fn expand(&self, shape: &Shape) -> Layout {
        if *shape == self.shape {
            return self.clone();
        }
        let skip = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|d| {
                if d < skip || (self.shape[d - skip] == 1 && shape[d] != 1) {
                    0
                } else {
                    self.strides[d - skip]
                }
            })
            .collect();
        Layout { shape: shape.clone(), strides, offset: self.offset }
    }

    /// The same elements in the same order under another shape, if strides can express it.
    pub(crate) fn view(&self, shape: &Shape) -> Option<Layout> {
        if self.is_contiguous() {
            return Some(Layout { strides: shape.strides(), shape: shape.clone(), offset: self.offset });
        }
        if self.shape.numel() == 0 {
            return Some(Layout { strides: shape.strides(), shape: shape.clone(), offset: self.offset });
        }
        // Runs of old dimensions that lie evenly in memory: each may be cut up anew.
        let mut runs: SmallVec<[(usize, usize); 5]> = SmallVec::new();
        for (&size, &stride) in self.shape.iter().zip(self.strides.iter()) {
            match runs.last_mut() {
                _ if size == 1 => {}
                Some((n, s)) if *s == stride.saturating_mul(size) => {
                    (*n, *s) = (n.saturating_mul(size), stride)
                }
                _ => runs.push((size, stride)),
            }
        }
        let mut strides: Shape = std::iter::repeat_n(1, shape.len()).collect();
        let mut runs = runs.into_iter().rev();
        let (mut left, mut step) = runs.next().unwrap_or((1, 1));
        for d in (0..shape.len()).rev() {
            if shape[d] == 1 {
                strides[d] = step;
                continue;
            }
            if left == 1 {
                (left, step) = runs.next()?;
            }
            if left % shape[d] != 0 {
                return None;
            }
            strides[d] = step;
            (left, step) = (left / shape[d], step.saturating_mul(shape[d]));
        }
        (left == 1 && runs.next().is_none()).then(|| Layout {
            shape: shape.clone(),
            strides,
            offset: self.offset,
        })
    }
}
