//! A trainer as a checkpoint.

use super::step::not_finite;
use super::{Event, Trainer};
use crate::Checkpoint;
use flambeau_data::{DataLoader, LoaderState};
use flambeau_nn::Module;
use flambeau_optim::lr_scheduler::SchedulerState;
use flambeau_tensor::{Error, Result};

impl<M: Module> Trainer<'_, M> {
    /// Reads the newest checkpoint of the run folder, if there is one, and gives its step; [`fit`](Trainer::fit) then
    /// goes on from it. Damaged ones are passed over, and reported to the callbacks. The logs forget what came after it.
    ///
    /// The trainer must be set up as the one that wrote it. The learning rate and the optimiser's other settings are the
    /// checkpoint's.
    ///
    /// # Errors
    /// [`Error::StateDict`] if the checkpoint is of another model or other settings, [`Error::File`] as of
    /// [`CheckpointStore::latest`](crate::CheckpointStore::latest), [`Error::Config`] without a run folder.
    pub fn resume(&mut self) -> Result<Option<u64>> {
        let Some((_, store, _)) = &mut self.run else {
            return Err(Error::config("run_folder", "is not set; there is nothing to resume from"));
        };
        let Some(found) = store.latest()? else { return Ok(None) };
        self.load(&found.checkpoint)?;
        let step = found.checkpoint.step();
        self.loggers.iter_mut().try_for_each(|logger| logger.resume(step))?;
        found.damaged.iter().try_for_each(|error| self.emit(&Event::Damaged { error }))?;
        Ok(Some(step))
    }

    /// Everything, as of now.
    fn checkpoint(&self, train: LoaderState) -> Checkpoint {
        let mut numbers: SchedulerState = [("train_loss".to_owned(), self.train_loss.state_dict())].into();
        for (i, metric) in self.train_metrics.iter().enumerate() {
            numbers.insert(format!("train_metric.{i}"), metric.state_dict());
        }
        let loss = Some(self.best_loss).filter(|loss| loss.is_finite());
        numbers.extend(self.best.map(|best| ("best".to_owned(), [best].into_iter().chain(loss).collect())));
        let mut checkpoint = Checkpoint::new(self.progress.step)
            .model("model", self.model)
            .optimizer("optimizer", &*self.optimizer)
            .loader("loader", train)
            .rng("rng")
            .notes("trainer", &self.progress)
            .scheduler("numbers", &numbers);
        for (i, (scheduler, _)) in self.schedulers.iter().enumerate() {
            checkpoint = checkpoint.scheduler(&format!("scheduler.{i}"), &scheduler.state_dict());
        }
        if let Some(plateau) = &self.plateau {
            checkpoint = checkpoint.scheduler("plateau", &plateau.state_dict());
        }
        if let Some(ema) = &self.ema {
            checkpoint = checkpoint.tensors("ema", ema.state_dict());
        }
        if let Some(early_stopping) = &self.early_stopping {
            checkpoint = checkpoint.early_stopping("early_stopping", early_stopping);
        }
        let now = self.progress.evaluated == Some(self.progress.step);
        match self.values.iter().find(|(name, _)| now && *name == self.monitor.0) {
            Some((_, metric)) => checkpoint.with_metric(*metric),
            None => checkpoint,
        }
    }

    pub(super) fn save(&mut self, train: &DataLoader) -> Result<()> {
        if self.run.is_none() {
            return Ok(());
        }
        if let Some(name) = not_finite(self.model) {
            return Err(self.diverged(&format!("{name} is not finite")));
        }
        let checkpoint = self.checkpoint(train.state_dict());
        let Some((_, store, _)) = &mut self.run else { return Ok(()) };
        let path = store.save(&checkpoint)?;
        self.emit(&Event::Checkpoint { step: checkpoint.step(), path: &path })
    }

    fn load(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.load_model("model", self.model)?;
        checkpoint.load_optimizer("optimizer", &mut *self.optimizer)?;
        for (i, (scheduler, _)) in self.schedulers.iter_mut().enumerate() {
            scheduler.load_state_dict(&checkpoint.scheduler_state(&format!("scheduler.{i}"))?)?;
        }
        if let Some(plateau) = &mut self.plateau {
            plateau.load_state_dict(&checkpoint.scheduler_state("plateau")?)?;
        }
        if let Some(ema) = &mut self.ema {
            ema.load_state_dict(checkpoint.load_tensors("ema")?)?;
        }
        if let Some(early_stopping) = &mut self.early_stopping {
            checkpoint.load_early_stopping("early_stopping", early_stopping)?;
        }
        let numbers = checkpoint.scheduler_state("numbers")?;
        let get = |name: &str| numbers.get(name).map(Vec::as_slice).unwrap_or_default();
        self.train_loss.load_state_dict(get("train_loss"))?;
        for (i, metric) in self.train_metrics.iter_mut().enumerate() {
            metric.load_state_dict(get(&format!("train_metric.{i}")))?;
        }
        self.best = get("best").first().copied();
        self.best_loss = get("best").get(1).copied().unwrap_or(f64::INFINITY);
        self.progress = checkpoint.load_notes("trainer")?;
        self.loader = Some(checkpoint.loader_state("loader")?);
        checkpoint.load_rng("rng")
    }
}
