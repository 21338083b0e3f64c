//! Numbers in the place of NaN and infinities.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

#[derive(Clone, Copy)]
struct NanToNum {
    nan: f64,
    posinf: f64,
    neginf: f64,
}

impl Pointwise<1> for NanToNum {
    const NAME: &'static str = "nan_to_num";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let finite = E::select(x.equals(E::lit(f64::NEG_INFINITY)), E::lit(self.neginf), x);
        let number = E::select(x.equals(E::lit(f64::INFINITY)), E::lit(self.posinf), finite);
        E::select(x.equals(x), number, E::lit(self.nan))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [E::select(x.abs().lt(E::lit(f64::INFINITY)), g, E::lit(0.0))]
    }
}

impl Tensor {
    /// x with NaN replaced by `nan`, ∞ by `posinf` and −∞ by `neginf` (by default the largest and the lowest
    /// number of the dtype); PyTorch's default for `nan` is 0. The gradient is 0 where something is replaced.
    /// [`torch.nan_to_num`](https://docs.pytorch.org/docs/stable/generated/torch.nan_to_num.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![f32::NAN, 1.5, f32::INFINITY, f32::NEG_INFINITY];
    /// assert_eq!(x.nan_to_num(0.0, None, Some(-9.0)).to_vec::<f32>(), [0.0, 1.5, f32::MAX, -9.0]);
    /// ```
    #[track_caller]
    pub fn nan_to_num(&self, nan: f64, posinf: Option<f64>, neginf: Option<f64>) -> Tensor {
        let largest = match self.dtype() {
            DType::F32 => f64::from(f32::MAX),
            DType::F64 => f64::MAX,
            // Nothing to replace.
            _ => return self.copy(),
        };
        let (posinf, neginf) = (posinf.unwrap_or(largest), neginf.unwrap_or(-largest));
        pointwise(NanToNum { nan, posinf, neginf }, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nan_to_num", |a| {
    let (x, nan): (Tensor, f64) = (a.get("input")?, a.or("nan", 0.0)?);
    let (posinf, neginf) = (a.opt("posinf")?, a.opt("neginf")?);
    a.done(x.nan_to_num(nan, posinf, neginf))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.nan_to_num(x0)", [normal(0, &[3, 4])], |x| x[0].nan_to_num(0.0, None, None)),
        sample("torch.nan_to_num(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().nan_to_num(0.0, None, None)),
        sample("torch.nan_to_num(x0)", [integers(2, 5, &[])], |x| x[0].nan_to_num(0.0, None, None)),
        sample("torch.nan_to_num(x0 / 0, 1, 2, neginf=3)", [normal(3, &[6])], |x| {
            (&x[0] / 0.0).nan_to_num(1.0, Some(2.0), Some(3.0))
        })
        .not_smooth(),
        sample("torch.nan_to_num(x0.log(), 1)", [normal(4, &[6])], |x| {
            x[0].log().nan_to_num(1.0, None, None)
        })
        .not_smooth(),
    ]
}
