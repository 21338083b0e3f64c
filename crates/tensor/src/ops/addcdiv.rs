//! Adding a scaled quotient.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Addcdiv {
    value: f64,
}

impl Pointwise<3> for Addcdiv {
    const NAME: &'static str = "addcdiv";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, a, b]: [E; 3]) -> E {
        x + E::lit(self.value) * a / b
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [_, a, b]: [E; 3], _: E) -> [E; 3] {
        let value = E::lit(self.value);
        [g, g * (value / b), -g * (value * a / (b * b))]
    }
}

impl Tensor {
    /// self + value · tensor1 / tensor2, element by element; the three broadcast and promote to a common dtype.
    /// PyTorch's default value is 1.
    /// [`torch.addcdiv`](https://docs.pytorch.org/docs/stable/generated/torch.addcdiv.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, or neither tensor1 nor tensor2 is of a float dtype.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (x, a, b) = (tensor![1.0], tensor![6.0], tensor![3.0]);
    /// assert_eq!(x.addcdiv(&a, &b, 0.5).to_vec::<f32>(), [2.0]);
    /// ```
    #[track_caller]
    pub fn addcdiv(&self, tensor1: &Tensor, tensor2: &Tensor, value: f64) -> Tensor {
        ensure!(
            tensor1.dtype().is_float() || tensor2.dtype().is_float(),
            "addcdiv",
            "a quotient of {} and {} would have to be rounded; convert one to a float dtype, or use div_mode",
            tensor1.dtype(),
            tensor2.dtype()
        );
        pointwise(Addcdiv { value }, [self, tensor1, tensor2])
    }
}

pub(crate) const CALLS: Calls = &[("addcdiv", |a| {
    let (x, t1, t2): (Tensor, Tensor, Tensor) = (a.get("input")?, a.get("tensor1")?, a.get("tensor2")?);
    let value = a.key("value")?.unwrap_or(1.0);
    a.done(x.addcdiv(&t1, &t2, value))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[3, 1]), positive(2, &[4])];
    vec![
        sample("torch.addcdiv(x0, x1, x2)", x(), |x| x[0].addcdiv(&x[1], &x[2], 1.0)),
        sample("torch.addcdiv(x0, x1, x2, value=-0.5)", x(), |x| x[0].addcdiv(&x[1], &x[2], -0.5)),
        sample(
            "torch.addcdiv(x0, x1.t(), x2)",
            [normal(3, &[2, 3]), normal(4, &[3, 2]), positive(5, &[])],
            |x| x[0].addcdiv(&x[1].t(), &x[2], 1.0),
        ),
        sample("torch.addcdiv(x0, x1, x2 * 0)", x(), |x| x[0].addcdiv(&x[1], &(&x[2] * 0.0), 1.0))
            .not_smooth(),
    ]
}
