//! The logarithm of a sum of exponentials.

use super::sum::Reduced;
use crate::door::Calls;
use crate::op::unwrap;
use crate::shape::Dims;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Tensor};

impl Tensor {
    /// log Σ exp(x) over the dimensions given (an empty list: all), computed from x − max x so that it cannot overflow;
    /// −∞ of no elements. Integers become `f32`.
    /// [`torch.logsumexp`](https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html).
    ///
    /// # Panics
    /// If a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1000.0, 1000.0].logsumexp(0, false).item::<f32>(), 1000.0 + 2f32.ln());
    /// ```
    #[track_caller]
    pub fn logsumexp(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        let x = if self.dtype().is_float() { self.clone() } else { self.to_dtype(DType::F32) };
        let reduced = unwrap(Reduced::new("logsumexp", &x, &dims.into(), keepdim));
        if reduced.dims.is_empty() {
            return x.copy();
        }
        let dims = reduced.dims.to_vec();
        if dims.iter().any(|&d| x.shape()[d] == 0) {
            return x.exp().sum_dim(dims, keepdim).log();
        }
        let zero = Tensor::full_as(0.0, (), x.dtype());
        let max = x.detach().amax(dims.clone(), true);
        // An infinite maximum must not be subtracted from itself.
        let max = Tensor::where_(&max.eq(f64::INFINITY), &zero, &max);
        let max = Tensor::where_(&max.eq(f64::NEG_INFINITY), &zero, &max);
        let log = (&x - &max).exp().sum_dim(dims, keepdim).log();
        let shape = log.shape_ref().clone();
        log + max.reshape(&shape)
    }
}

pub(crate) const CALLS: Calls = &[("logsumexp", |a| {
    let (x, dims, keepdim): (Tensor, Dims, bool) = (a.get("input")?, a.get("dim")?, a.or("keepdim", false)?);
    a.done(x.logsumexp(dims, keepdim))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let infinite = || {
        let inf = f64::INFINITY;
        Tensor::from_vec(vec![-inf, 1.0, -inf, -inf, 2.0, inf], [3, 2])
    };
    vec![
        sample("x0.logsumexp(1)", [normal(0, &[3, 4])], |x| x[0].logsumexp(1, false)),
        sample("x0.logsumexp((0, -1), keepdim=True)", [normal(1, &[2, 3, 4])], |x| {
            x[0].logsumexp([0, -1], true)
        }),
        sample("(x0.t() * 300).logsumexp(0)", [normal(2, &[3, 4])], |x| {
            (x[0].t() * 300.0).logsumexp(0, false)
        }),
        sample("x0.logsumexp(0)", [normal(3, &[])], |x| x[0].logsumexp(0, false)),
        sample("x0.logsumexp(0)", [integers(4, 9, &[5])], |x| x[0].logsumexp(0, false)),
        sample("x0[:1].logsumexp(1)", [infinite()], |x| x[0].narrow(0, 0, 1).logsumexp(1, false))
            .not_smooth(),
        sample("x0.detach().logsumexp(1)", [infinite()], |x| x[0].detach().logsumexp(1, false)).not_smooth(),
    ]
}
