//! The reciprocal of the square root.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Rsqrt;

impl Pointwise<1> for Rsqrt {
    const NAME: &'static str = "rsqrt";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        E::lit(1.0) / x.sqrt()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * E::lit(-0.5) * (y * y * y)]
    }
}

impl Tensor {
    /// 1 / √x; ∞ at 0, NaN below (integers become `f32`); element by element.
    /// [`torch.rsqrt`](https://docs.pytorch.org/docs/stable/generated/torch.rsqrt.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![4.0, 0.0].rsqrt().to_vec::<f32>(), [0.5, f32::INFINITY]);
    /// ```
    #[track_caller]
    pub fn rsqrt(&self) -> Tensor {
        pointwise(Rsqrt, [self])
    }
}

pub(crate) const CALLS: Calls = &[("rsqrt", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.rsqrt())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.rsqrt(x0)", [positive(0, &[3, 4])], |x| x[0].rsqrt()),
        sample("torch.rsqrt(x0.t())", [positive(1, &[2, 5])], |x| x[0].t().rsqrt()),
        sample("torch.rsqrt(x0)", [positive(2, &[])], |x| x[0].rsqrt()),
        sample("torch.rsqrt(x0)", [integers(3, 5, &[4])], |x| x[0].rsqrt()),
        sample("torch.rsqrt(x0 - 1)", [positive(4, &[5])], |x| (&x[0] - 1.0).rsqrt()).not_smooth(),
    ]
}
