//! Multiplication.

use crate::door::{Calls, Other};
use crate::op::{Mask, Saves};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Operand, Tensor};

#[derive(Clone, Copy)]
struct Mul;

impl Pointwise<2> for Mul {
    const NAME: &'static str = "mul";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        a * b
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b]: [E; 2], _: E) -> [E; 2] {
        [g * b, g * a]
    }

    fn saves(self, needs: Mask) -> Saves {
        Saves::NONE.input_if(needs.has(0), [1]).input_if(needs.has(1), [0])
    }
}

impl Tensor {
    /// self · other, element by element; the operands broadcast and promote to a common dtype.
    /// [`torch.mul`](https://docs.pytorch.org/docs/stable/generated/torch.mul.html). The operator `*` does the same.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![8.0, 6.0];
    /// assert_eq!(x.mul(2.0).to_vec::<f32>(), (x * 2.0).to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn mul(&self, other: impl Operand) -> Tensor {
        beside(self, other, false)
    }
}

crate::operand::operator!(Mul, mul, Mul);

pub(crate) const CALLS: Calls = &[("mul", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    a.done(x.mul(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0 * x1", [normal(0, &[2, 3]), positive(1, &[2, 3])], |x| &x[0] * &x[1]),
        sample("x0 * x1", [normal(0, &[2, 1, 3]), positive(1, &[4, 1])], |x| &x[0] * &x[1]),
        sample("x0 * 2.5", [normal(0, &[3])], |x| &x[0] * 2.5),
        sample("2.5 * x0", [positive(0, &[3])], |x| 2.5 * &x[0]),
    ]
}
