//! Rolling: what leaves at one end comes back at the other.

use crate::Tensor;
use crate::door::Calls;
use crate::op::{ensure, unwrap};
use crate::shape::{Dims, normalize_dim};
use crate::testing::{Sample, integers, normal, sample};

impl Tensor {
    /// A copy with the elements moved by `shifts` positions along `dims`, one shift for each; what leaves at one end
    /// comes back at the other. Without dimensions the tensor is rolled as if it were flat.
    /// [`torch.roll`](https://docs.pytorch.org/docs/stable/generated/torch.roll.html).
    ///
    /// # Panics
    /// If the lists differ in length, or a dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::{Dims, tensor};
    /// let x = tensor![[1, 2, 3], [4, 5, 6]];
    /// assert_eq!(x.roll(1, 1).to_vec::<i64>(), [3, 1, 2, 6, 4, 5]);
    /// assert_eq!(x.roll(-1, Dims::all()).to_vec::<i64>(), [2, 3, 4, 5, 6, 1]);
    /// ```
    #[track_caller]
    pub fn roll(&self, shifts: impl Into<Dims>, dims: impl Into<Dims>) -> Tensor {
        let (shifts, dims) = (shifts.into().0, dims.into().0);
        if let ([shift], []) = (&shifts[..], &dims[..]) {
            return roll(&self.reshape([-1]), *shift, 0).reshape(self.shape_ref());
        }
        ensure!(
            shifts.len() == dims.len() && !dims.is_empty(),
            "roll",
            "shifts {shifts:?} and dimensions {dims:?} differ in number; each dimension takes one shift"
        );
        let mut out = self.clone();
        for (&shift, &dim) in shifts.iter().zip(&dims) {
            let d = unwrap(normalize_dim("roll", dim, self.shape()));
            ensure!(d < self.ndim(), "roll", "a 0-d tensor has no dimensions; leave them out");
            out = roll(&out, shift, d);
        }
        out
    }
}

#[track_caller]
fn roll(x: &Tensor, shift: isize, dim: usize) -> Tensor {
    let size = x.shape()[dim];
    let shift = if size == 0 { 0 } else { shift.rem_euclid(size as isize) as usize };
    if shift == 0 {
        return x.copy();
    }
    let dim = dim as isize;
    Tensor::cat(&[x.narrow(dim, size - shift, shift), x.narrow(dim, 0, size - shift)], dim)
}

pub(crate) const CALLS: Calls = &[("roll", |a| {
    let (x, shifts, dims): (Tensor, Dims, Dims) =
        (a.get("input")?, a.get("shifts")?, a.or("dims", Dims::all())?);
    a.done(x.roll(shifts, dims))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.roll(x0, (1, -2), (0, -1))", [normal(0, &[3, 4])], |x| x[0].roll([1, -2], [0, -1])),
        sample("torch.roll(x0.t(), 2)", [normal(1, &[2, 3])], |x| x[0].t().roll(2, Dims::all())),
        sample("torch.roll(x0, 7, 0)", [integers(2, 9, &[3])], |x| x[0].roll(7, 0)),
        sample("torch.roll(x0, 0, 1)", [normal(3, &[2, 2])], |x| x[0].roll(0, 1)),
        sample("torch.roll(x0, 1)", [normal(4, &[])], |x| x[0].roll(1, Dims::all())),
    ]
}
