//! Random numbers written in place. None has a gradient: what was there before gets one of zeros.

use crate::create::Kind;
use crate::op::ensure;
use crate::{DType, Operand, Tensor, random};
use flambeau_kernels::{dispatch_all, rng};
use std::borrow::Borrow;

impl Tensor {
    /// Fills a floating-point tensor in place with uniform random numbers in [low, high); returns this tensor.
    /// [`torch.Tensor.uniform_`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.uniform_.html).
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_), if `low` is above `high`, or if the dtype is no float.
    #[track_caller]
    pub fn uniform_(&self, low: f64, high: f64) -> Tensor {
        ensure!(low <= high, "uniform_", "the range [{low}, {high}) is empty; low must be at most high");
        self.overwrite_random("uniform_", Kind::Uniform(low, high))
    }

    /// Fills a floating-point tensor in place with normal random numbers; returns this tensor.
    /// [`torch.Tensor.normal_`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.normal_.html).
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_), if `std` is negative, or if the dtype is no float.
    #[track_caller]
    pub fn normal_(&self, mean: f64, std: f64) -> Tensor {
        ensure!(std >= 0.0, "normal_", "the standard deviation is {std}; it must be at least 0");
        self.overwrite_random("normal_", Kind::Normal(mean, std))
    }

    /// Fills a tensor of any dtype in place with 1, each with probability `p`, or else 0; returns this tensor. `p` is a
    /// number, or a tensor that broadcasts to this one.
    /// [`torch.Tensor.bernoulli_`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.bernoulli_.html).
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_), or if a probability lies outside of 0 to 1.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::zeros([2, 2]);
    /// assert_eq!(x.bernoulli_(&tensor![0.0, 1.0]).to_vec::<f32>(), [0.0, 1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn bernoulli_(&self, p: impl Operand) -> Tensor {
        self.check_writable("bernoulli_");
        let p = p.hold(&Tensor::scalar(0f64));
        let p: &Tensor = p.borrow();
        ensure!(
            p.dtype().is_float(),
            "bernoulli_",
            "the probabilities are {}; convert them with to_dtype to a floating-point type",
            p.dtype()
        );
        self.assign("bernoulli_", &p.detach().expand(self.shape()).bernoulli())
    }

    /// Fills a tensor of any dtype in place with uniform random integers from `low` to below `high`; returns this tensor.
    /// [`torch.Tensor.random_`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.random_.html).
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_), if `low` is not below `high`, or if the dtype cannot hold each of the integers.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let dice = Tensor::zeros([100]).random_(1, 7);
    /// assert!(dice.to_vec::<f32>().iter().all(|n| (1.0..7.0).contains(n)));
    /// ```
    #[track_caller]
    pub fn random_(&self, low: i64, high: i64) -> Tensor {
        self.check_writable("random_");
        ensure!(
            low < high,
            "random_",
            "no integer lies from {low} to below {high}; low must be less than high"
        );
        let (least, most) = match self.dtype() {
            DType::Bool => (0, 1),
            DType::U8 => (0, 255),
            DType::F32 => (-(1 << 24), 1 << 24),
            DType::F64 => (-(1 << 53), 1 << 53),
            _ => (i64::MIN, i64::MAX),
        };
        ensure!(
            low >= least && high - 1 <= most,
            "random_",
            "{} does not hold each integer from {low} to below {high}; it does from {least} to {most}",
            self.dtype()
        );
        let stream = random::reserve(self.numel(), DType::F64);
        let new = Tensor::compute(self.shape(), self.dtype(), |out| {
            dispatch_all!(self.dtype(), T => {
                for (i, o) in out.slice::<T>().iter_mut().enumerate() {
                    let above = rng::below(stream.seed, stream.offset + i as u64, high.abs_diff(low));
                    *o = flambeau_kernels::Element::from_i64(low.wrapping_add(above as i64));
                }
            });
        });
        self.assign("random_", &new)
    }

    #[track_caller]
    fn overwrite_random(&self, op: &'static str, kind: Kind) -> Tensor {
        ensure!(
            self.dtype().is_float(),
            op,
            "needs a floating-point tensor, this one is {}; convert it with to_dtype",
            self.dtype()
        );
        self.check_writable(op);
        self.assign(op, &Tensor::random(op, self.shape().into(), self.dtype(), kind))
    }
}
