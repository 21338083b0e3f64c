//! The loop itself.

use super::modes::Modes;
use super::{Event, Every, Outcome, Report, Trainer};
use flambeau_data::DataLoader;
use flambeau_nn::Module;
use flambeau_tensor::{Error, Result, Tensor, no_grad};

impl<M: Module> Trainer<'_, M> {
    /// Trains until it is done, and goes on from where it was interrupted or [resumed](Trainer::resume).
    ///
    /// The validation data are evaluated, if there are any: they need a loader of their own.
    ///
    /// # Errors
    /// - [`Error::Diverged`] if a loss is not finite; see [Divergence](Trainer#divergence).
    /// - [`Error::File`] if a checkpoint or a log cannot be written, on a full disk for instance. The checkpoints written
    ///   before are still there.
    /// - [`Error::Config`] if the settings do not go together.
    /// - What the data set or a callback raises.
    pub fn fit(&mut self, train: &DataLoader, val: Option<&DataLoader>) -> Result<Report> {
        self.check(train, val)?;
        let _modes = Modes::of(self.model);
        self.model.train();
        match self.loader.take() {
            Some(state) => train.load_state_dict(state)?,
            None => train.set_epoch(self.progress.epoch),
        }
        self.emit(&Event::Start { step: self.progress.step, epoch: self.progress.epoch })?;
        let outcome = self.run(train, val);
        // After an error, too, it can go on: there may be room on the disk again.
        self.loader = Some(train.state_dict());
        let outcome = outcome?;
        if outcome != Outcome::Interrupted {
            self.leave_the_best();
        }
        self.emit(&Event::End { outcome })?;
        Ok(Report {
            outcome,
            step: self.progress.step,
            epoch: self.progress.epoch,
            best: self.best,
            best_step: self.progress.best_step,
            values: self.values.clone(),
        })
    }

    fn check(&self, train: &DataLoader, val: Option<&DataLoader>) -> Result<()> {
        if train.is_empty() {
            return Err(Error::config(
                "train",
                "gives no batches; with drop_last, a batch must not be larger than the data",
            ));
        }
        if val.is_some_and(|val| val.is_empty()) {
            return Err(Error::config("val", "gives no batches; leave it out, or give it data"));
        }
        if val.is_some_and(|val| std::ptr::eq(val, train)) {
            return Err(Error::config("val", "is the loader of the training data; give it one of its own"));
        }
        let wanted = self.early_stopping.as_ref().map(|early_stopping| early_stopping.get_mode());
        let (name, mode) = &self.monitor;
        if wanted.is_some_and(|wanted| wanted != *mode) {
            let message =
                format!("of early stopping is not that of the monitored {name:?}, {mode:?}; set both");
            return Err(Error::config("mode", message));
        }
        Ok(())
    }

    fn run(&mut self, train: &DataLoader, val: Option<&DataLoader>) -> Result<Outcome> {
        // What was due when it was interrupted.
        if let Some(outcome) = self.settle(val)? {
            return self.close(outcome, train);
        }
        let params: Vec<Tensor> = self.optimizer.params();
        let mut group = Vec::with_capacity(self.accumulate);
        loop {
            let mut batches = train.iter();
            loop {
                group.extend(batches.try_next()?);
                let last = batches.len() == 0;
                if group.len() < self.accumulate && !last {
                    continue;
                }
                let all = train.len() as u64;
                self.make_step(&group, &params, [all - batches.len() as u64, all])?;
                group.clear();
                let (step, epoch) = (self.progress.step, self.progress.epoch + 1);
                self.progress.epoch_done = last;
                let every = self.evaluate_every;
                self.progress.evaluation_due = every.steps(step) || (last && every.epochs(epoch));
                if let Some(outcome) = self.settle(val)? {
                    return self.close(outcome, train);
                }
                let due = |every: Every| every.steps(step) || (last && every.epochs(epoch));
                if self.run.as_ref().is_some_and(|(.., every)| due(*every)) {
                    self.save(train)?;
                }
                if self.interrupted() {
                    return self.close(Outcome::Interrupted, train);
                }
                if last {
                    break;
                }
            }
        }
    }

    /// Does what is due between two steps, and says whether it was the last one.
    fn settle(&mut self, val: Option<&DataLoader>) -> Result<Option<Outcome>> {
        let done = match self.limit {
            Every::Steps(steps) => self.progress.step >= steps,
            Every::Epochs(epochs) => self.progress.epoch + u64::from(self.progress.epoch_done) >= epochs,
        };
        // In the end there is an evaluation of what came out.
        let new = self.progress.step > 0 && self.progress.evaluated != Some(self.progress.step);
        if new && (self.progress.evaluation_due || done) {
            self.progress.evaluation_due = true;
            if !self.judge(val)? {
                return Ok(Some(Outcome::Interrupted));
            }
        }
        self.progress.evaluation_due = false;
        if self.progress.epoch_done {
            self.progress.epoch_done = false;
            self.progress.epoch += 1;
            let (step, epoch) = (self.progress.step, self.progress.epoch);
            for (scheduler, every) in &mut self.schedulers {
                if every.epochs(epoch) {
                    scheduler.step(&mut *self.optimizer);
                }
            }
            self.emit(&Event::Epoch { step, epoch })?;
        }
        if self.early_stopping.as_ref().is_some_and(|early_stopping| early_stopping.should_stop()) {
            return Ok(Some(Outcome::EarlyStopped));
        }
        Ok(done.then_some(Outcome::Finished))
    }

    /// Writes the last checkpoint.
    fn close(&mut self, outcome: Outcome, train: &DataLoader) -> Result<Outcome> {
        if self.progress.step > 0 {
            self.save(train)?;
        }
        Ok(outcome)
    }

    /// Gives the model the weights that were judged.
    fn leave_the_best(&mut self) {
        if self.early_stopping.as_ref().is_some_and(|early_stopping| early_stopping.restore()) {
            return;
        }
        if let Some(ema) = self.ema.as_mut().filter(|ema| ema.n_averaged() > 0) {
            no_grad(|| ema.copy_to(ema.params()));
        }
    }
}
