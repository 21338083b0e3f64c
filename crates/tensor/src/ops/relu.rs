//! The rectified linear unit.

use crate::door::{Args, Calls};
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Result, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Relu;

impl Pointwise<1> for Relu {
    const NAME: &'static str = "relu";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        E::select(x.le(E::lit(0.0)), E::lit(0.0), x)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [E::select(y.le(E::lit(0.0)), E::lit(0.0), g)]
    }
}

/// The gradient of what gave `y` by `relu`, from the gradient of y.
#[derive(Clone, Copy)]
struct ReluGradient;

impl Pointwise<2> for ReluGradient {
    const NAME: &'static str = "relu_backward";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [g, y]: [E; 2]) -> E {
        E::select(y.le(E::lit(0.0)), E::lit(0.0), g)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [_, y]: [E; 2], _: E) -> [E; 2] {
        [E::select(y.le(E::lit(0.0)), E::lit(0.0), g), E::lit(0.0)]
    }
}

/// For ops that end in a `relu` of their own.
pub(crate) fn relu_gradient(g: &Tensor, y: &Tensor) -> Tensor {
    pointwise(ReluGradient, [g, &y.detach()])
}

impl Tensor {
    /// max(0, x); NaN stays NaN, the gradient at 0 is 0, element by element.
    /// [`torch.relu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.0, 2.0].relu().to_vec::<f32>(), [0.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn relu(&self) -> Tensor {
        pointwise(Relu, [self])
    }
}

pub(crate) const CALLS: Calls = &[("relu", relu), ("nn.functional.relu", relu)];

fn relu(a: &mut Args<'_>) -> Result<Vec<Tensor>> {
    let x: Tensor = a.get("input")?;
    a.or("inplace", false)?;
    a.done(x.relu())
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.relu(x0)", [normal(0, &[3, 4])], |x| x[0].relu()),
        sample("torch.relu(x0)", [normal(1, &[])], |x| x[0].relu()),
        sample("torch.relu(x0.t())", [normal(2, &[2, 5])], |x| x[0].t().relu()),
    ]
}
