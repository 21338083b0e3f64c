//! What all optimisers share: groups, odd parameters and gradients, threads, state, errors.

use flambeau_optim::*;
use flambeau_tensor::{DType, Tensor, no_grad, set_num_threads, tensor, try_call};

fn message<R>(f: impl FnOnce() -> R) -> String {
    try_call(f).err().map(|error| error.to_string()).unwrap_or_default()
}

/// Different numbers without a generator.
fn wave(shape: &[usize], phase: f32) -> Tensor {
    let n = shape.iter().product();
    Tensor::from_vec((0..n).map(|i| (i as f32 * 0.7 + phase).sin()).collect::<Vec<f32>>(), shape)
}

#[test]
fn groups_step_as_optimisers_of_their_own() {
    let start = || (wave(&[3, 4], 0.0).requires_grad_(), wave(&[5], 1.0).requires_grad_());
    let loss = |a: &Tensor, b: &Tensor| (a * a).sum() + (b * b * b).sum();
    let ((a, b), (c, d)) = (start(), start());
    let mut both = Adam::new([&a], 0.1).weight_decay(0.01);
    both.add_param_group([&b], |group| (group.lr, group.weight_decay) = (0.02, 0.0));
    let mut first = Adam::new([&c], 0.1).weight_decay(0.01);
    let mut second = Adam::new([&d], 0.02);
    for _ in 0..5 {
        both.zero_grad();
        loss(&a, &b).backward();
        both.step();
        first.zero_grad();
        second.zero_grad();
        loss(&c, &d).backward();
        first.step();
        second.step();
    }
    assert_eq!(a.to_vec::<f32>(), c.to_vec::<f32>());
    assert_eq!(b.to_vec::<f32>(), d.to_vec::<f32>());
    both.set_lrs(&[0.5, 0.25]);
    both.set_momentums(&[0.8, 0.7]);
    assert_eq!((both.lrs(), both.momentums()), (vec![0.5, 0.25], Some(vec![0.8, 0.7])));
    both.set_lr(1.0);
    assert_eq!((both.lr(), both.lrs()), (1.0, vec![1.0, 1.0]));
    assert_eq!(Adagrad::new([&a], 0.1).momentums(), None);
}

type Make = dyn Fn(&[Tensor]) -> Box<dyn Optimizer>;

fn bits(params: &[Tensor]) -> Vec<u32> {
    params.iter().flat_map(|p| p.to_vec::<f32>()).map(f32::to_bits).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads, make: &Make| {
        set_num_threads(threads);
        let params: Vec<Tensor> =
            [&[300, 301][..], &[7], &[40_000], &[]].map(|s| wave(s, 0.3).requires_grad_()).to_vec();
        let mut optimizer = make(&params);
        for step in 0..3 {
            for (i, p) in params.iter().enumerate() {
                p.set_grad(Some(wave(p.shape(), (step + i) as f32)));
            }
            optimizer.step_with(&mut || (&params[0] * &params[0]).sum());
        }
        bits(&params)
    };
    let all: [&Make; 5] = [
        &|p| Box::new(SGD::new(p, 0.1).momentum(0.9)),
        &|p| Box::new(AdamW::new(p, 0.1).amsgrad(true)),
        &|p| Box::new(RMSprop::new(p, 0.1).centered(true).momentum(0.9)),
        &|p| Box::new(Rprop::new(p, 0.1)),
        &|p| Box::new(LBFGS::new(p, 0.1).max_iter(4)),
    ];
    for make in all {
        let one = run(1, make);
        assert!(one == run(2, make) && one == run(3, make));
    }
}

#[test]
fn odd_parameters_and_gradients_are_taken() {
    // A transposed parameter, an empty one, one without a gradient, one of another dtype.
    let memory = wave(&[3, 2], 0.0);
    let turned = memory.t().detach().requires_grad_();
    let plain = no_grad(|| turned.copy()).detach().requires_grad_();
    let (empty, idle) = (Tensor::zeros([0, 3]).requires_grad_(), Tensor::ones([2]).requires_grad_());
    let double = tensor![1.0, 2.0].to_dtype(DType::F64).detach().requires_grad_();
    let mut optimizer = Adam::new([&turned, &plain, &empty, &idle, &double], 0.1);
    for _ in 0..3 {
        // Not contiguous either.
        let grad = wave(&[3, 2], 2.0).t();
        turned.set_grad(Some(grad.clone()));
        plain.set_grad(Some(grad));
        empty.set_grad(Some(Tensor::zeros([0, 3])));
        double.set_grad(Some(double.detach())); // shares the parameter's memory
        optimizer.step();
    }
    assert_eq!(turned.to_vec::<f32>(), plain.to_vec::<f32>());
    assert_eq!(memory.t().to_vec::<f32>(), plain.to_vec::<f32>());
    assert_eq!(idle.to_vec::<f32>(), [1.0, 1.0]);
    assert!((double.to_vec::<f64>()[0] - 0.7).abs() < 1e-2);
    assert_eq!(optimizer.state_dict().state.keys().collect::<Vec<_>>(), [&0, &1, &2, &4]);
}

#[test]
fn views_of_one_memory_are_stepped_one_after_the_other() {
    let flat = Tensor::ones([4]);
    let parts =
        [flat.narrow(0, 0, 2).detach().requires_grad_(), flat.narrow(0, 2, 2).detach().requires_grad_()];
    let mut optimizer = SGD::new(&parts, 0.5);
    parts.iter().for_each(|p| p.set_grad(Some(Tensor::ones([2]))));
    optimizer.step();
    assert_eq!(flat.to_vec::<f32>(), [0.5; 4]);
}

#[test]
fn a_mean_starts_at_t0() {
    let p = tensor![1.0].requires_grad_();
    let mut optimizer = ASGD::new([&p], 0.5).t0(1.0).lambd(0.0);
    let mut seen = Vec::new();
    for _ in 0..5 {
        p.set_grad(Some(Tensor::ones([1])));
        optimizer.step();
        seen.push(p.item::<f64>());
    }
    // μ is 1 until step 3, whose parameters the mean starts from, then 1/2, 1/3.
    let mean = (seen[2] + seen[3] + seen[4]) / 3.0;
    assert!((optimizer.state_dict().state[&0]["ax"].item::<f64>() - mean).abs() < 1e-6);
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let (a, b) = (wave(&[2, 2], 0.0).requires_grad_(), wave(&[3], 0.0).requires_grad_());
    [&a, &b].iter().for_each(|p| p.set_grad(Some(wave(p.shape(), 1.0))));
    let mut adam = Adam::new([&a, &b], 0.1);
    adam.step();
    let saved = adam.state_dict().copy();
    let refused = |optimizer: &mut dyn Optimizer| optimizer.load_state_dict(&saved).unwrap_err().to_string();
    assert!(
        refused(&mut Adam::new([&a], 0.1))
            .contains("its groups have [2] parameters, but the optimiser's have [1]")
    );
    assert!(refused(&mut Adam::new([&b, &a], 0.1)).contains("has shape [2, 2], but the parameter has [3]"));
    assert!(refused(&mut SGD::new([&a, &b], 0.1)).contains("SGD does not keep"));
    let mut two = Adam::new([&a], 0.3);
    two.add_param_group([&b], |_| ());
    assert!(refused(&mut two).contains("it has 1 parameter groups, but the optimiser has 2"));
    assert_eq!(two.lrs(), [0.3, 0.3]);
    let mut broken = saved.clone();
    broken.param_groups[0].settings.insert("lr".into(), (-1.0).into());
    assert!(adam.load_state_dict(&broken).unwrap_err().to_string().contains("lr is -1"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    flambeau_io::safetensors::save_tensors(&path, [("weight", &a)], &Default::default()).unwrap();
    assert!(adam.load(&path).unwrap_err().to_string().contains("holds no optimiser's state"));
}

#[test]
fn mistakes_are_named() {
    let p = tensor![1.0, 2.0].requires_grad_();
    let none: [Tensor; 0] = [];
    assert!(message(|| SGD::new(none, 0.1)).contains("empty list"));
    assert!(message(|| SGD::new([&p, &p], 0.1)).contains("given twice"));
    assert!(message(|| SGD::new([&p * 2.0], 0.1)).contains("computed from others"));
    assert!(message(|| SGD::new([tensor![1, 2]], 0.1)).contains("torch.int64"));
    assert!(message(|| SGD::new([&p], -0.1)).contains("lr is -0.1"));
    assert!(message(|| SGD::new([&p], 0.1).nesterov(true)).contains("Nesterov"));
    assert!(message(|| Adam::new([&p], 0.1).betas((0.9, 1.0))).contains("the second of betas is 1"));
    assert!(message(|| Adadelta::new([&p], 0.1).rho(1.1)).contains("rho is 1.1"));
    assert!(message(|| Rprop::new([&p], 0.1).etas((1.0, 0.5))).contains("the first of etas"));
    assert!(message(|| RMSprop::new([&p], 0.1).momentum(f64::NAN)).contains("momentum is NaN"));
    assert!(message(|| Optimizer::step(&mut LBFGS::new([&p], 0.1))).contains("step_with"));
    let mut optimizer = SGD::new([&p], 0.1);
    assert!(message(|| optimizer.add_param_group([&p], |_| ())).contains("given twice"));
    assert!(message(|| optimizer.set_lrs(&[0.1, 0.2])).contains("2 learning rates for 1 parameter groups"));
    assert!(message(|| Adagrad::new([&p], 0.1).set_momentums(&[0.9])).contains("no momentum"));
    assert!(message(|| EMA::new([&p], 1.5)).contains("decay is 1.5"));
}

#[test]
fn averages_can_be_saved_swapped_and_copied() {
    let (p, count) = (tensor![1.0, 3.0].requires_grad_(), tensor![7_i64]);
    let mut swa = SWA::new([&p, &count]);
    swa.update();
    no_grad(|| p.fill_(5.0));
    swa.update();
    assert_eq!(swa.averages()[0].to_vec::<f32>(), [3.0, 4.0]);
    let mut other = SWA::new([&p, &count]);
    other.load_state_dict(&swa.state_dict()).unwrap();
    assert_eq!((other.n_averaged(), other.averages()[0].to_vec::<f32>()), (2, vec![3.0, 4.0]));
    assert!(SWA::new([&p]).load_state_dict(&swa.state_dict()).is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        swa.with_averages(|| panic!("{:?}", p.to_vec::<f32>()));
    }));
    assert!(panicked.is_err());
    assert_eq!(p.to_vec::<f32>(), [5.0, 5.0]);
    swa.copy_to([&p, &count]);
    assert_eq!(p.to_vec::<f32>(), [3.0, 4.0]);
}

#[test]
fn an_optimiser_follows_its_parameters_to_another_dtype() {
    fn trained<O: Optimizer>(make: impl Fn(&Tensor) -> O, step: impl Fn(&mut O, &Tensor)) {
        let run = |at: Option<usize>| {
            let w = wave(&[7], 0.0).requires_grad_();
            let mut optimizer = make(&w);
            let mut ema = EMA::new([&w], 0.5);
            for i in 0..6 {
                if at == Some(i) {
                    w.to_dtype_(DType::F64);
                }
                step(&mut optimizer, &w);
                ema.update();
            }
            let mean = ema.with_averages(|| w.to_dtype(DType::F64).to_vec::<f64>());
            let state = optimizer.state_dict().state;
            let dtypes =
                state.values().flat_map(|state| state.values()).filter(|t| t.numel() > 1).map(Tensor::dtype);
            assert!(dtypes.into_iter().all(|dtype| dtype == w.dtype()));
            [w.to_dtype(DType::F64).to_vec::<f64>(), mean].concat()
        };
        for (single, mixed) in run(None).into_iter().zip(run(Some(3))) {
            assert!((single - mixed).abs() < 1e-5, "{single} {mixed}");
        }
    }
    fn loss(w: &Tensor) -> Tensor {
        (w * w * w.cos()).sum()
    }
    fn plain<O: Optimizer>(optimizer: &mut O, w: &Tensor) {
        optimizer.zero_grad();
        loss(w).backward();
        optimizer.step();
    }
    trained(|w| SGD::new([w], 0.05).momentum(0.9), plain);
    trained(|w| Adam::new([w], 0.05).amsgrad(true), plain);
    trained(
        |w| LBFGS::new([w], 0.3).max_iter(3),
        |optimizer, w| {
            optimizer.step(|| {
                w.zero_grad();
                let loss = loss(w);
                loss.backward();
                loss
            });
        },
    );
}

#[test]
fn a_bad_gradient_leaves_every_parameter_and_its_step_as_they_were() {
    let (a, b) = (tensor![1.0].requires_grad_(), tensor![2.0].requires_grad_());
    let mut optimizer = Adam::new([&a, &b], 0.1);
    (&a * &b).sum().backward();
    // Converted by hand behind the optimiser's back, so that its gradient does not fit any more.
    b.detach().to_dtype_(DType::F64);
    assert!(message(|| optimizer.step()).contains("a gradient of"));
    assert_eq!(a.item::<f32>(), 1.0);
    assert!(optimizer.state_dict().state.is_empty());
}
