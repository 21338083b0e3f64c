//! The Gaussian error linear unit.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Error, Num, Tensor};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// How [`Tensor::gelu`] computes the normal distribution's Φ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Approximate {
    /// By Φ itself: PyTorch's default, `'none'`.
    #[default]
    None,
    /// By a hyperbolic tangent: `'tanh'`.
    Tanh,
}

/// x · Φ(x)
#[derive(Clone, Copy)]
struct Exact;

impl Pointwise<1> for Exact {
    const NAME: &'static str = "gelu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let [cdf, _] = x.normal();
        x * cdf
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let [cdf, density] = x.normal();
        [g * (cdf + x * density)]
    }
}

/// x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2
#[derive(Clone, Copy)]
struct ByTanh;

/// √(2/π)
const BETA: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;
const KAPPA: f64 = 0.044715;

impl Pointwise<1> for ByTanh {
    const NAME: &'static str = "gelu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let inner = E::lit(BETA) * (x + E::lit(KAPPA) * x * x * x);
        E::lit(0.5) * x * (E::lit(1.0) + inner.tanh())
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let (half, one) = (E::lit(0.5), E::lit(1.0));
        let t = (E::lit(BETA) * (x + E::lit(KAPPA) * x * x * x)).tanh();
        let inner = E::lit(BETA) * (one + E::lit(3.0 * KAPPA) * x * x);
        [g * half * (one + t + x * (one - t * t) * inner)]
    }
}

impl Tensor {
    /// x · Φ(x) with the distribution function Φ of the normal distribution, element by element (integers become `f32`).
    /// `Approximate::Tanh` computes x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2 instead.
    /// [`torch.nn.functional.gelu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html);
    /// Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>.
    ///
    /// ```
    /// use flambeau_tensor::{Approximate, tensor};
    /// assert_eq!(tensor![-40.0, 0.0, 40.0].gelu(Approximate::None).to_vec::<f32>(), [0.0, 0.0, 40.0]);
    /// ```
    #[track_caller]
    pub fn gelu(&self, approximate: Approximate) -> Tensor {
        match approximate {
            Approximate::None => pointwise(Exact, [self]),
            Approximate::Tanh => pointwise(ByTanh, [self]),
        }
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.gelu", |a| {
    let x: Tensor = a.get("input")?;
    let approximate = match a.key("approximate")? {
        None | Some("none") => Approximate::None,
        Some("tanh") => Approximate::Tanh,
        Some(other) => {
            return Err(Error::op("gelu", format!("approximate is {other:?}; it is \"none\" or \"tanh\"")));
        }
    };
    a.done(x.gelu(approximate))
})];

pub(crate) fn samples() -> Vec<Sample> {
    use Approximate::{None, Tanh};
    vec![
        sample("F.gelu(x0)", [normal(0, &[3, 4])], |x| x[0].gelu(None)),
        sample("F.gelu(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().gelu(None)),
        sample("F.gelu(x0 * 1e3)", [normal(2, &[6])], |x| (&x[0] * 1e3).gelu(None)).not_smooth(),
        sample("F.gelu(x0)", [normal(3, &[])], |x| x[0].gelu(None)),
        sample("F.gelu(x0, approximate='tanh')", [normal(4, &[3, 4])], |x| x[0].gelu(Tanh)),
        sample("F.gelu(x0 * 1e3, approximate='tanh')", [normal(5, &[6])], |x| (&x[0] * 1e3).gelu(Tanh))
            .not_smooth(),
    ]
}
