//! ReLU with a slope on the negative side.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct LeakyRelu {
    negative_slope: f64,
}

impl Pointwise<1> for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        E::select(x.gt(E::lit(0.0)), x, x * E::lit(self.negative_slope))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [E::select(x.gt(E::lit(0.0)), g, g * E::lit(self.negative_slope))]
    }
}

impl Tensor {
    /// x where x > 0, else negative_slope · x, element by element. PyTorch's default slope is 0.01.
    /// [`torch.nn.functional.leaky_relu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-2.0, 2.0].leaky_relu(0.5).to_vec::<f32>(), [-1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn leaky_relu(&self, negative_slope: f64) -> Tensor {
        pointwise(LeakyRelu { negative_slope }, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.leaky_relu", |a| {
    let (x, slope): (Tensor, f64) = (a.get("input")?, a.or("negative_slope", 0.01)?);
    a.or("inplace", false)?;
    a.done(x.leaky_relu(slope))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.leaky_relu(x0)", [normal(0, &[3, 4])], |x| x[0].leaky_relu(0.01)),
        sample("F.leaky_relu(x0, 0.3)", [normal(1, &[5])], |x| x[0].leaky_relu(0.3)),
        sample("F.leaky_relu(x0.t())", [normal(2, &[2, 5])], |x| x[0].t().leaky_relu(0.01)),
        sample("F.leaky_relu(x0)", [normal(3, &[])], |x| x[0].leaky_relu(0.01)),
        sample("F.leaky_relu(x0 * 0, 0.2)", [normal(4, &[2])], |x| (&x[0] * 0.0).leaky_relu(0.2))
            .not_smooth(),
    ]
}
