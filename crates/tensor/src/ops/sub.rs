//! Subtraction.

use crate::door::{Calls, Other};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{DType, Num, Operand, Tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Sub;

impl Pointwise<2> for Sub {
    const NAME: &'static str = "sub";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        a - b
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 2], _: E) -> [E; 2] {
        [g, -g]
    }

    fn passes(self, i: usize) -> bool {
        i == 0
    }
}

impl Tensor {
    /// self − other, element by element; the operands broadcast and promote to a common dtype.
    /// [`torch.sub`](https://docs.pytorch.org/docs/stable/generated/torch.sub.html). The operator `-` does the same.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![8.0, 6.0];
    /// assert_eq!(x.sub(2.0).to_vec::<f32>(), (x - 2.0).to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn sub(&self, other: impl Operand) -> Tensor {
        if self.dtype() == DType::Bool {
            let other = other.hold(self);
            let bools = other.borrow().dtype() == DType::Bool;
            ensure!(!bools, "sub", "two bool tensors cannot be subtracted; ne says where they differ");
            return beside_tensor(self, other.borrow());
        }
        beside(self, other, false)
    }
}

crate::operand::operator!(Sub, sub, Sub);

pub(crate) const CALLS: Calls = &[("sub", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    let other = other.hold(&x);
    let other = match a.key::<Other>("alpha")? {
        Some(alpha) => other.mul(alpha),
        None => other,
    };
    a.done(x.sub(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0 - x1", [normal(0, &[2, 3]), positive(1, &[2, 3])], |x| &x[0] - &x[1]),
        sample("x0 - x1", [normal(0, &[2, 1, 3]), positive(1, &[4, 1])], |x| &x[0] - &x[1]),
        sample("x0 - 2.5", [normal(0, &[3])], |x| &x[0] - 2.5),
        sample("2.5 - x0", [positive(0, &[3])], |x| 2.5 - &x[0]),
    ]
}
