//! A smooth form of ReLU.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Softplus {
    beta: f64,
    threshold: f64,
}

impl Pointwise<1> for Softplus {
    const NAME: &'static str = "softplus";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let beta = E::lit(self.beta);
        E::select((x * beta).gt(E::lit(self.threshold)), x, (x * beta).exp().ln_1p() / beta)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let scaled = x * E::lit(self.beta);
        [E::select(scaled.gt(E::lit(self.threshold)), g, g * scaled.sigmoid())]
    }
}

impl Tensor {
    /// ln(1 + e^(β·x)) / β, and x itself where β·x > threshold, element by element. PyTorch's defaults are β = 1
    /// and threshold = 20.
    /// [`torch.nn.functional.softplus`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].softplus(1.0, 20.0).to_vec::<f32>(), [2f32.ln()]);
    /// ```
    #[track_caller]
    pub fn softplus(&self, beta: f64, threshold: f64) -> Tensor {
        pointwise(Softplus { beta, threshold }, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.softplus", |a| {
    let (x, beta, threshold): (Tensor, _, _) =
        (a.get("input")?, a.or("beta", 1.0)?, a.or("threshold", 20.0)?);
    a.done(x.softplus(beta, threshold))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.softplus(x0)", [normal(0, &[3, 4])], |x| x[0].softplus(1.0, 20.0)),
        sample("F.softplus(x0, 2.0, 0.5)", [normal(1, &[6])], |x| x[0].softplus(2.0, 0.5)),
        sample("F.softplus(x0.t(), 0.7)", [normal(2, &[2, 5])], |x| x[0].t().softplus(0.7, 20.0)),
        sample("F.softplus(x0)", [normal(3, &[])], |x| x[0].softplus(1.0, 20.0)),
        sample("F.softplus(x0 * 1e3)", [normal(4, &[6])], |x| (&x[0] * 1e3).softplus(1.0, 20.0)).not_smooth(),
    ]
}
