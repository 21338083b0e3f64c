//! Basic indexing with numbers and ranges: `t.i((.., 1..3, -1))`.

use crate::op::unwrap;
use crate::{Error, Result, Tensor};
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// What one dimension is indexed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// One position, which removes the dimension; −1 is the last.
    Position(isize),
    /// Positions from a start up to but without an end; negative ones count from the end.
    Range(Option<isize>, Option<isize>),
}

impl From<isize> for Index {
    fn from(i: isize) -> Self {
        Index::Position(i)
    }
}
impl From<RangeFull> for Index {
    fn from(_: RangeFull) -> Self {
        Index::Range(None, None)
    }
}
impl From<Range<isize>> for Index {
    fn from(r: Range<isize>) -> Self {
        Index::Range(Some(r.start), Some(r.end))
    }
}
impl From<RangeFrom<isize>> for Index {
    fn from(r: RangeFrom<isize>) -> Self {
        Index::Range(Some(r.start), None)
    }
}
impl From<RangeTo<isize>> for Index {
    fn from(r: RangeTo<isize>) -> Self {
        Index::Range(None, Some(r.end))
    }
}
/// The position after an inclusive end: after the last (−1) comes the end itself.
fn after(end: isize) -> Option<isize> {
    if end == -1 { None } else { Some(end.saturating_add(1)) }
}
impl From<RangeInclusive<isize>> for Index {
    fn from(r: RangeInclusive<isize>) -> Self {
        Index::Range(Some(*r.start()), after(*r.end()))
    }
}
impl From<RangeToInclusive<isize>> for Index {
    fn from(r: RangeToInclusive<isize>) -> Self {
        Index::Range(None, after(r.end))
    }
}

/// One index or a tuple of up to six, for the leading dimensions.
pub trait IntoIndices {
    /// As a list.
    fn into_indices(self) -> Vec<Index>;
}
impl<I: Into<Index>> IntoIndices for I {
    fn into_indices(self) -> Vec<Index> {
        vec![self.into()]
    }
}
macro_rules! tuple {
    ($($name:ident)+) => {
        impl<$($name: Into<Index>),+> IntoIndices for ($($name,)+) {
            #[allow(non_snake_case)]
            fn into_indices(self) -> Vec<Index> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    };
}
tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);

impl Tensor {
    /// Part of a tensor, sharing its memory: `t.i(0)` is Python's `t[0]`, `t.i((.., 1..3, -1))` its
    /// `t[:, 1:3, -1]`. A range that reaches beyond the end is cut, a single position there is an error.
    ///
    /// # Panics
    /// If there are more indices than dimensions, or a position is out of range.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let x = Tensor::arange(0i64, 24, 1).reshape([2, 3, 4]);
    /// assert_eq!(x.i((1, .., -1)).to_vec::<i64>(), [15, 19, 23]);
    /// assert_eq!(x.i((.., 1..3)).shape(), [2, 2, 4]);
    /// ```
    #[track_caller]
    pub fn i(&self, indices: impl IntoIndices) -> Tensor {
        unwrap(self.try_i(&indices.into_indices()))
    }

    fn try_i(&self, indices: &[Index]) -> Result<Tensor> {
        if indices.len() > self.ndim() {
            return Err(Error::op(
                "i",
                format!(
                    "{} indices for a tensor of {} dimensions (shape {:?}); give at most one for each",
                    indices.len(),
                    self.ndim(),
                    self.shape()
                ),
            ));
        }
        let mut out = self.clone();
        let mut dim = 0;
        for index in indices {
            match *index {
                Index::Position(at) => out = out.try_select(dim, at)?,
                Index::Range(None, None) => dim += 1,
                Index::Range(start, end) => {
                    let size = out.shape()[dim as usize] as isize;
                    let clamp = |i: isize| (if i < 0 { i + size } else { i }).clamp(0, size);
                    let start = clamp(start.unwrap_or(0));
                    let end = clamp(end.unwrap_or(size)).max(start);
                    out = out.narrow(dim, start as usize, (end - start) as usize);
                    dim += 1;
                }
            }
        }
        Ok(out)
    }
}
