//! The gated linear unit.

use crate::door::Calls;
use crate::op::{raise, unwrap};
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::shape::normalize_dim;
use crate::testing::{Sample, normal, sample};
use crate::{Error, Num, Tensor};

/// a · σ(b)
#[derive(Clone, Copy)]
struct Glu;

impl Pointwise<2> for Glu {
    const NAME: &'static str = "glu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        a * b.sigmoid()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b]: [E; 2], _: E) -> [E; 2] {
        let gate = b.sigmoid();
        [g * gate, g * a * gate * (E::lit(1.0) - gate)]
    }
}

impl Tensor {
    /// a · σ(b), where a and b are the halves of self along a dimension and σ is the logistic function (integers become
    /// `f32`): that dimension of the result is half as long. PyTorch's default is the last one.
    /// [`torch.nn.functional.glu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.glu.html);
    /// Dauphin et al. 2016, <https://arxiv.org/abs/1612.08083>.
    ///
    /// # Panics
    /// If the dimension is out of range or of an odd size, or self is 0-d.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![3.0, 4.0, 0.0, 100.0].glu(-1).to_vec::<f32>(), [1.5, 4.0]);
    /// ```
    #[track_caller]
    pub fn glu(&self, dim: isize) -> Tensor {
        let at = unwrap(normalize_dim("glu", dim, self.shape()));
        let size = self.shape().get(at).copied();
        let Some(size) = size.filter(|size| size.is_multiple_of(2)) else {
            raise(Error::op("glu", format!("dimension {dim} of shape {:?} has no two halves", self.shape())))
        };
        let half = |start| self.narrow(at as isize, start, size / 2);
        pointwise(Glu, [&half(0), &half(size / 2)])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.glu", |a| {
    let (x, dim): (Tensor, isize) = (a.get("input")?, a.or("dim", -1)?);
    a.done(x.glu(dim))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.glu(x0)", [normal(0, &[3, 4])], |x| x[0].glu(-1)),
        sample("F.glu(x0, 0)", [normal(1, &[4, 3])], |x| x[0].glu(0)),
        sample("F.glu(x0.t(), 1)", [normal(2, &[6, 2])], |x| x[0].t().glu(1)),
        sample("F.glu(x0, 1)", [normal(3, &[2, 4, 3])], |x| x[0].glu(1)),
        sample("F.glu(x0 * 1e3)", [normal(4, &[8])], |x| (&x[0] * 1e3).glu(-1)).not_smooth(),
    ]
}
