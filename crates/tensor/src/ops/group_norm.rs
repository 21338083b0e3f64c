//! Group normalisation.

use crate::Tensor;
use crate::door::Calls;
use crate::norm::{Norm, Sets, around_channels};
use crate::op::{ensure, unwrap};
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// (x − mean) / √(var + eps) · weight + bias for each of `num_groups` groups of neighbouring channels of each example
    /// of an input (N, C, …); weight and bias are (C). Mean and variance (Σ (x − mean)² / n) are those of the group.
    /// PyTorch's default `eps` is 1e-5.
    /// [`torch.nn.functional.group_norm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html);
    /// [Wu and He, 2018](https://arxiv.org/abs/1803.08494).
    ///
    /// # Panics
    /// If the groups do not divide the channels, the shapes do not fit, the dtypes are not the same float type, or the
    /// batch has one value for each channel of a group only.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let y = tensor![[1.0, 3.0, 10.0, 50.0]].group_norm(1, None, None, 1e-5);
    /// assert!(y.mean().item::<f32>().abs() < 1e-6);
    /// let y = tensor![[1.0, 3.0, 10.0, 50.0]].group_norm(2, None, None, 1e-5).to_vec::<f32>();
    /// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-4));
    /// ```
    #[track_caller]
    pub fn group_norm(
        &self,
        num_groups: usize,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Tensor {
        let block @ [outer, channels, inner] = unwrap(around_channels("group_norm", self));
        ensure!(
            num_groups > 0 && channels % num_groups == 0,
            "group_norm",
            "{num_groups} groups of the {channels} channels of an input {:?}; they must divide them",
            self.shape()
        );
        let per = channels / num_groups;
        ensure!(
            [outer, per, inner] != [1, 1, 1],
            "group_norm",
            "expected more than 1 value per group, got input size {:?} with {num_groups} groups",
            self.shape()
        );
        let norm = Norm::new("group_norm", block, Sets::Groups(per), eps);
        norm.apply(self, weight, bias, &self.shape()[1..2])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.group_norm", |a| {
    let (x, groups): (Tensor, usize) = (a.get("input")?, a.get("num_groups")?);
    let (weight, bias): (Option<Tensor>, Option<Tensor>) = (a.opt("weight")?, a.opt("bias")?);
    let eps = a.or("eps", 1e-5)?;
    a.done(x.group_norm(groups, weight.as_ref(), bias.as_ref(), eps))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let affine = |shape: &[usize]| [normal(0, shape), normal(1, &shape[1..2]), normal(2, &shape[1..2])];
    vec![
        sample("F.group_norm(x0, 2, x1, x2)", affine(&[2, 4, 3]), |x| {
            x[0].group_norm(2, Some(&x[1]), Some(&x[2]), 1e-5)
        }),
        sample("F.group_norm(x0, 1, x1, x2, 0.1)", affine(&[2, 3, 2, 2]), |x| {
            x[0].group_norm(1, Some(&x[1]), Some(&x[2]), 0.1)
        }),
        sample("F.group_norm(x0, 3, x1)", affine(&[2, 6]), |x| x[0].group_norm(3, Some(&x[1]), None, 1e-5)),
        sample(
            "F.group_norm(x0.transpose(1, 2), 4, bias=x2)",
            [normal(3, &[1, 3, 4]), normal(4, &[1]), normal(5, &[4])],
            |x| x[0].transpose(1, 2).group_norm(4, None, Some(&x[2]), 1e-5),
        ),
    ]
}
