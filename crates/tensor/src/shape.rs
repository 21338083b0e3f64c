//! Shapes and layouts: which element of a storage belongs to which index of a tensor.

use crate::{Error, Result};
use flambeau_kernels::strided;
use smallvec::SmallVec;
use std::ops::Deref;

type Sizes = SmallVec<[usize; 5]>;

/// The sizes of a tensor's dimensions. Made from `[2, 3]`, `&[usize]`, a `Vec<usize>`, one `usize`, or `()`.
#[derive(PartialEq, Eq, Hash, Default)]
pub struct Shape(Sizes);

impl Clone for Shape {
    /// One copy of memory, where the derived form would push size by size.
    fn clone(&self) -> Self {
        Shape(SmallVec::from_slice(&self.0))
    }
}

impl Shape {
    /// Number of elements: the product of the sizes; saturates where it exceeds `usize`.
    pub fn numel(&self) -> usize {
        strided::numel(&self.0)
    }

    pub(crate) fn push(&mut self, size: usize) {
        self.0.push(size);
    }

    pub(crate) fn insert(&mut self, at: usize, size: usize) {
        self.0.insert(at, size);
    }

    /// The row-major strides of this shape.
    pub(crate) fn strides(&self) -> Shape {
        let mut strides = Shape(SmallVec::from_elem(1, self.len()));
        let mut step = 1usize;
        for d in (0..self.len()).rev() {
            strides.0[d] = step;
            step = step.saturating_mul(self.0[d].max(1));
        }
        strides
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl std::ops::DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self[..], f)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        Shape(sizes.into_iter().collect())
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Shape(SmallVec::from_slice(&sizes))
    }
}
impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(sizes: &[usize; N]) -> Self {
        Shape(SmallVec::from_slice(sizes))
    }
}
impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Shape(SmallVec::from_slice(sizes))
    }
}
impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Shape(SmallVec::from_vec(sizes))
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
pub(crate) fn normalize_dim(op: &'static str, dim: isize, ndim: usize) -> Result<usize> {
    let n = ndim.max(1) as isize;
    if (-n..n).contains(&dim) {
        Ok(if dim < 0 { dim + n } else { dim } as usize)
    } else {
        Err(Error::op(
            op,
            format!(
                "dimension {dim} is out of range; a tensor of {ndim} dimensions takes {} to {}",
                -n,
                n - 1
            ),
        ))
    }
}

/// Distinct dimension numbers, counted from the front; an empty list means all, as in PyTorch's reductions.
pub(crate) fn normalize_dims(op: &'static str, dims: &Dims, ndim: usize) -> Result<SmallVec<[usize; 5]>> {
    if dims.0.is_empty() {
        return Ok((0..ndim).collect());
    }
    let mut out: SmallVec<[usize; 5]> = SmallVec::new();
    for &dim in &dims.0 {
        let d = normalize_dim(op, dim, ndim)?;
        if out.contains(&d) {
            return Err(Error::op(op, format!("dimension {dim} appears twice in {:?}", dims.0)));
        }
        out.push(d);
    }
    Ok(out)
}

/// The shape that all of these broadcast to.
pub(crate) fn broadcast_shape<'a>(
    op: &'static str,
    shapes: impl Iterator<Item = &'a Shape> + Clone,
) -> Result<Shape> {
    let mut shapes_left = shapes.clone();
    let mut out = shapes_left.next().cloned().unwrap_or_default();
    for shape in shapes_left {
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
                let all: Vec<&Shape> = shapes.collect();
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
    pub fn contiguous(shape: Shape) -> Layout {
        let strides = shape.strides();
        Layout { shape, strides, offset: 0 }
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
        let mut step = 1;
        for (&size, &stride) in self.shape.iter().zip(self.strides.iter()).rev() {
            if size != 1 && stride != step {
                return self.shape.contains(&0);
            }
            step = step.saturating_mul(size.max(1));
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
