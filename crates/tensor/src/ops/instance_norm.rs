//! Instance normalisation.

use crate::door::Calls;
use crate::norm::{Norm, Sets, around_channels, check_running, given, update};
use crate::op::{ensure, raise, unwrap};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{Error, Tensor};

/// The options of [`Tensor::instance_norm`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct InstanceNormOptions {
    /// Whether to use the statistics of the input and to update the running ones. Default: true.
    pub use_input_stats: bool,
    /// The share of the input in the new running statistics. Default: 0.1.
    pub momentum: f64,
    /// Added to the variance. Default: 1e-5.
    pub eps: f64,
}

impl Default for InstanceNormOptions {
    fn default() -> Self {
        InstanceNormOptions { use_input_stats: true, momentum: 0.1, eps: 1e-5 }
    }
}

impl Tensor {
    /// (x − mean) / √(var + eps) · weight + bias for each channel of each example of an input (N, C, …); weight and bias
    /// are (C).
    ///
    /// Mean and variance (Σ (x − mean)² / n) are those of the channel in its example; the running statistics (C), where
    /// given, become (1 − momentum) · running + momentum · the examples' mean, in place and unrecorded, with the unbiased
    /// variance (by n − 1). Without `use_input_stats` the running statistics take their place.
    /// [`torch.nn.functional.instance_norm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html);
    /// [Ulyanov, Vedaldi and Lempitsky, 2016](https://arxiv.org/abs/1607.08022).
    ///
    /// # Panics
    /// If the shapes do not fit, the dtypes are not the same float type, running statistics are missing without
    /// `use_input_stats`, or with it a channel has one value only.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[[1.0, 3.0], [10.0, 50.0]]];
    /// let y = x.instance_norm(None, None, None, None, Default::default()).to_vec::<f32>();
    /// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-4));
    /// ```
    #[track_caller]
    pub fn instance_norm(
        &self,
        running_mean: Option<&Tensor>,
        running_var: Option<&Tensor>,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        options: InstanceNormOptions,
    ) -> Tensor {
        let InstanceNormOptions { use_input_stats, momentum, eps } = options;
        let block = unwrap(around_channels("instance_norm", self));
        unwrap(check_running("instance_norm", self, [running_mean, running_var]));
        let channels = &self.shape()[1..2];
        if !use_input_stats {
            let (Some(mean), Some(var)) = (running_mean, running_var) else {
                let message = "without use_input_stats it needs running_mean and running_var";
                raise(Error::op("instance_norm", message));
            };
            let mut norm = Norm::new("instance_norm", block, Sets::Channels, eps);
            (norm.statistics, norm.fixed) = (given(mean, var), true);
            return norm.apply(self, weight, bias, channels);
        }
        ensure!(
            block[2] != 1,
            "instance_norm",
            "expected more than 1 spatial element when training, got input size {:?}",
            self.shape()
        );
        let norm = Norm::new("instance_norm", block, Sets::Groups(1), eps);
        let statistics = norm.statistics.clone();
        let y = norm.apply(self, weight, bias, channels);
        if let Some(statistics) = statistics.get() {
            let mean = |c: usize, f: &dyn Fn(usize) -> f64| {
                (0..block[0]).map(|n| f(n * block[1] + c)).sum::<f64>() / block[0] as f64
            };
            update(running_mean, momentum, |c| mean(c, &|i| statistics[i].mean));
            update(running_var, momentum, |c| {
                mean(c, &|i| statistics[i].squares / (statistics[i].count - 1.0))
            });
        }
        y
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.instance_norm", |a| {
    let x: Tensor = a.get("input")?;
    let (mean, var): (Option<Tensor>, Option<Tensor>) = (a.opt("running_mean")?, a.opt("running_var")?);
    let (weight, bias): (Option<Tensor>, Option<Tensor>) = (a.opt("weight")?, a.opt("bias")?);
    let options = InstanceNormOptions {
        use_input_stats: a.or("use_input_stats", true)?,
        momentum: a.or("momentum", 0.1)?,
        eps: a.or("eps", 1e-5)?,
    };
    a.done(x.instance_norm(mean.as_ref(), var.as_ref(), weight.as_ref(), bias.as_ref(), options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let affine = || [normal(0, &[2, 3, 2, 2]), normal(1, &[3]), normal(2, &[3])];
    vec![
        sample("F.instance_norm(x0, weight=x1, bias=x2)", affine(), |x| {
            x[0].instance_norm(None, None, Some(&x[1]), Some(&x[2]), Default::default())
        }),
        sample("F.instance_norm(x0.transpose(1, 2), eps=0.1)", [normal(3, &[2, 4, 3])], |x| {
            let options = InstanceNormOptions { eps: 0.1, ..Default::default() };
            x[0].transpose(1, 2).instance_norm(None, None, None, None, options)
        }),
        // The running statistics have no gradient.
        sample(
            "F.instance_norm(x0, x1.to(x0), x2.to(x0), x3, use_input_stats=False)",
            [normal(4, &[2, 3, 2]), integers(5, 5, &[3]), integers(6, 5, &[3]), normal(7, &[3])],
            |x| {
                let [mean, var] = [1, 2].map(|i: usize| x[i].to_dtype(x[0].dtype()));
                let options = InstanceNormOptions { use_input_stats: false, ..Default::default() };
                x[0].instance_norm(Some(&mean), Some(&var), Some(&x[3]), None, options)
            },
        ),
        // The input reaches them unrecorded.
        sample(
            "(lambda m, v: (F.instance_norm(x0, m, v, momentum=0.3), m, v))(x1.detach().clone(), x2.detach().clone())",
            [normal(8, &[3, 2, 4]), normal(9, &[2]), positive(10, &[2])],
            |x| {
                let (mean, var) = (x[1].copy().detach(), x[2].copy().detach());
                let options = InstanceNormOptions { momentum: 0.3, ..Default::default() };
                vec![x[0].instance_norm(Some(&mean), Some(&var), None, None, options), mean, var]
            },
        )
        .not_smooth(),
    ]
}
