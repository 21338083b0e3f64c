//! Addition.

use crate::door::{Calls, Other};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{DType, Num, Operand, Tensor};

#[derive(Clone, Copy)]
struct Add;

impl Pointwise<2> for Add {
    const NAME: &'static str = "add";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        a + b
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 2], _: E) -> [E; 2] {
        [g, g]
    }

    fn passes(self, _: usize) -> bool {
        true
    }
}

impl Tensor {
    /// self + other, element by element; the operands broadcast and promote to a common dtype.
    /// [`torch.add`](https://docs.pytorch.org/docs/stable/generated/torch.add.html). The operator `+` does the same.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![8.0, 6.0];
    /// assert_eq!(x.add(2.0).to_vec::<f32>(), (x + 2.0).to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn add(&self, other: impl Operand) -> Tensor {
        beside(self, other, false)
    }
}

crate::operand::operator!(Add, add, Add);

pub(crate) const CALLS: Calls = &[("add", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    let other = other.hold(&x);
    let other = match a.key::<Other>("alpha")? {
        // A multiple of a bool is a bool.
        Some(alpha) if other.dtype() == DType::Bool => other.mul(alpha).to_dtype(DType::Bool),
        Some(alpha) => other.mul(alpha),
        None => other,
    };
    a.done(x.add(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0 + x1", [normal(0, &[2, 3]), positive(1, &[2, 3])], |x| &x[0] + &x[1]),
        sample("x0 + x1", [normal(0, &[2, 1, 3]), positive(1, &[4, 1])], |x| &x[0] + &x[1]),
        sample("x0 + 2.5", [normal(0, &[3])], |x| &x[0] + 2.5),
        sample("2.5 + x0", [positive(0, &[3])], |x| 2.5 + &x[0]),
    ]
}
