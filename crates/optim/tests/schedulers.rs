//! Every scheduler against PyTorch's recorded sequences (`xtask/torch/record_schedulers.py`).

use flambeau_optim::*;

/// Two parameter groups and nothing to train.
#[derive(Clone)]
struct Groups {
    lrs: Vec<f64>,
    initial: Option<Vec<f64>>,
    momentums: Vec<f64>,
}

impl Groups {
    fn new() -> Groups {
        Groups { lrs: vec![0.5, 0.05], initial: None, momentums: vec![0.9; 2] }
    }
}

impl Optimizer for Groups {
    fn step(&mut self) {}
    fn zero_grad(&self) {}
    fn lr(&self) -> f64 {
        self.lrs[0]
    }
    fn set_lr(&mut self, lr: f64) {
        self.lrs.fill(lr);
    }
    fn lrs(&self) -> Vec<f64> {
        self.lrs.clone()
    }
    fn set_lrs(&mut self, lrs: &[f64]) {
        self.lrs.copy_from_slice(lrs);
    }
    fn initial_lrs(&self) -> Option<Vec<f64>> {
        self.initial.clone()
    }
    fn set_initial_lrs(&mut self, lrs: &[f64]) {
        self.initial = Some(lrs.to_vec());
    }
    fn momentums(&self) -> Option<Vec<f64>> {
        Some(self.momentums.clone())
    }
    fn set_momentums(&mut self, momentums: &[f64]) {
        self.momentums.copy_from_slice(momentums);
    }
}

fn boxed(scheduler: impl LRScheduler + 'static) -> Box<dyn LRScheduler> {
    Box::new(scheduler)
}

fn scheduler(name: &str, o: &mut Groups) -> Box<dyn LRScheduler> {
    let half = |lr: f64| [lr, lr + 0.1];
    match name {
        "lambda" => boxed(LambdaLR::new(o, |epoch| 0.95f64.powf(epoch as f64))),
        "lambda_groups" => boxed(LambdaLR::per_group(
            o,
            vec![Box::new(|epoch| 0.9f64.powf(epoch as f64)), Box::new(|epoch| 1.0 / (1.0 + epoch as f64))],
        )),
        "multiplicative" => boxed(MultiplicativeLR::new(o, |epoch| 1.0 - 0.01 * epoch as f64)),
        "step" => boxed(StepLR::new(o, 7).gamma(0.3)),
        "multi_step" => boxed(MultiStepLR::new(o, [3, 11, 11, 20]).gamma(0.4)),
        "constant" => boxed(ConstantLR::new(o, 0.3, 6)),
        "linear" => boxed(LinearLR::new(o, 0.1, 0.8, 13)),
        "exponential" => boxed(ExponentialLR::new(o, 0.93)),
        "polynomial" => boxed(PolynomialLR::new(o, 17).power(1.7)),
        "cosine" => boxed(CosineAnnealingLR::new(o, 9).eta_min(0.01)),
        "restarts" => boxed(CosineAnnealingWarmRestarts::new(o, 4).t_mult(2).eta_min(0.01)),
        "restarts_equal" => boxed(CosineAnnealingWarmRestarts::new(o, 6)),
        "one_cycle" => boxed(OneCycleLR::new(o, [1.0, 2.0], 31, OneCycleOptions::default())),
        "one_cycle_linear" => {
            let options = OneCycleOptions {
                pct_start: 0.4,
                anneal_strategy: AnnealStrategy::Linear,
                base_momentum: 0.8,
                max_momentum: 0.99,
                div_factor: 10.0,
                final_div_factor: 50.0,
                three_phase: true,
                ..Default::default()
            };
            boxed(OneCycleLR::new(o, 0.7, 33, options))
        }
        "cyclic" => {
            let options = CyclicOptions { step_size_up: 4, step_size_down: Some(7), ..Default::default() };
            boxed(CyclicLR::new(o, 0.01, 0.3, options))
        }
        "cyclic_half" => {
            let mode = CyclicMode::Triangular2;
            let options =
                CyclicOptions { step_size_up: 5, mode, cycle_momentum: false, ..Default::default() };
            boxed(CyclicLR::new(o, [0.01, 0.02], half(0.3), options))
        }
        "cyclic_exp" => {
            let options =
                CyclicOptions { step_size_up: 5, mode: CyclicMode::ExpRange(0.97), ..Default::default() };
            boxed(CyclicLR::new(o, 0.01, 0.3, options))
        }
        "sequential" => {
            let parts = vec![
                boxed(LinearLR::new(o, 0.2, 1.0, 5)),
                boxed(CosineAnnealingLR::new(o, 10)),
                boxed(ExponentialLR::new(o, 0.9)),
            ];
            boxed(SequentialLR::new(o, parts, [5, 17]))
        }
        "sequential_constant" => {
            let parts = vec![boxed(ConstantLR::new(o, 0.1, 20)), boxed(StepLR::new(o, 3).gamma(0.5))];
            boxed(SequentialLR::new(o, parts, [8]))
        }
        "chained" => boxed(ChainedScheduler::new(vec![
            boxed(ConstantLR::new(o, 0.1, 6)),
            boxed(CosineAnnealingLR::new(o, 12)),
            boxed(ExponentialLR::new(o, 0.95)),
        ])),
        _ => panic!("{name} was recorded but is not tested"),
    }
}

fn plateau(name: &str, o: &Groups) -> ReduceLROnPlateau {
    match name {
        "plateau" => ReduceLROnPlateau::new(o).factor(0.5).patience(2).cooldown(1).min_lr([0.1, 0.001]),
        _ => ReduceLROnPlateau::new(o)
            .mode(PlateauMode::Max)
            .factor(0.3)
            .patience(3)
            .threshold(0.05)
            .threshold_mode(ThresholdMode::Abs),
    }
}

fn close(name: &str, step: usize, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!(
            (got - want).abs() <= 1e-12 * want.abs() + 1e-17,
            "{name} at step {step}: {got}, PyTorch {want}"
        );
    }
}

fn rows(value: &serde_json::Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn sequences_are_pytorchs() {
    let text = include_str!("../../../tests/recorded/schedulers.json");
    let recorded: serde_json::Value = serde_json::from_str(text).unwrap();
    let metrics: Vec<f64> = serde_json::from_value(recorded["metrics"].clone()).unwrap();
    let cases = recorded["cases"].as_object().unwrap();
    assert_eq!(cases.len(), 22);
    for (name, case) in cases {
        let (lrs, momentums) = (rows(&case["lrs"]), rows(&case["momentums"]));
        let mut o = Groups::new();
        if name.starts_with("plateau") {
            let mut scheduler = plateau(name, &o);
            for step in 1..lrs.len() {
                if step == 8 {
                    // Goes on from a saved state.
                    let state = scheduler.state_dict();
                    scheduler = plateau(name, &o);
                    scheduler.load_state_dict(&state).unwrap();
                }
                scheduler.step(metrics[step - 1], &mut o);
                close(name, step, &scheduler.get_last_lr(), &lrs[step]);
            }
            continue;
        }
        let mut s = scheduler(name, &mut o);
        for (step, want) in lrs.iter().enumerate() {
            if step == 10 {
                let (state, before) = (s.state_dict(), o.clone());
                s = scheduler(name, &mut Groups::new());
                s.load_state_dict(&state).unwrap();
                o = before;
            }
            if step > 0 {
                s.step(&mut o);
            }
            assert_eq!(s.last_epoch(), step as i64, "{name}");
            close(name, step, &o.lrs, want);
            close(name, step, &s.get_last_lr(), want);
            close(name, step, &o.momentums, momentums.get(step).unwrap_or(&vec![0.9; 2]));
        }
    }
}

#[test]
fn plateau_lowers_when_patience_is_exceeded() {
    for (cooldown, want) in [
        (0, [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.0001]),
        (1, [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001]),
    ] {
        let mut o = Groups { lrs: vec![0.1], ..Groups::new() };
        let mut scheduler = ReduceLROnPlateau::new(&o).patience(2).cooldown(cooldown);
        for (step, want) in want.into_iter().enumerate() {
            // The first metric is the best; every one after it is bad.
            scheduler.step(1.0, &mut o);
            close("plateau", step, &o.lrs, &[want]);
        }
    }
}

#[test]
fn a_wrong_state_is_refused_and_changes_nothing() {
    let mut o = Groups::new();
    let mut scheduler = StepLR::new(&mut o, 2);
    scheduler.step(&mut o);
    let good = scheduler.state_dict();
    for name in ["base_lrs", "last_epoch", "last_lr"] {
        let mut bad = good.clone();
        bad.remove(name);
        assert!(scheduler.load_state_dict(&bad).unwrap_err().to_string().contains(name));
        bad.insert(name.into(), vec![0.0; 3]);
        assert!(scheduler.load_state_dict(&bad).is_err());
    }
    assert_eq!(scheduler.state_dict(), good);
}
