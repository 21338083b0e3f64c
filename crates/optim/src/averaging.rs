//! Means of weights over the steps of a training: exponential moving averages and stochastic weight averaging.

use crate::optim::distinct;
use crate::step::{Job, shift};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::optim::Move;
use flambeau_tensor::{Error, Result, Tensor, no_grad, raise};
use smallvec::smallvec;
use std::borrow::Borrow;

/// Keeps a running mean of parameters while they are trained, in memory of its own.
///
/// The first [`update`](Averaged::update) copies the parameters; each later one moves the mean towards them by
/// 1 − decay ([`EMA`]) or by 1 / (n + 1) after n updates ([`SWA`]). Tensors of integers, as counters among a model's
/// buffers are, are copied. This is PyTorch's
/// [`AveragedModel`](https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema) for a plain list
/// of tensors: give it `model.parameters()`, and `model.buffers()` too for `use_buffers=True`.
///
/// ```
/// use flambeau_optim::{EMA, Optimizer, SGD};
/// use flambeau_tensor::tensor;
/// let w = tensor![8.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 0.25);
/// let mut ema = EMA::new([&w], 0.5);
/// for _ in 0..3 {
///     optimizer.zero_grad();
///     (&w * &w).sum().backward();
///     optimizer.step(); // 4, 2, 1
///     ema.update();
/// }
/// assert_eq!(ema.averages()[0].to_vec::<f32>(), [2.0]);
/// // Evaluate with the mean, then train on with the weights themselves.
/// let evaluated = ema.with_averages(|| w.item::<f32>());
/// assert_eq!((evaluated, w.item::<f32>()), (2.0, 1.0));
/// ```
#[derive(Debug)]
pub struct Averaged<M> {
    mean: M,
    params: Vec<Tensor>,
    averages: Vec<Tensor>,
    n_averaged: u64,
}

/// Exponential moving average: a ← decay · a + (1 − decay) · p. See [`Averaged`].
pub type EMA = Averaged<Exponential>;

/// Stochastic weight averaging: the mean of the weights of all updates; Izmailov et al., [Averaging Weights Leads to
/// Wider Optima and Better Generalization](https://arxiv.org/abs/1803.05407), 2018. Batch norm's running
/// statistics are to be computed anew for the averaged weights. See [`Averaged`].
///
/// ```
/// use flambeau_optim::SWA;
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0];
/// let mut swa = SWA::new([&w]);
/// for weight in [1.0, 2.0, 6.0] {
///     w.fill_(weight);
///     swa.update();
/// }
/// swa.copy_to([&w]);
/// assert_eq!(w.item::<f32>(), 3.0);
/// ```
pub type SWA = Averaged<Equal>;

#[doc(hidden)]
#[derive(Debug)]
pub struct Exponential {
    decay: f64,
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Equal;

#[doc(hidden)]
pub trait Mean {
    /// The share of the new values after n updates.
    fn share(&self, n: u64) -> f64;
}

impl Mean for Exponential {
    fn share(&self, _n: u64) -> f64 {
        1.0 - self.decay
    }
}

impl Mean for Equal {
    fn share(&self, n: u64) -> f64 {
        1.0 / (n as f64 + 1.0)
    }
}

impl EMA {
    /// The mean of these tensors with a decay, usually 0.999 or near to it.
    ///
    /// # Panics
    /// If the decay is outside 0..=1, there are no tensors, or one is given twice.
    #[track_caller]
    pub fn new<T: Borrow<Tensor>>(params: impl IntoIterator<Item = T>, decay: f64) -> EMA {
        if !(0.0..=1.0).contains(&decay) {
            raise(Error::op("EMA", format!("the decay is {decay}; it must lie in 0..=1")));
        }
        Averaged::of("EMA", params, Exponential { decay })
    }
}

impl SWA {
    /// The mean of these tensors.
    ///
    /// # Panics
    /// If there are no tensors, or one is given twice.
    #[track_caller]
    pub fn new<T: Borrow<Tensor>>(params: impl IntoIterator<Item = T>) -> SWA {
        Averaged::of("SWA", params, Equal)
    }
}

impl<M: Mean> Averaged<M> {
    #[track_caller]
    fn of<T: Borrow<Tensor>>(name: &'static str, params: impl IntoIterator<Item = T>, mean: M) -> Self {
        let params = distinct(name, params, &[]);
        let averages = params.iter().map(|p| no_grad(|| p.detach().copy())).collect();
        Averaged { mean, params, averages, n_averaged: 0 }
    }

    /// Takes the parameters as they are now into the mean, in one pass.
    #[track_caller]
    pub fn update(&mut self) {
        let share = if self.n_averaged == 0 { 1.0 } else { self.mean.share(self.n_averaged) };
        let mut jobs = Vec::new();
        for (average, param) in self.averages.iter().zip(&self.params) {
            average.to_dtype_(param.dtype());
            if !param.dtype().is_float() {
                assign(average, param);
                continue;
            }
            let grad = no_grad(|| param.detach().contiguous());
            jobs.push(Job { param: average, grad, state: smallvec![] });
        }
        shift(&jobs, Move::Toward(share));
        self.n_averaged += 1;
    }

    /// The means, in the order of the parameters.
    pub fn averages(&self) -> &[Tensor] {
        &self.averages
    }

    /// The parameters whose means these are.
    pub fn params(&self) -> &[Tensor] {
        &self.params
    }

    /// How many updates there were.
    pub fn n_averaged(&self) -> u64 {
        self.n_averaged
    }

    /// Writes the means into these tensors, say the parameters of another model.
    ///
    /// # Panics
    /// If their number, a shape or a dtype differs.
    #[track_caller]
    pub fn copy_to<T: Borrow<Tensor>>(&self, params: impl IntoIterator<Item = T>) {
        let params: Vec<Tensor> = params.into_iter().map(|p| p.borrow().clone()).collect();
        fits(&params, &self.averages);
        params.iter().zip(&self.averages).for_each(|(param, average)| assign(param, average));
    }

    /// Exchanges parameters and means; a second call changes them back.
    #[track_caller]
    pub fn swap(&mut self) {
        exchange(&self.params, &self.averages);
    }

    /// Runs `f` with the means as parameters, and puts the parameters back afterwards, also when `f` panics.
    #[track_caller]
    pub fn with_averages<Out>(&mut self, f: impl FnOnce() -> Out) -> Out {
        struct Back<'a, M: Mean>(&'a mut Averaged<M>);
        impl<M: Mean> Drop for Back<'_, M> {
            fn drop(&mut self) {
                self.0.swap();
            }
        }
        self.swap();
        let _back = Back(self);
        f()
    }

    /// The means by their numbers, and `n_averaged`: what a resumed training needs. They share their values.
    pub fn state_dict(&self) -> Vec<(String, Tensor)> {
        let averages = self.averages.iter().enumerate().map(|(i, average)| (i.to_string(), average.clone()));
        averages.chain([("n_averaged".to_owned(), Tensor::scalar(self.n_averaged as i64))]).collect()
    }

    /// Goes on from saved means, which are copied.
    ///
    /// # Errors
    /// [`Error::StateDict`] when one is missing, or a shape or a dtype differs; nothing is changed then.
    pub fn load_state_dict(&mut self, dict: &[(String, Tensor)]) -> Result<()> {
        let get = |name: &str| {
            let found = dict.iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor.clone());
            found.ok_or_else(|| {
                Error::StateDict(format!("it lacks {name:?}; was it saved for another model?"))
            })
        };
        let n = get("n_averaged")?;
        let means = (0..self.averages.len()).map(|i| get(&i.to_string())).collect::<Result<Vec<_>>>()?;
        if dict.len() != means.len() + 1 || n.numel() != 1 {
            let (saved, own) = (dict.len().saturating_sub(1), means.len());
            return Err(Error::StateDict(format!("it holds the means of {saved} tensors; these are {own}")));
        }
        if let Some(message) = misfit(&self.averages, &means) {
            return Err(Error::StateDict(message));
        }
        means.iter().zip(&self.averages).for_each(|(mean, average)| assign(average, mean));
        self.n_averaged = n.item::<i64>().max(0) as u64;
        Ok(())
    }
}

/// Not generic, so that it is compiled here.
#[track_caller]
fn exchange(params: &[Tensor], averages: &[Tensor]) {
    for (param, average) in params.iter().zip(averages) {
        average.to_dtype_(param.dtype());
        dispatch_all!(param.dtype(), T => {
            param.slice_mut::<T>().swap_with_slice(&mut average.slice_mut::<T>());
        });
    }
}

fn misfit(to: &[Tensor], from: &[Tensor]) -> Option<String> {
    if to.len() != from.len() {
        return Some(format!("the means of {} tensors for {}", from.len(), to.len()));
    }
    let differs = |(to, from): (&Tensor, &Tensor)| to.shape() != from.shape() || to.dtype() != from.dtype();
    let i = to.iter().zip(from).position(differs)?;
    let (to, from) = (&to[i], &from[i]);
    Some(format!(
        "mean {i} has shape {:?} and {}, its tensor {:?} and {}",
        from.shape(),
        from.dtype(),
        to.shape(),
        to.dtype()
    ))
}

#[track_caller]
fn fits(to: &[Tensor], from: &[Tensor]) {
    if let Some(message) = misfit(to, from) {
        raise(Error::op("copy_to", message));
    }
}

/// Writes values of the same shape and dtype, unrecorded.
#[track_caller]
fn assign(to: &Tensor, from: &Tensor) {
    if !to.is_same(from) {
        no_grad(|| to.copy_(&from.detach()));
    }
}
