//! What is done to the sums of a product before they are stored.

use crate::DType;
use crate::dtype::floats;
use crate::isa::{Kernel, dispatch};
use crate::lanes::Lanes;
use crate::num::Float;

/// What is done to each sum of a product before it is stored: first the one, then the other.
#[derive(Clone, Copy, Default)]
pub struct Finish<'a, T> {
    /// A number for each column, added to it.
    pub bias: Option<&'a [T]>,
    /// Whether 0 takes the place of what is below; NaN stays NaN.
    pub relu: bool,
}

impl<'a, T> Finish<'a, T> {
    pub(super) fn is_nothing(&self) -> bool {
        self.bias.is_none() && !self.relu
    }

    /// For the columns from this one on.
    pub(super) fn skip(&self, columns: usize) -> Finish<'a, T> {
        Finish { bias: self.bias.map(|bias| &bias[columns..]), ..*self }
    }
}

impl<'a, T: Float> Finish<'a, T> {
    pub(super) fn floats(self) -> Option<Finish<'a, f32>> {
        let bias = match self.bias {
            Some(bias) => Some(floats(bias)?),
            None if T::DTYPE == DType::F32 => None,
            None => return None,
        };
        Some(Finish { bias, relu: self.relu })
    }

    /// In a row that is stored already.
    pub(super) fn row(&self, row: &mut [T]) {
        if !self.is_nothing() {
            dispatch(Row { finish: self, row });
        }
    }
}

impl Finish<'_, f32> {
    #[inline(always)]
    pub(super) fn one(&self, sum: f32, column: usize) -> f32 {
        let sum = self.bias.map_or(sum, |bias| sum + bias[column]);
        if self.relu && sum <= 0.0 { 0.0 } else { sum }
    }

    /// Of `count` columns from this one on.
    #[inline(always)]
    pub(super) fn lanes<L: Lanes>(&self, sum: L, column: usize, count: usize) -> L {
        let sum = match self.bias {
            Some(bias) => sum + L::load_some(&bias[column..column + count]),
            None => sum,
        };
        if self.relu { sum.relu() } else { sum }
    }
}

struct Row<'a, T> {
    finish: &'a Finish<'a, T>,
    row: &'a mut [T],
}

impl<T: Float> Kernel for Row<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Row { finish, row } = self;
        if let Some(bias) = finish.bias {
            let bias = &bias[..row.len()];
            for i in 0..row.len() {
                row[i] = row[i] + bias[i];
            }
        }
        if finish.relu {
            for v in row {
                *v = T::select((*v).le(T::lit(0.0)), T::lit(0.0), *v);
            }
        }
    }
}
