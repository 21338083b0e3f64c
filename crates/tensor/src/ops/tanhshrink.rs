//! What tanh takes away.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Tanhshrink;

impl Pointwise<1> for Tanhshrink {
    const NAME: &'static str = "tanhshrink";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x - x.tanh()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let t = x.tanh();
        [g * t * t]
    }
}

impl Tensor {
    /// x − tanh x, element by element (integers become `f32`).
    /// [`torch.nn.functional.tanhshrink`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.tanhshrink.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 40.0].tanhshrink().to_vec::<f32>(), [0.0, 39.0]);
    /// ```
    #[track_caller]
    pub fn tanhshrink(&self) -> Tensor {
        pointwise(Tanhshrink, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.tanhshrink", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.tanhshrink())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.tanhshrink(x0)", [normal(0, &[3, 4])], |x| x[0].tanhshrink()),
        sample("F.tanhshrink(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().tanhshrink()),
        sample("F.tanhshrink(x0)", [normal(2, &[])], |x| x[0].tanhshrink()),
        sample("F.tanhshrink(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).tanhshrink()).not_smooth(),
        sample("F.tanhshrink(x0 * 0)", [normal(4, &[2])], |x| (&x[0] * 0.0).tanhshrink()).not_smooth(),
    ]
}
