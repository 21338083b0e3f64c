//! When it ends, what it keeps, and that it goes on from a saved state.

use flambeau_nn::{BatchNorm1d, Forward, Linear, Module, Sequential};
use flambeau_optim::PlateauMode;
use flambeau_tensor::{Tensor, manual_seed, no_grad};
use flambeau_train::{EarlyStopping, EarlyStoppingState};

/// The calls until it ends, counted from 1.
fn ends_at(mut early_stopping: EarlyStopping, metrics: &[f64]) -> Option<usize> {
    metrics.iter().position(|&metric| early_stopping.step(metric)).map(|i| i + 1)
}

#[test]
fn it_ends_when_the_counter_reaches_the_patience() {
    let constant = [0.5; 20];
    for patience in 1..10 {
        assert_eq!(ends_at(EarlyStopping::new(patience), &constant), Some(1 + patience));
    }
    assert_eq!(ends_at(EarlyStopping::new(0), &constant), Some(2));
    assert_eq!(ends_at(EarlyStopping::new(3), &[9., 8., 7., 7., 7., 6., 6., 6., 6., 6.]), Some(9));
}

#[test]
fn improvements_are_strict_and_by_more_than_min_delta() {
    let early_stopping = || EarlyStopping::new(2).min_delta(0.25);
    assert_eq!(ends_at(early_stopping(), &[1.0, 0.75, 0.75]), Some(3));
    // A slow descent that adds up counts from the best, not from the last.
    assert_eq!(ends_at(early_stopping(), &[1.0, 0.875, 0.5, 0.5, 0.5]), Some(5));
    let up = || early_stopping().mode(PlateauMode::Max);
    assert_eq!(ends_at(up(), &[1.0, 1.25, 1.25]), Some(3));
    assert_eq!(ends_at(up(), &[1.0, 1.5, 1.75, 2.0, 2.0, 2.0]), Some(6));
}

#[test]
fn numbers_that_are_none_never_improve() {
    let mut early_stopping = EarlyStopping::new(3);
    assert_eq!([f64::NAN; 2].map(|metric| early_stopping.step(metric)), [false; 2]);
    assert_eq!(early_stopping.best(), None);
    assert!(!early_stopping.restore());
    assert_eq!(
        [1.0, f64::NAN, f64::NAN, f64::NAN].map(|m| early_stopping.step(m)),
        [false, false, false, true]
    );
    assert_eq!((early_stopping.best(), early_stopping.best_epoch()), (Some(1.0), Some(2)));
    assert_eq!(ends_at(EarlyStopping::new(2), &[f64::INFINITY, 1.0, f64::INFINITY, f64::INFINITY]), Some(4));
}

#[test]
#[should_panic(expected = "min_delta is -1")]
fn a_negative_min_delta_is_refused() {
    let _ = EarlyStopping::new(1).min_delta(-1.0);
}

fn model() -> Sequential {
    Sequential::new((Linear::new(3, 4), BatchNorm1d::new(4)))
}

fn fill(model: &Sequential, value: f64) {
    for parameter in model.parameters() {
        no_grad(|| parameter.fill_(value));
    }
}

fn bits(model: &Sequential) -> Vec<Vec<u8>> {
    model.state_dict().values().map(|tensor| tensor.to_le_bytes()).collect()
}

#[test]
fn the_best_weights_and_buffers_come_back() {
    manual_seed(1);
    let model = model();
    let mut early_stopping = EarlyStopping::new(2).restore_best_weights(&model);
    let mut best = vec![];
    for metric in [3.0, 1.0, 2.0, 4.0] {
        model.call(&Tensor::randn([8, 3])); // moves the running statistics
        fill(&model, metric);
        early_stopping.step(metric);
        if metric == 1.0 {
            best = bits(&model);
        }
    }
    assert_ne!(bits(&model), best);
    assert!(early_stopping.restore());
    assert_eq!(bits(&model), best);
    assert!(model.parameters().iter().all(|parameter| parameter.requires_grad()));
}

#[test]
fn it_goes_on_from_a_saved_state() {
    manual_seed(2);
    let first = model();
    let mut early_stopping = EarlyStopping::new(3).restore_best_weights(&first);
    assert_eq!([0.3, 0.1, 0.2].map(|metric| early_stopping.step(metric)), [false; 3]);
    let saved = early_stopping.state_dict();
    let json = serde_json::to_string(&saved).unwrap();
    let state: EarlyStoppingState = serde_json::from_str(&json).unwrap();
    let state = EarlyStoppingState { best_weights: saved.best_weights, ..state };

    let second = model();
    let mut resumed = EarlyStopping::new(3).restore_best_weights(&second);
    resumed.load_state_dict(&state).unwrap();
    assert_eq!((resumed.counter(), resumed.best(), resumed.best_epoch()), (1, Some(0.1), Some(1)));
    assert!(resumed.restore());
    assert_eq!(bits(&second), bits(&first));
    // The two share nothing.
    fill(&first, 7.0);
    early_stopping.step(0.0);
    resumed.restore();
    assert_ne!(bits(&second), bits(&first));
    assert_eq!([0.2, 0.2].map(|metric| resumed.step(metric)), [false, true]);
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let other = Sequential::new((Linear::new(3, 5), BatchNorm1d::new(5)));
    let mut early_stopping = EarlyStopping::new(3).restore_best_weights(&other);
    early_stopping.step(1.0);
    let mut state = early_stopping.state_dict();
    let model = model();
    let mut resumed = EarlyStopping::new(3).restore_best_weights(&model);
    let message = resumed.load_state_dict(&state).unwrap_err().to_string();
    assert!(
        message.contains("0.weight") && message.contains("[5, 3]") && message.contains("[4, 3]"),
        "{message}"
    );
    state.best_weights = None;
    let message = resumed.load_state_dict(&state).unwrap_err().to_string();
    assert!(message.contains("kept no weights"), "{message}");
    assert_eq!(resumed.best(), None);
}
