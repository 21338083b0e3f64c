//! Batch normalisation.

use crate::door::Calls;
use crate::norm::{Norm, Sets, around_channels, check_running, given, update};
use crate::op::{ensure, raise, unwrap};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{Error, Tensor};

/// The options of [`Tensor::batch_norm`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BatchNormOptions {
    /// Whether to use the statistics of the batch and to update the running ones. Default: false.
    pub training: bool,
    /// The share of the batch in the new running statistics. Default: 0.1.
    pub momentum: f64,
    /// Added to the variance. Default: 1e-5.
    pub eps: f64,
}

impl Default for BatchNormOptions {
    fn default() -> Self {
        BatchNormOptions { training: false, momentum: 0.1, eps: 1e-5 }
    }
}

impl Tensor {
    /// (x − mean) / √(var + eps) · weight + bias for each channel c of an input (N, C, …); weight and bias are (C).
    ///
    /// In training, mean and variance are those of the channel over all other dimensions (the variance Σ (x − mean)² / n),
    /// and the running statistics (C), where given, become (1 − momentum) · running + momentum · batch, in place and
    /// unrecorded, with the unbiased variance (by n − 1). Otherwise the running statistics take their place.
    /// [`torch.nn.functional.batch_norm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html);
    /// [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167).
    ///
    /// # Panics
    /// If the shapes do not fit, the dtypes are not the same float type, running statistics are missing outside of
    /// training, or in training a channel has one value only or `eps` is not positive.
    ///
    /// ```
    /// use flambeau_tensor::{BatchNormOptions, Tensor, tensor};
    /// let (x, mean, var) = (tensor![[1.0, 5.0], [3.0, 5.0]], Tensor::zeros([2]), Tensor::ones([2]));
    /// let options = BatchNormOptions { training: true, momentum: 0.5, ..Default::default() };
    /// let y = x.batch_norm(Some(&mean), Some(&var), None, None, options);
    /// assert!((y.to_vec::<f32>()[2] - 1.0).abs() < 1e-4);
    /// assert_eq!(mean.to_vec::<f32>(), [1.0, 2.5]);
    /// assert_eq!(var.to_vec::<f32>(), [1.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn batch_norm(
        &self,
        running_mean: Option<&Tensor>,
        running_var: Option<&Tensor>,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        options: BatchNormOptions,
    ) -> Tensor {
        self.normalized([running_mean, running_var], [weight, bias], options, false)
    }

    /// `self.batch_norm(…).relu()` in one pass.
    #[doc(hidden)]
    #[track_caller]
    pub fn batch_norm_relu(
        &self,
        running: [Option<&Tensor>; 2],
        affine: [Option<&Tensor>; 2],
        options: BatchNormOptions,
    ) -> Tensor {
        self.normalized(running, affine, options, true)
    }

    #[track_caller]
    fn normalized(
        &self,
        [running_mean, running_var]: [Option<&Tensor>; 2],
        [weight, bias]: [Option<&Tensor>; 2],
        options: BatchNormOptions,
        relu: bool,
    ) -> Tensor {
        let BatchNormOptions { training, momentum, eps } = options;
        if self.ndim() == 1 && self.numel() == 0 {
            // As PyTorch, which asks for channels only where there are elements.
            return self.copy();
        }
        let block = unwrap(around_channels("batch_norm", self));
        unwrap(check_running("batch_norm", self, [running_mean, running_var]));
        let mut norm = Norm { relu, ..Norm::new("batch_norm", block, Sets::Channels, eps) };
        let channels = &self.shape()[1..2];
        if !training {
            ensure!(eps >= 0.0, "batch_norm", "eps is {eps}; it must not be negative");
            let (Some(mean), Some(var)) = (running_mean, running_var) else {
                let message = "outside of training it needs running_mean and running_var";
                raise(Error::op("batch_norm", message));
            };
            (norm.statistics, norm.fixed) = (given(mean, var), true);
            return norm.apply(self, weight, bias, channels);
        }
        ensure!(eps > 0.0, "batch_norm", "eps is {eps}; it must be positive in training");
        ensure!(
            block[0] != 1 || block[2] != 1,
            "batch_norm",
            "expected more than 1 value per channel when training, got input size {:?}; use a larger batch, or eval()",
            self.shape()
        );
        let statistics = norm.statistics.clone();
        let y = norm.apply(self, weight, bias, channels);
        if let Some(statistics) = statistics.get() {
            update(running_mean, momentum, |c| statistics[c].mean);
            update(running_var, momentum, |c| statistics[c].squares / (statistics[c].count - 1.0));
        }
        y
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.batch_norm", |a| {
    let x: Tensor = a.get("input")?;
    let (mean, var): (Option<Tensor>, Option<Tensor>) = (a.opt("running_mean")?, a.opt("running_var")?);
    let (weight, bias): (Option<Tensor>, Option<Tensor>) = (a.opt("weight")?, a.opt("bias")?);
    let options = BatchNormOptions {
        training: a.or("training", false)?,
        momentum: a.or("momentum", 0.1)?,
        eps: a.or("eps", 1e-5)?,
    };
    a.done(x.batch_norm(mean.as_ref(), var.as_ref(), weight.as_ref(), bias.as_ref(), options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let training = BatchNormOptions { training: true, ..Default::default() };
    let affine = |shape: &[usize]| [normal(0, shape), normal(1, &shape[1..2]), normal(2, &shape[1..2])];
    let given = || [normal(3, &[2, 3, 2]), integers(4, 5, &[3]), integers(5, 5, &[3]), normal(6, &[3])];
    vec![
        sample("F.batch_norm(x0, None, None, x1, x2, True)", affine(&[4, 3, 2, 2]), move |x| {
            x[0].batch_norm(None, None, Some(&x[1]), Some(&x[2]), training)
        }),
        sample("F.relu(F.batch_norm(x0, None, None, x1, x2, True))", affine(&[3, 2, 2, 3]), move |x| {
            x[0].batch_norm_relu([None; 2], [Some(&x[1]), Some(&x[2])], training)
        }),
        sample("F.relu(F.batch_norm(x0, x1.to(x0), x2.to(x0), x3))", given(), |x| {
            let [mean, var] = [1, 2].map(|i: usize| x[i].to_dtype(x[0].dtype()));
            x[0].batch_norm_relu([Some(&mean), Some(&var)], [Some(&x[3]), None], Default::default())
        }),
        sample("F.batch_norm(x0, None, None, x1, x2, True)", affine(&[5, 3]), move |x| {
            x[0].batch_norm(None, None, Some(&x[1]), Some(&x[2]), training)
        }),
        sample("F.batch_norm(x0.transpose(0, 1), None, None, training=True)", [normal(7, &[3, 2, 4])], move |x| {
            x[0].transpose(0, 1).batch_norm(None, None, None, None, training)
        }),
        sample("F.batch_norm(x0, None, None, None, x2, True, eps=0.5)", affine(&[1, 2, 5]), |x| {
            let options = BatchNormOptions { training: true, eps: 0.5, ..Default::default() };
            x[0].batch_norm(None, None, None, Some(&x[2]), options)
        }),
        sample("F.batch_norm(x0, None, None, x1, None, True)", affine(&[1, 1, 40]), move |x| {
            x[0].batch_norm(None, None, Some(&x[1]), None, training)
        }),
        // The running statistics have no gradient.
        sample("F.batch_norm(x0, x1.to(x0), x2.to(x0), x3)", given(), |x| {
            let [mean, var] = [1, 2].map(|i: usize| x[i].to_dtype(x[0].dtype()));
            x[0].batch_norm(Some(&mean), Some(&var), Some(&x[3]), None, Default::default())
        }),
        // The batch reaches them unrecorded.
        sample(
            "(lambda m, v: (F.batch_norm(x0, m, v, None, None, True, 0.3), m, v))(x1.detach().clone(), x2.detach().clone())",
            [normal(8, &[3, 2, 4]), normal(9, &[2]), positive(10, &[2])],
            |x| {
                let (mean, var) = (x[1].copy().detach(), x[2].copy().detach());
                let options = BatchNormOptions { training: true, momentum: 0.3, ..Default::default() };
                vec![x[0].batch_norm(Some(&mean), Some(&var), None, None, options), mean, var]
            },
        )
        .not_smooth(),
        sample("F.batch_norm(torch.round(x0 * 4) + 1e4, None, None, training=True)", [normal(11, &[64, 2])], move |x| {
            ((&x[0] * 4.0).round() + 1e4).batch_norm(None, None, None, None, training)
        })
        .not_smooth(),
    ]
}
