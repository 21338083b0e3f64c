//! One scheduler after the other.

use super::{LRScheduler, SchedulerState, joined, load_joined, number};
use crate::Optimizer;
use flambeau_tensor::Result;

/// One scheduler after the other: the next takes over at each epoch in `milestones`, from its own beginning.
///
/// ```
/// use flambeau_optim::{ExponentialLR, LRScheduler, LinearLR, Optimizer, SGD, SequentialLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let warm_up = LinearLR::new(&mut optimizer, 0.5, 1.0, 2);
/// let decay = ExponentialLR::new(&mut optimizer, 0.5);
/// let mut scheduler = SequentialLR::new(&mut optimizer, vec![Box::new(warm_up), Box::new(decay)], [2]);
/// let mut lrs = vec![];
/// for _ in 0..5 {
///     lrs.push(optimizer.lr());
///     scheduler.step(&mut optimizer);
/// }
/// assert_eq!(lrs, [0.5, 0.75, 1.0, 0.5, 0.25]);
/// ```
/// [`torch.optim.lr_scheduler.SequentialLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html).
pub struct SequentialLR {
    schedulers: Vec<Box<dyn LRScheduler>>,
    milestones: Vec<i64>,
    last_epoch: i64,
    last_lr: Vec<f64>,
}

impl SequentialLR {
    /// With schedulers that were just made for this optimiser.
    ///
    /// # Panics
    /// If there are not as many milestones as changes of scheduler, or they do not ascend.
    #[track_caller]
    pub fn new(
        optimizer: &mut dyn Optimizer,
        mut schedulers: Vec<Box<dyn LRScheduler>>,
        milestones: impl IntoIterator<Item = usize>,
    ) -> SequentialLR {
        let milestones: Vec<i64> = milestones.into_iter().map(|epoch| epoch as i64).collect();
        assert!(
            schedulers.len() == milestones.len() + 1,
            "SequentialLR: {} milestones for {} schedulers; there must be one fewer",
            milestones.len(),
            schedulers.len()
        );
        assert!(milestones.is_sorted(), "SequentialLR: the milestones {milestones:?} do not ascend");
        if let Some(initial) = optimizer.initial_lrs() {
            optimizer.set_lrs(&initial);
        }
        schedulers.iter_mut().for_each(|scheduler| scheduler.undo());
        let mut sequence = SequentialLR { schedulers, milestones, last_epoch: 0, last_lr: Vec::new() };
        let first = sequence.index();
        sequence.schedulers[first].initial_step(optimizer);
        sequence.last_lr = sequence.schedulers[first].get_last_lr();
        sequence
    }

    /// The scheduler of the present epoch.
    fn index(&self) -> usize {
        self.milestones.partition_point(|&epoch| epoch <= self.last_epoch)
    }
}

impl LRScheduler for SequentialLR {
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        self.last_epoch += 1;
        let i = self.index();
        let scheduler = &mut self.schedulers[i];
        if i > 0 && self.milestones[i - 1] == self.last_epoch {
            scheduler.step_to(optimizer, 0);
        } else {
            scheduler.step(optimizer);
        }
        self.last_lr = scheduler.get_last_lr();
    }

    fn get_last_lr(&self) -> Vec<f64> {
        self.last_lr.clone()
    }

    fn last_epoch(&self) -> i64 {
        self.last_epoch
    }

    fn state_dict(&self) -> SchedulerState {
        let mut state = joined(&self.schedulers);
        state.insert("last_epoch".into(), vec![self.last_epoch as f64]);
        state
    }

    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        let last_epoch = number(state, "last_epoch")?;
        load_joined(&mut self.schedulers, state)?;
        self.last_epoch = last_epoch as i64;
        self.last_lr = self.schedulers[self.index()].get_last_lr();
        Ok(())
    }

    fn step_to(&mut self, optimizer: &mut dyn Optimizer, epoch: i64) {
        self.last_epoch = epoch - 1;
        self.step(optimizer);
    }

    fn undo(&mut self) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.undo());
        self.last_epoch -= 1;
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) {
        self.last_epoch += 1;
        let i = self.index();
        self.schedulers[i].initial_step(optimizer);
        self.last_lr = self.schedulers[i].get_last_lr();
    }
}
