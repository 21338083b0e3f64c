//! Rounding to the nearest.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Round;

impl Pointwise<1> for Round {
    const NAME: &'static str = "round";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.round()
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 1], _: E) -> [E; 1] {
        [E::lit(0.0)]
    }
}

/// To multiples of 1 / scale if `finer`, else of scale.
#[derive(Clone, Copy)]
struct RoundDecimals {
    scale: f64,
    finer: bool,
}

impl Pointwise<1> for RoundDecimals {
    const NAME: &'static str = "round";
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let scale = E::lit(self.scale);
        if self.finer { (x * scale).round() / scale } else { (x / scale).round() * scale }
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 1], _: E) -> [E; 1] {
        [E::lit(0.0)]
    }
}

impl Tensor {
    /// The nearest whole number, the even one of two as near, element by element; the gradient is 0.
    /// [`torch.round`](https://docs.pytorch.org/docs/stable/generated/torch.round.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.2, 0.5, 1.5].round().to_vec::<f32>(), [-1.0, 0.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn round(&self) -> Tensor {
        pointwise(Round, [self])
    }

    /// Rounded to this many decimals; to tens, hundreds, … with −1, −2, …; otherwise as [`round`](Tensor::round).
    ///
    /// # Panics
    /// If the dtype is no float and `decimals` is not 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![123.456].round_decimals(1).to_vec::<f32>(), [123.5]);
    /// assert_eq!(tensor![123.456].round_decimals(-1).to_vec::<f32>(), [120.0]);
    /// ```
    #[track_caller]
    pub fn round_decimals(&self, decimals: i32) -> Tensor {
        let dtype = self.dtype();
        ensure!(
            decimals == 0 || dtype.is_float(),
            "round",
            "{dtype} to {decimals} decimals; convert it to a float dtype first"
        );
        if decimals == 0 {
            return self.round();
        }
        // A positive power of ten, which is exact up to 10²², on either side.
        let scale = 10f64.powi(decimals.saturating_abs());
        pointwise(RoundDecimals { scale, finer: decimals > 0 }, [self])
    }
}

pub(crate) const CALLS: Calls = &[("round", |a| {
    let (x, decimals): (Tensor, i64) = (a.get("input")?, a.key("decimals")?.unwrap_or(0));
    a.done(x.round_decimals(decimals.clamp(-1000, 1000) as i32))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.round(x0 * 3)", [normal(0, &[3, 4])], |x| (&x[0] * 3.0).round()),
        sample("torch.round(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().round()),
        sample("torch.round(x0)", [integers(2, 9, &[])], |x| x[0].round()),
        sample("torch.round(x0 / 2)", [integers(3, 9, &[8])], |x| (&x[0] / 2.0).round()),
        sample("torch.round(x0, decimals=3)", [normal(4, &[8])], |x| x[0].round_decimals(3)),
        sample("torch.round(x0 * 3000, decimals=-2)", [normal(5, &[8])], |x| {
            (&x[0] * 3000.0).round_decimals(-2)
        }),
    ]
}
