//! Evaluations, and what follows from them.

use super::modes::Modes;
use super::step::items;
use super::{Event, StepOutput, Trainer};
use crate::MeanMetric;
use flambeau_data::DataLoader;
use flambeau_nn::Module;
use flambeau_optim::PlateauMode;
use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{Error, Result, Tensor, no_grad};

/// What metrics look at.
pub(super) fn output(out: &StepOutput) -> Result<&Tensor> {
    out.output.as_ref().ok_or_else(|| {
        Error::config("metric", "needs the model's output; let the step function give (loss, output)")
    })
}

impl<M: Module> Trainer<'_, M> {
    /// The loss of these data and the [metrics](Trainer::metric), in evaluation mode and without gradients; the loader's
    /// epoch 0. The modes of the modules are put back afterwards.
    ///
    /// # Errors
    /// What the data set raises; [`Error::Config`] if there are metrics and the step function gives no output.
    pub fn evaluate(&mut self, loader: &DataLoader) -> Result<Vec<(String, f64)>> {
        self.measure(loader, || false).map(|values| values.unwrap_or_default())
    }

    /// None if it was stopped.
    fn measure(
        &mut self,
        loader: &DataLoader,
        stop: impl Fn() -> bool,
    ) -> Result<Option<Vec<(String, f64)>>> {
        let _modes = Modes::of(self.model);
        self.model.eval();
        self.metrics.iter_mut().for_each(|metric| metric.reset());
        let mut loss = MeanMetric::new();
        loader.set_epoch(0);
        let mut batches = loader.iter();
        // Its draws are not the training's, which goes on the same however often it is evaluated.
        let complete = fork_rng(0, || {
            no_grad(|| -> Result<bool> {
                while let Some(batch) = batches.try_next()? {
                    if stop() {
                        return Ok(false);
                    }
                    let out = (self.step)(self.model, &batch);
                    loss.update(out.loss.item(), items(&batch));
                    if !self.metrics.is_empty() {
                        let output = output(&out)?;
                        self.metrics.iter_mut().for_each(|metric| metric.update(output, &batch.1));
                    }
                }
                Ok(true)
            })
        })?;
        let metrics = self.metrics.iter().map(|metric| (metric.name(), metric.compute()));
        let values = [("loss".to_owned(), loss.compute())].into_iter().chain(metrics).collect();
        Ok(complete.then_some(values))
    }

    /// Evaluates and draws the conclusions; false if it was stopped before there were any.
    pub(super) fn judge(&mut self, val: Option<&DataLoader>) -> Result<bool> {
        let mut ema = self.ema.take();
        let judged = match &mut ema {
            Some(ema) if ema.n_averaged() > 0 => ema.with_averages(|| self.judge_these(val)),
            _ => self.judge_these(val),
        };
        self.ema = ema;
        judged
    }

    /// With the weights as they are.
    fn judge_these(&mut self, val: Option<&DataLoader>) -> Result<bool> {
        let mut values = vec![("train/loss".to_owned(), self.train_loss.compute())];
        values.extend(
            self.train_metrics.iter().map(|metric| (format!("train/{}", metric.name()), metric.compute())),
        );
        if let Some(val) = val {
            let stop = self.stop.clone();
            let stop = || stop.load(std::sync::atomic::Ordering::Relaxed);
            let Some(measured) = self.measure(val, stop)? else { return Ok(false) };
            values.extend(measured.into_iter().map(|(name, value)| (format!("val/{name}"), value)));
        }
        if let Some((name, loss)) = values.iter().find(|(name, loss)| name == "val/loss" && !loss.is_finite())
        {
            return Err(self.diverged(&format!("{name} is {loss}")));
        }
        self.train_loss.reset();
        self.train_metrics.iter_mut().for_each(|metric| metric.reset());

        let (step, epoch) = (self.progress.step, self.progress.epoch + u64::from(self.progress.epoch_done));
        let (name, mode) = &self.monitor;
        let monitored = values.iter().find(|(own, _)| own == name).map(|(_, value)| *value);
        let needed = self.early_stopping.is_some() || self.plateau.is_some();
        if needed && monitored.is_none() {
            let own: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Error::config(
                "monitor",
                format!("is {name:?}, but what is measured is {}", own.join(", ")),
            ));
        }
        let loss = values.iter().find(|(own, _)| own == "val/loss").map_or(f64::INFINITY, |(_, loss)| *loss);
        let best = monitored.is_some_and(|value| match (mode, self.best) {
            (_, None) => !value.is_nan(),
            // Few items give many equal accuracies.
            (_, Some(best)) if value == best => loss < self.best_loss,
            (PlateauMode::Min, Some(best)) => value < best,
            (PlateauMode::Max, Some(best)) => value > best,
        });
        if best {
            (self.best, self.best_loss, self.progress.best_step) = (monitored, loss, Some(step));
            if let Some((run, ..)) = &self.run {
                self.model.state_dict().save(run.best())?;
            }
        }
        if let (Some(early_stopping), Some(value)) = (&mut self.early_stopping, monitored) {
            early_stopping.step(value);
        }
        let lr = self.optimizer.lr();
        if let (Some(plateau), Some(value)) = (&mut self.plateau, monitored) {
            plateau.step(value, &mut *self.optimizer);
        }
        let logged: Vec<(&str, f64)> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let logged = [&logged[..], &[("lr", lr), ("epoch", epoch as f64)]].concat();
        self.loggers.iter_mut().try_for_each(|logger| logger.scalars(step, &logged))?;
        self.emit(&Event::Evaluation { step, epoch, values: &values, best })?;
        self.values = values;
        self.progress.evaluated = Some(step);
        Ok(true)
    }
}
