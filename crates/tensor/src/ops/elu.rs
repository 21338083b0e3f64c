//! Exponential linear units: elu, selu, celu.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

/// x · scale above 0, (e^(x · input_scale) − 1) · alpha · scale below.
#[derive(Clone, Copy)]
struct Elu {
    alpha: f64,
    scale: f64,
    input_scale: f64,
}

impl Elu {
    /// x · input_scale where x is negative: kept from overflowing where x is not.
    #[inline(always)]
    fn exponent<E: Num>(self, x: E) -> E {
        let zero = E::lit(0.0);
        E::select(x.gt(zero), zero, x) * E::lit(self.input_scale)
    }
}

impl Pointwise<1> for Elu {
    const NAME: &'static str = "elu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let below = self.exponent(x).exp_m1() * E::lit(self.alpha * self.scale);
        E::select(x.lt(E::lit(0.0)), below, x * E::lit(self.scale))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let slope = self.exponent(x).exp() * E::lit(self.input_scale * self.alpha * self.scale);
        [E::select(x.le(E::lit(0.0)), g * slope, g * E::lit(self.scale))]
    }
}

impl Tensor {
    /// x where x > 0, else alpha · (eˣ − 1), element by element (integers become `f32`). PyTorch's default alpha is 1.
    /// [`torch.nn.functional.elu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.elu.html);
    /// Clevert et al. 2015, <https://arxiv.org/abs/1511.07289>.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1000.0, 2.0].elu(0.5).to_vec::<f32>(), [-0.5, 2.0]);
    /// ```
    #[track_caller]
    pub fn elu(&self, alpha: f64) -> Tensor {
        pointwise(Elu { alpha, scale: 1.0, input_scale: 1.0 }, [self])
    }

    /// scale · x where x > 0, else scale · alpha · (eˣ − 1), with the alpha ≈ 1.6733 and scale ≈ 1.0507 that make mean 0
    /// and variance 1 a fixed point of a deep network; element by element (integers become `f32`).
    /// [`torch.nn.functional.selu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.selu.html);
    /// Klambauer et al. 2017, <https://arxiv.org/abs/1706.02515>.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1.0].selu().to_vec::<f32>(), [0.0, 1.050701]);
    /// ```
    #[track_caller]
    pub fn selu(&self) -> Tensor {
        pointwise(Elu { alpha: SELU_ALPHA, scale: SELU_SCALE, input_scale: 1.0 }, [self])
    }

    /// x where x > 0, else alpha · (e^(x / alpha) − 1): elu with a derivative without jump for any alpha; element by
    /// element (integers become `f32`). PyTorch's default alpha is 1.
    /// [`torch.nn.functional.celu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.celu.html);
    /// Barron 2017, <https://arxiv.org/abs/1704.07483>.
    ///
    /// # Panics
    /// If alpha is 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1000.0, 2.0].celu(0.5).to_vec::<f32>(), [-0.5, 2.0]);
    /// ```
    #[track_caller]
    pub fn celu(&self, alpha: f64) -> Tensor {
        ensure!(alpha != 0.0, "celu", "alpha is 0, by which x is divided; for a cut at 0 use relu");
        pointwise(Elu { alpha, scale: 1.0, input_scale: 1.0 / alpha }, [self])
    }
}

const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

pub(crate) const CALLS: Calls = &[
    ("nn.functional.elu", |a| {
        let (x, alpha): (Tensor, f64) = (a.get("input")?, a.or("alpha", 1.0)?);
        a.or("inplace", false)?;
        a.done(x.elu(alpha))
    }),
    ("nn.functional.selu", |a| {
        let x: Tensor = a.get("input")?;
        a.or("inplace", false)?;
        a.done(x.selu())
    }),
    ("nn.functional.celu", |a| {
        let (x, alpha): (Tensor, f64) = (a.get("input")?, a.or("alpha", 1.0)?);
        a.or("inplace", false)?;
        a.done(x.celu(alpha))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.elu(x0)", [normal(0, &[3, 4])], |x| x[0].elu(1.0)),
        sample("F.elu(x0.t(), 0.3)", [normal(1, &[2, 5])], |x| x[0].t().elu(0.3)),
        sample("F.elu(x0, -2.0)", [normal(2, &[])], |x| x[0].elu(-2.0)),
        sample("F.elu(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).elu(1.0)).not_smooth(),
        sample("F.elu(x0 * 0, 2.0)", [normal(4, &[2])], |x| (&x[0] * 0.0).elu(2.0)).not_smooth(),
        sample("F.selu(x0)", [normal(5, &[3, 4])], |x| x[0].selu()),
        sample("F.selu(x0 * 1e3)", [normal(6, &[6])], |x| (&x[0] * 1e3).selu()).not_smooth(),
        sample("F.celu(x0)", [normal(7, &[3, 4])], |x| x[0].celu(1.0)),
        // PyTorch's gradient has 1/alpha in f32: these are exact.
        sample("F.celu(x0, 0.5)", [normal(8, &[5])], |x| x[0].celu(0.5)),
        sample("F.celu(x0, -2.0)", [normal(9, &[5])], |x| x[0].celu(-2.0)),
        sample("F.celu(x0 * 0, 3.0)", [normal(10, &[2])], |x| (&x[0] * 0.0).celu(3.0)).not_smooth(),
    ]
}
