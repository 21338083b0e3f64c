//! Several schedulers at once.

use super::{LRScheduler, SchedulerState, joined, load_joined};
use crate::Optimizer;
use flambeau_tensor::Result;

/// Steps several schedulers of one optimiser, each from what the one before it set.
///
/// ```
/// use flambeau_optim::{ChainedScheduler, ConstantLR, ExponentialLR, LRScheduler, SGD};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let small = ConstantLR::new(&mut optimizer, 0.5, 2);
/// let decay = ExponentialLR::new(&mut optimizer, 0.5);
/// let mut scheduler = ChainedScheduler::new(vec![Box::new(small), Box::new(decay)]);
/// scheduler.step(&mut optimizer);
/// assert_eq!(scheduler.get_last_lr(), [0.25]);
/// ```
/// [`torch.optim.lr_scheduler.ChainedScheduler`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html).
pub struct ChainedScheduler {
    schedulers: Vec<Box<dyn LRScheduler>>,
}

impl ChainedScheduler {
    /// In this order.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn new(schedulers: Vec<Box<dyn LRScheduler>>) -> ChainedScheduler {
        assert!(!schedulers.is_empty(), "ChainedScheduler: give at least one scheduler");
        ChainedScheduler { schedulers }
    }
}

impl LRScheduler for ChainedScheduler {
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.step(optimizer));
    }

    fn get_last_lr(&self) -> Vec<f64> {
        self.schedulers[self.schedulers.len() - 1].get_last_lr()
    }

    fn last_epoch(&self) -> i64 {
        self.schedulers[0].last_epoch()
    }

    fn state_dict(&self) -> SchedulerState {
        joined(&self.schedulers)
    }

    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        load_joined(&mut self.schedulers, state)
    }

    fn step_to(&mut self, optimizer: &mut dyn Optimizer, epoch: i64) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.step_to(optimizer, epoch));
    }

    fn undo(&mut self) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.undo());
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.initial_step(optimizer));
    }
}
