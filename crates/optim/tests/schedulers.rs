//! Every scheduler against PyTorch's recorded sequences (`xtask/torch/record_schedulers.py`).

use flambeau_optim::*;
use flambeau_tensor::{Result, Tensor, tensor};

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
    fn params(&self) -> Vec<Tensor> {
        Vec::new()
    }
    fn state_dict(&self) -> OptimizerState {
        OptimizerState::default()
    }
    fn load_state_dict(&mut self, _: &OptimizerState) -> Result<()> {
        Ok(())
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

/// Trains with two groups and a chain of schedulers; `between` may replace both after a step.
fn trained(
    mut between: impl FnMut(usize, &Tensor, &Tensor, &mut AdamW, &mut SequentialLR),
) -> (Vec<f64>, Vec<f32>) {
    let (a, b) = (tensor![1.0, -2.0].requires_grad_(), tensor![0.5].requires_grad_());
    let (mut optimizer, mut scheduler) = scheduled(&a, &b);
    let mut lrs = Vec::new();
    for step in 0..12 {
        optimizer.zero_grad();
        ((&a * &a).sum() + (&b * &b).sum()).backward();
        optimizer.step();
        scheduler.step(&mut optimizer);
        lrs.extend(optimizer.lrs());
        between(step, &a, &b, &mut optimizer, &mut scheduler);
    }
    (lrs, [a.to_vec::<f32>(), b.to_vec()].concat())
}

fn scheduled(a: &Tensor, b: &Tensor) -> (AdamW, SequentialLR) {
    let mut optimizer = AdamW::new([a], 0.1);
    optimizer.add_param_group([b], |group| group.lr = 0.01);
    let warm_up = LinearLR::new(&mut optimizer, 0.1, 1.0, 4);
    let decay = CosineAnnealingLR::new(&mut optimizer, 8);
    let scheduler = SequentialLR::new(&mut optimizer, vec![boxed(warm_up), boxed(decay)], [4]);
    (optimizer, scheduler)
}

#[test]
fn groups_keep_their_rates_apart_and_a_resumed_run_continues_to_the_bit() {
    let (lrs, params) = trained(|_, _, _, _, _| ());
    for (i, pair) in lrs.chunks(2).enumerate() {
        close("the second group", i, &pair[1..], &[pair[0] * 0.1]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("optimizer.safetensors");
    for at in [1, 3, 7] {
        let resumed = trained(|step, a, b, optimizer, scheduler| {
            if step == at {
                optimizer.save(&path).unwrap();
                let state = scheduler.state_dict();
                (*optimizer, *scheduler) = scheduled(a, b);
                scheduler.load_state_dict(&state).unwrap();
                optimizer.load(&path).unwrap();
            }
        });
        assert!((&lrs, &params) == (&resumed.0, &resumed.1), "saved after step {at}");
    }
}

#[test]
fn the_initial_rate_is_kept_in_the_groups_and_their_state() {
    let (a, b, c) = (tensor![1.0], tensor![1.0], tensor![1.0]);
    let new = || {
        let mut optimizer = SGD::new([&a], 0.4).momentum(0.9);
        optimizer.add_param_group([&b], |group| group.lr = 0.2);
        optimizer
    };
    let mut optimizer = new();
    assert_eq!(optimizer.initial_lrs(), None);
    let mut scheduler = StepLR::new(&mut optimizer, 1).gamma(0.5);
    scheduler.step(&mut optimizer);
    assert_eq!((optimizer.lrs(), optimizer.initial_lrs()), (vec![0.2, 0.1], Some(vec![0.4, 0.2])));

    // A second scheduler, also of a loaded optimiser, starts from the same rates.
    let mut other = new();
    other.load_state_dict(&optimizer.state_dict()).unwrap();
    assert_eq!(StepLR::new(&mut other, 1).state_dict()["base_lrs"], [0.4, 0.2]);
    // A state saved before there was a scheduler leaves what is there.
    other.load_state_dict(&new().state_dict()).unwrap();
    assert_eq!((other.lrs(), other.initial_lrs()), (vec![0.4, 0.2], Some(vec![0.4, 0.2])));
    other.add_param_group([&c], |group| group.lr = 0.1);
    assert_eq!(other.initial_lrs(), Some(vec![0.4, 0.2, 0.1]));

    let mut broken = optimizer.state_dict();
    broken.param_groups[1].settings.insert("initial_lr".into(), "fast".into());
    let error = optimizer.load_state_dict(&broken).unwrap_err().to_string();
    assert!(error.contains("group 1: initial_lr is \"fast\""), "{error}");

    let mut lbfgs = LBFGS::new([&a], 1.0);
    let mut scheduler = ExponentialLR::new(&mut lbfgs, 0.5);
    scheduler.step(&mut lbfgs);
    let mut other = LBFGS::new([&a], 1.0);
    other.load_state_dict(&lbfgs.state_dict()).unwrap();
    assert_eq!((other.lr(), other.initial_lrs()), (0.5, Some(vec![1.0])));
}

#[test]
fn momentum_cycles_where_there_is_one() {
    let w = tensor![1.0];
    let mut adam = Adam::new([&w], 0.1);
    OneCycleLR::new(&mut adam, 1.0, 10, OneCycleOptions::default());
    assert_eq!(adam.param_groups()[0].options().betas, (0.95, 0.999));
    let mut adagrad = Adagrad::new([&w], 0.1);
    let options = OneCycleOptions { cycle_momentum: false, ..Default::default() };
    OneCycleLR::new(&mut adagrad, 1.0, 10, options);
    close("one cycle", 0, &adagrad.lrs(), &[1.0 / 25.0]);
}

#[test]
fn a_rate_that_ends_at_zero_is_none_below() {
    let w = tensor![1.0];
    for total in 1..60 {
        let mut optimizer = SGD::new([&w], 0.1);
        let mut scheduler = LinearLR::new(&mut optimizer, 0.3, 0.0, total);
        (0..=total).for_each(|_| scheduler.step(&mut optimizer));
        assert!((0.0..1e-15).contains(&optimizer.lr()), "{total}: {}", optimizer.lr());
    }
}
