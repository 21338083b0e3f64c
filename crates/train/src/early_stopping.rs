//! Ending a training that no longer gets better.

use flambeau_nn::{Module, StateDict};
use flambeau_optim::PlateauMode;
use flambeau_tensor::{Error, Result, no_grad};
use serde::{Deserialize, Serialize};

/// Ends a training once a validation metric has not improved `patience` times in a row: when its counter *reaches* the
/// patience. A [`ReduceLROnPlateau`](flambeau_optim::ReduceLROnPlateau) acts when its counter *exceeds* its own; give
/// that one the smaller patience, so that it has its turn.
///
/// With the best metric m\* so far, m is an improvement if m < m\* − `min_delta`, or m > m\* + `min_delta` with
/// [`PlateauMode::Max`]. NaN never is: a training that has diverged ends after `patience` calls.
///
/// After the training, [`restore`](Self::restore) puts back the weights of the best call, if they were kept by
/// [`restore_best_weights`](Self::restore_best_weights).
///
/// # Examples
/// A loop by hand, with a schedule that looks at the same metric, and a running mean of the weights that is what gets
/// evaluated and kept:
/// ```
/// use flambeau_nn::{Forward, Linear, MSELoss, Module, ReLU, Sequential};
/// use flambeau_optim::{EMA, Optimizer, ReduceLROnPlateau, SGD};
/// use flambeau_tensor::{Tensor, manual_seed, no_grad};
/// use flambeau_train::EarlyStopping;
///
/// manual_seed(0);
/// let data = |n| {
///     let x = Tensor::randn([n, 3]);
///     let y = x.sum_dim(1, true) + Tensor::randn([n, 1]) * 0.3;
///     (x, y)
/// };
/// let (x, y) = data(16);
/// let (val_x, val_y) = data(64);
///
/// let model = Sequential::new((Linear::new(3, 32), ReLU::default(), Linear::new(32, 1)));
/// let loss_fn = MSELoss::default();
/// let mut optimizer = SGD::new(model.parameters(), 0.1).momentum(0.9);
/// let mut plateau = ReduceLROnPlateau::new(&optimizer).patience(3);
/// let mut ema = EMA::new(model.parameters(), 0.8);
/// let mut early_stopping = EarlyStopping::new(8).min_delta(1e-4).restore_best_weights(&model);
/// for _epoch in 0..1000 {
///     model.train();
///     let loss = loss_fn.call(&model.call(&x), &y);
///     optimizer.zero_grad();
///     loss.backward();
///     optimizer.step();
///     ema.update();
///
///     model.eval();
///     let (val_loss, stop) = ema.with_averages(|| {
///         let val_loss = no_grad(|| loss_fn.call(&model.call(&val_x), &val_y)).item::<f64>();
///         (val_loss, early_stopping.step(val_loss)) // keeps the means if they are the best
///     });
///     plateau.step(val_loss, &mut optimizer);
///     if stop {
///         break;
///     }
/// }
/// assert!(early_stopping.should_stop() && early_stopping.counter() == 8);
///
/// early_stopping.restore();
/// let val_loss = no_grad(|| loss_fn.call(&model.call(&val_x), &val_y)).item::<f64>();
/// assert_eq!(Some(val_loss), early_stopping.best());
/// ```
/// Without a model it only counts:
/// ```
/// use flambeau_optim::PlateauMode;
/// use flambeau_train::EarlyStopping;
///
/// let mut early_stopping = EarlyStopping::new(2).mode(PlateauMode::Max);
/// let stops = [0.7, 0.9, 0.8, 0.9].map(|accuracy| early_stopping.step(accuracy));
/// assert_eq!(stops, [false, false, false, true]);
/// assert_eq!((early_stopping.best(), early_stopping.best_epoch()), (Some(0.9), Some(1)));
/// ```
///
/// Source: Goodfellow, Bengio and Courville, [Deep Learning](https://www.deeplearningbook.org/contents/regularization.html),
/// 2016, section 7.8, algorithm 7.1.
#[derive(Debug)]
pub struct EarlyStopping {
    patience: usize,
    min_delta: f64,
    mode: PlateauMode,
    /// The live values, which share memory with the model.
    live: Option<StateDict>,
    state: EarlyStoppingState,
}

/// How far an [`EarlyStopping`] has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EarlyStoppingState {
    /// The calls so far.
    pub epochs: usize,
    /// The calls since the best one.
    pub counter: usize,
    /// The best metric; none before the first that is a number.
    pub best: Option<f64>,
    /// The call that gave it, counted from 0.
    pub best_epoch: Option<usize>,
    /// The model's values then, if they are kept. They are tensors and no part of the serialised state.
    #[serde(skip)]
    pub best_weights: Option<StateDict>,
}

impl EarlyStopping {
    /// Ends after `patience` calls in a row without improvement; 0 is as 1. The metric gets better downwards, by any
    /// amount, unless told otherwise; weights are not kept.
    pub fn new(patience: usize) -> Self {
        EarlyStopping {
            patience,
            min_delta: 0.0,
            mode: PlateauMode::Min,
            live: None,
            state: EarlyStoppingState::default(),
        }
    }

    /// By how much a metric must be better than the best to count (default: 0, by anything).
    ///
    /// # Panics
    /// If it is negative or NaN.
    #[track_caller]
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        assert!(min_delta >= 0.0, "EarlyStopping: min_delta is {min_delta}; it must be at least 0");
        self.min_delta = min_delta;
        self
    }

    /// Which way the metric gets better (default: down).
    pub fn mode(mut self, mode: PlateauMode) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn get_mode(&self) -> PlateauMode {
        self.mode
    }

    /// Keeps a copy of the model's parameters and buffers at each improvement, for [`restore`](Self::restore). The
    /// copy is as large as the model.
    pub fn restore_best_weights(mut self, model: &dyn Module) -> Self {
        self.live = Some(model.state_dict());
        self
    }

    /// Looks at the metric of this epoch; true when the training should end.
    pub fn step(&mut self, metric: f64) -> bool {
        let state = &mut self.state;
        let better = match (self.mode, state.best) {
            (_, None) => !metric.is_nan(),
            (PlateauMode::Min, Some(best)) => metric < best - self.min_delta,
            (PlateauMode::Max, Some(best)) => metric > best + self.min_delta,
        };
        if better {
            state.counter = 0;
            (state.best, state.best_epoch) = (Some(metric), Some(state.epochs));
            self.keep();
        } else {
            state.counter += 1;
        }
        self.state.epochs += 1;
        self.should_stop()
    }

    /// Copies the live values into what is kept, in memory that is there from the second time on.
    fn keep(&mut self) {
        let Some(live) = &self.live else { return };
        match &self.state.best_weights {
            Some(kept) => assign(kept, live),
            None => self.state.best_weights = Some(live.copy()),
        }
    }

    /// Whether the counter has reached the patience.
    pub fn should_stop(&self) -> bool {
        self.state.counter >= self.patience.max(1)
    }

    /// The calls since the best one.
    pub fn counter(&self) -> usize {
        self.state.counter
    }

    /// The best metric; none before the first that is a number.
    pub fn best(&self) -> Option<f64> {
        self.state.best
    }

    /// The call that gave the best metric, counted from 0.
    pub fn best_epoch(&self) -> Option<usize> {
        self.state.best_epoch
    }

    /// The model's values at the best call, if they are kept and there was one.
    pub fn best_weights(&self) -> Option<&StateDict> {
        self.state.best_weights.as_ref()
    }

    /// Writes the best call's values into the model; false if there are none, and the model stays as it is.
    #[track_caller]
    pub fn restore(&self) -> bool {
        let (Some(live), Some(kept)) = (&self.live, &self.state.best_weights) else { return false };
        assign(live, kept);
        true
    }

    /// How far it has come. The settings are not part of it. The weights are shared: later improvements change them.
    pub fn state_dict(&self) -> EarlyStoppingState {
        self.state.clone()
    }

    /// Goes on from a saved state, whose weights are copied.
    ///
    /// # Errors
    /// [`Error::StateDict`] if this one restores weights and the state has none though there was a best call, or if
    /// they do not fit the model; nothing is changed then.
    pub fn load_state_dict(&mut self, state: &EarlyStoppingState) -> Result<()> {
        let weights = match (&self.live, &state.best_weights) {
            (None, _) => None,
            (Some(_), None) if state.best.is_none() => None,
            (Some(_), None) => {
                let message = "the saved early stopping kept no weights, and this one is to restore them";
                return Err(Error::StateDict(message.to_owned()));
            }
            (Some(live), Some(kept)) => {
                fits(live, kept)?;
                Some(kept.copy())
            }
        };
        self.state = EarlyStoppingState { best_weights: weights, ..state.clone() };
        Ok(())
    }
}

/// That one may be assigned to the other.
fn fits(live: &StateDict, kept: &StateDict) -> Result<()> {
    let wrong = |message: String| Err(Error::StateDict(format!("the best weights: {message}")));
    if let Some(name) = kept.keys().find(|name| !live.contains_key(name)) {
        return wrong(format!("{name} is no part of the model"));
    }
    for (name, own) in live {
        let Some(saved) = kept.get(name) else { return wrong(format!("{name} is missing")) };
        if (saved.shape(), saved.dtype()) != (own.shape(), own.dtype()) {
            let (shape, dtype, wanted) = (saved.shape(), saved.dtype(), own.shape());
            return wrong(format!(
                "{name} is {dtype} of shape {shape:?}; the model's is {} of shape {wanted:?}",
                own.dtype()
            ));
        }
    }
    Ok(())
}

/// Copies values between dicts of the same names.
#[track_caller]
fn assign(to: &StateDict, from: &StateDict) {
    no_grad(|| {
        for (name, to) in to {
            if let Some(from) = from.get(name) {
                to.copy_(from);
            }
        }
    });
}
