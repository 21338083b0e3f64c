//! Powers.

use crate::door::{Calls, Other};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Operand, Tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Pow;

impl Pointwise<2> for Pow {
    const NAME: &'static str = "pow";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, e]: [E; 2]) -> E {
        x.pow(e)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, e]: [E; 2], _: E) -> [E; 2] {
        let zero = E::lit(0.0);
        let dx = E::select(e.equals(zero), zero, g * e * x.pow(e - E::lit(1.0)));
        // 0ᵉ does not change with e ≥ 0, though ln 0 would say −∞ · 0.
        let de = g * x.pow(e) * x.ln();
        [dx, E::select(x.equals(zero), E::select(e.ge(zero), zero, de), de)]
    }
}

crate::pointwise::beside!(Pow);

impl Tensor {
    /// selfᵉ, element by element; the operands broadcast and promote to a common dtype.
    /// [`torch.pow`](https://docs.pytorch.org/docs/stable/generated/torch.pow.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, or integers are raised to a negative integer.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![4.0, 16.0];
    /// assert_eq!(x.pow(3.0).to_vec::<f32>(), [64.0, 4096.0]);
    /// assert_eq!(x.pow(-0.5).to_vec::<f32>(), [0.5, 0.25]);
    /// assert_eq!((x.pow(-2.0) / x.pow(-1.0)).to_vec::<f32>(), [0.25, 0.0625]);
    /// ```
    #[track_caller]
    pub fn pow(&self, exponent: impl Operand) -> Tensor {
        match exponent.number() {
            // Far cheaper than the general power; PyTorch does the same.
            Some(2.0) if self.dtype().is_float() => self.square(),
            Some(3.0) if self.dtype().is_float() => self.square() * self,
            Some(0.5) if self.dtype().is_float() => self.sqrt(),
            Some(-0.5) if self.dtype().is_float() => self.rsqrt(),
            Some(-1.0) if self.dtype().is_float() => self.reciprocal(),
            Some(-2.0) if self.dtype().is_float() => self.square().reciprocal(),
            Some(e) if !self.dtype().is_float() => {
                let exponent = exponent.hold(self);
                ensure!(
                    e >= 0.0 || Borrow::<Tensor>::borrow(&exponent).dtype().is_float(),
                    "pow",
                    "a tensor of {} to the integer power {e}; the result is no integer, convert it to a float dtype first",
                    self.dtype()
                );
                beside_tensor(self, exponent.borrow())
            }
            _ => beside(self, exponent, false),
        }
    }
}

pub(crate) const CALLS: Calls = &[("pow", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("exponent")?);
    a.done(x.pow(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0 ** x1", [positive(0, &[2, 3]), normal(1, &[3])], |x| x[0].pow(&x[1])),
        sample("x0 ** 2", [normal(0, &[4])], |x| x[0].pow(2.0)),
        sample("x0 ** 3", [normal(0, &[4])], |x| x[0].pow(3.0)),
        sample("x0 ** 0.5", [positive(0, &[4])], |x| x[0].pow(0.5)),
        sample("x0 ** -1.5", [positive(0, &[4])], |x| x[0].pow(-1.5)),
    ]
}
