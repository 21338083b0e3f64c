//! ReLU with slopes that are learnt.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Prelu;

impl Pointwise<2> for Prelu {
    const NAME: &'static str = "prelu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, weight]: [E; 2]) -> E {
        E::select(x.gt(E::lit(0.0)), x, weight * x)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, weight]: [E; 2], _: E) -> [E; 2] {
        let zero = E::lit(0.0);
        let positive = x.gt(zero);
        [E::select(positive, g, weight * g), E::select(positive, zero, x * g)]
    }
}

impl Tensor {
    /// x where x > 0, else weight · x. The weight is one number, or one for each channel: (C) for an input (N, C, …).
    /// [`torch.nn.functional.prelu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html);
    /// He et al. 2015, <https://arxiv.org/abs/1502.01852>.
    ///
    /// # Panics
    /// If the weight is neither one number nor as long as dimension 1, or the dtypes differ.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[-2.0, -2.0], [3.0, 3.0]];
    /// assert_eq!(x.prelu(&tensor![0.5, 0.0]).to_vec::<f32>(), [-1.0, 0.0, 3.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn prelu(&self, weight: &Tensor) -> Tensor {
        let (shape, slopes) = (self.shape(), weight.numel());
        let channels = if self.ndim() > 1 { self.size(1) } else { 1 };
        ensure!(
            weight.ndim() <= 1 && (slopes == 1 || slopes == channels && self.ndim() > 0),
            "prelu",
            "input {shape:?} with weight {:?}; the weight is one number, or one for each of the {channels} channels \
             (dimension 1)",
            weight.shape()
        );
        ensure!(
            self.dtype() == weight.dtype(),
            "prelu",
            "dtypes {} and {}; both must be the same: use to_dtype",
            self.dtype(),
            weight.dtype()
        );
        // Along dimension 1.
        let mut sizes = vec![1; self.ndim()];
        if let Some(size) = sizes.get_mut(1) {
            *size = slopes;
        }
        pointwise(Prelu, [self, &weight.reshape(sizes)])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.prelu", |a| {
    let (x, weight): (Tensor, Tensor) = (a.get("input")?, a.get("weight")?);
    a.done(x.prelu(&weight))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let prelu = |x: &[Tensor]| x[0].prelu(&x[1]);
    vec![
        sample("F.prelu(x0, x1)", [normal(0, &[3, 4]), normal(1, &[4])], prelu),
        sample("F.prelu(x0, x1)", [normal(2, &[2, 3, 2, 2]), normal(3, &[3])], prelu),
        sample("F.prelu(x0.t(), x1)", [normal(4, &[2, 5]), normal(5, &[1])], |x| x[0].t().prelu(&x[1])),
        sample("F.prelu(x0, x1)", [normal(6, &[5]), normal(7, &[1])], prelu),
        sample("F.prelu(x0, x1)", [normal(8, &[]), normal(9, &[])], prelu),
        sample("F.prelu(x0 * 0, x1)", [normal(10, &[2, 2]), normal(11, &[2])], |x| {
            (&x[0] * 0.0).prelu(&x[1])
        })
        .not_smooth(),
    ]
}
