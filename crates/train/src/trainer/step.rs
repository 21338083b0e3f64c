//! One step of the optimiser.

use super::{Batch, Event, Trainer};
use flambeau_nn::Module;
use flambeau_nn::utils::{clip_grad_norm_, clip_grad_value_};
use flambeau_tensor::autograd::{detect_anomaly, is_anomaly_enabled};
use flambeau_tensor::random::{RngState, get_rng_state, set_rng_state};
use flambeau_tensor::{Error, Result, Tensor, no_grad, try_call};

impl<M: Module> Trainer<'_, M> {
    /// Makes one of these batches.
    pub(super) fn make_step(
        &mut self,
        group: &[Batch],
        params: &[Tensor],
        [batch, batches]: [u64; 2],
    ) -> Result<()> {
        let (epoch, lr) = (self.progress.epoch, self.optimizer.lr());
        self.optimizer.zero_grad();
        let total: usize = group.iter().map(items).sum();
        let mut mean = 0.0;
        for batch in group {
            let items = items(batch);
            let share = items as f64 / total as f64;
            mean += self.pass(batch, share)? * share;
        }
        self.clip(group, params)?;
        self.optimizer.step();
        self.progress.step += 1;
        let step = self.progress.step;
        for (scheduler, every) in &mut self.schedulers {
            if every.steps(step) {
                scheduler.step(&mut *self.optimizer);
            }
        }
        if let Some(ema) = &mut self.ema {
            ema.update();
        }
        if self.log_every.is_some_and(|every| step.is_multiple_of(every)) {
            self.loggers
                .iter_mut()
                .try_for_each(|logger| logger.scalars(step, &[("train/step_loss", mean), ("lr", lr)]))?;
        }
        if !self.callbacks.is_empty() {
            self.emit(&Event::Step { step, epoch, batch, batches, items: total, loss: mean, lr })?;
        }
        Ok(())
    }

    /// Forward and backward of one batch, which has this share of the step's items. Gives its mean loss.
    fn pass(&mut self, batch: &Batch, share: f64) -> Result<f64> {
        let rng = get_rng_state();
        let mut run = || {
            let out = (self.step)(self.model, batch);
            let loss = out.loss.item::<f64>();
            if loss.is_finite() {
                if share < 1.0 { (&out.loss * share).backward() } else { out.loss.backward() }
            }
            (out, loss)
        };
        // Anomaly mode raises the error of the operation.
        let (out, loss) = if is_anomaly_enabled() {
            match try_call(run) {
                Ok(passed) => passed,
                Err(error) => return Err(self.diverged(&format!("{error}"))),
            }
        } else {
            run()
        };
        if !loss.is_finite() {
            let cause = self.cause(batch, rng);
            return Err(self.diverged(&format!("the loss is {loss}; {cause}")));
        }
        self.train_loss.update(loss, items(batch));
        if !self.train_metrics.is_empty() {
            let output = super::judge::output(&out)?;
            self.train_metrics.iter_mut().for_each(|metric| metric.update(output, &batch.1));
        }
        Ok(loss)
    }

    fn clip(&mut self, group: &[Batch], params: &[Tensor]) -> Result<()> {
        if let Some(value) = self.clip_value {
            clip_grad_value_(params, value);
        }
        let Some(max_norm) = self.clip_norm else { return Ok(()) };
        let norm = clip_grad_norm_(params, max_norm, 2.0, false);
        if norm.is_finite() {
            return Ok(());
        }
        // The random numbers of the batches are gone, so a dropout may hide the cause.
        let rng = get_rng_state();
        let cause = group.iter().map(|batch| self.cause(batch, rng)).next().unwrap_or_default();
        Err(self.diverged(&format!("the norm of the gradients is {norm}; {cause}")))
    }

    /// Why a batch gives a number that is not finite.
    fn cause(&mut self, batch: &Batch, rng: RngState) -> String {
        if let Some(name) = not_finite(self.model) {
            return format!("{name} is not finite, of an earlier step: its gradient was not");
        }
        for (what, tensor) in [("inputs", &batch.0), ("targets", &batch.1)] {
            if !is_finite(tensor) {
                return format!("the {what} of the batch are not finite: look at the data");
            }
        }
        // The same numbers are drawn again.
        let now = get_rng_state();
        set_rng_state(rng);
        let found = try_call(|| detect_anomaly(|| (self.step)(self.model, batch).loss.backward()));
        set_rng_state(now);
        self.optimizer.zero_grad();
        match found {
            Err(error) => error.to_string(),
            Ok(()) => "no operation was found that gives such a number by itself".into(),
        }
    }

    /// The error of a training that cannot go on.
    pub(super) fn diverged(&self, cause: &str) -> Error {
        let (step, epoch) = (self.progress.step, self.progress.epoch);
        let good = match &self.run {
            None => String::new(),
            Some((_, store, _)) => match store.steps().last() {
                Some(good) => format!(" The checkpoint of step {good} is good."),
                None => " There is no checkpoint yet.".into(),
            },
        };
        Error::Diverged(format!(
            "after {step} steps, in epoch {}: {cause}. Try a smaller learning rate or clip the gradients.{good}",
            epoch + 1
        ))
    }
}

pub(super) fn items((x, y): &Batch) -> usize {
    y.shape().first().or(x.shape().first()).copied().unwrap_or(1)
}

fn is_finite(x: &Tensor) -> bool {
    !x.dtype().is_float() || no_grad(|| x.detach().isfinite().all()).item::<bool>()
}

/// The first parameter or buffer of a model that holds NaN or infinity.
pub(super) fn not_finite(model: &dyn Module) -> Option<String> {
    model.state_dict().iter().find(|(_, tensor)| !is_finite(tensor)).map(|(name, _)| name.to_owned())
}
