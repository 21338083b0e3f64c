//! Adding a scaled product.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise, result_type};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Addcmul {
    value: f64,
}

impl Pointwise<3> for Addcmul {
    const NAME: &'static str = "addcmul";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, a, b]: [E; 3]) -> E {
        x + E::lit(self.value) * a * b
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [_, a, b]: [E; 3], _: E) -> [E; 3] {
        let scaled = g * E::lit(self.value);
        [g, scaled * b, scaled * a]
    }
}

impl Tensor {
    /// self + value · tensor1 · tensor2, element by element; the three broadcast and promote to a common dtype.
    /// PyTorch's default value is 1.
    /// [`torch.addcmul`](https://docs.pytorch.org/docs/stable/generated/torch.addcmul.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, or all tensors are integers and the value is not whole.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (x, a, b) = (tensor![1.0], tensor![2.0], tensor![3.0]);
    /// assert_eq!(x.addcmul(&a, &b, 0.5).to_vec::<f32>(), [4.0]);
    /// ```
    #[track_caller]
    pub fn addcmul(&self, tensor1: &Tensor, tensor2: &Tensor, value: f64) -> Tensor {
        let operands = [self, tensor1, tensor2];
        let dtype = result_type(&operands);
        ensure!(
            dtype.is_float() || value.fract() == 0.0,
            "addcmul",
            "the value {value} is no {dtype}; convert a tensor to a float dtype first"
        );
        pointwise(Addcmul { value }, operands)
    }
}

pub(crate) const CALLS: Calls = &[("addcmul", |a| {
    let (x, t1, t2): (Tensor, Tensor, Tensor) = (a.get("input")?, a.get("tensor1")?, a.get("tensor2")?);
    let value = a.key("value")?.unwrap_or(1.0);
    a.done(x.addcmul(&t1, &t2, value))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let floats = || [normal(0, &[3, 4]), normal(1, &[3, 1]), normal(2, &[4])];
    vec![
        sample("torch.addcmul(x0, x1, x2)", floats(), |x| x[0].addcmul(&x[1], &x[2], 1.0)),
        sample("torch.addcmul(x0, x1, x2, value=-0.5)", floats(), |x| x[0].addcmul(&x[1], &x[2], -0.5)),
        sample(
            "torch.addcmul(x0, x1.t(), x2, value=2)",
            [integers(0, 9, &[2, 3]), integers(1, 9, &[3, 2]), integers(2, 9, &[])],
            |x| x[0].addcmul(&x[1].t(), &x[2], 2.0),
        ),
    ]
}
