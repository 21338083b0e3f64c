//! Losses against their equations.

use flambeau_nn::{
    BCELoss, BCEWithLogitsLoss, CosineEmbeddingLoss, CrossEntropyLoss, Forward, GaussianNLLLoss,
    HingeEmbeddingLoss, Hooks, HuberLoss, KLDivLoss, L1Loss, MSELoss, MarginRankingLoss, Module, NLLLoss,
    PoissonNLLLoss, SmoothL1Loss, SoftMarginLoss, TripletMarginLoss, functional as F, l1_penalty, l2_penalty,
};
use flambeau_optim::{Optimizer, SGD};
use flambeau_tensor::loss::Reduction;
use flambeau_tensor::{Tensor, tensor};

const LOGITS: [[f32; 3]; 3] = [[2.0, -1.0, 0.5], [0.0, 0.0, 100.0], [1.0, 2.0, 3.0]];

fn logits() -> Tensor {
    Tensor::from_vec(LOGITS.concat(), [3, 3])
}

fn classes(classes: [i64; 3]) -> Tensor {
    Tensor::from_vec(classes.to_vec(), [3])
}

/// `-log softmax(x)[class]`, in f64.
fn expected(row: usize, class: usize) -> f64 {
    let row = LOGITS[row].map(f64::from);
    let max = row.iter().fold(f64::MIN, |max, x| max.max(*x));
    max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln() - row[class]
}

fn close(got: f32, expected: f64) {
    assert!((f64::from(got) - expected).abs() < 1e-5 * (1.0 + expected), "{got} for {expected}");
}

#[test]
fn cross_entropy_is_the_mean_of_the_negative_log_likelihoods() {
    let target = classes([0, 1, 2]);
    let each = [expected(0, 0), expected(1, 1), expected(2, 2)];
    let sum: f64 = each.iter().sum();
    close(CrossEntropyLoss::default().call(&logits(), &target).item(), sum / 3.0);
    close(CrossEntropyLoss::default().reduction(Reduction::Sum).call(&logits(), &target).item(), sum);
    let none = CrossEntropyLoss::default().reduction(Reduction::None).call(&logits(), &target);
    none.to_vec::<f32>().into_iter().zip(each).for_each(|(got, expected)| close(got, expected));
}

#[test]
fn ignored_samples_do_not_count_into_the_mean() {
    let mean = (expected(0, 0) + expected(2, 2)) / 2.0;
    close(CrossEntropyLoss::default().call(&logits(), &classes([0, -100, 2])).item(), mean);
    close(CrossEntropyLoss::default().ignore_index(1).call(&logits(), &classes([0, 1, 2])).item(), mean);
}

#[test]
fn forms_of_one_loss() {
    let target = classes([2, 0, 1]);
    let loss = CrossEntropyLoss::default();
    let value: f32 = loss.call(&logits(), &target).item();
    assert_eq!(F::cross_entropy(&logits(), &target, Default::default()).item::<f32>(), value);
    let logs = F::log_softmax(&logits(), 1);
    close(F::nll_loss(&logs, &target, Default::default()).item(), f64::from(value));
    assert_eq!(Forward::call(&loss, &(logits(), target.clone())).item::<f32>(), value);
    let hook = loss.register_forward_hook(|_, _: &(Tensor, Tensor), loss: &Tensor| Some(loss * 2.0));
    assert_eq!(loss.call(&logits(), &target).item::<f32>(), 2.0 * value);
    drop(hook);
    assert!(loss.parameters().is_empty());
}

#[test]
#[should_panic(expected = "target 3 is not a class")]
fn a_target_beyond_the_classes() {
    CrossEntropyLoss::default().call(&logits(), &classes([0, 3, 1]));
}

#[test]
fn every_loss_module_is_its_function_with_pytorch_defaults() {
    let shape = [4, 3];
    let (x, y, z) = (Tensor::randn(shape), Tensor::randn(shape), Tensor::randn(shape));
    let (p, q) = (x.sigmoid(), y.sigmoid());
    let signs = tensor![1.0, -1.0, 1.0, -1.0];
    let mean = Reduction::Mean;
    for (got, want) in [
        (MSELoss::default().call(&x, &y), F::mse_loss(&x, &y, mean)),
        (L1Loss::default().call(&x, &y), F::l1_loss(&x, &y, mean)),
        (SmoothL1Loss::default().call(&x, &y), F::smooth_l1_loss(&x, &y, 1.0, mean)),
        (SmoothL1Loss::default().beta(0.3).call(&x, &y), F::smooth_l1_loss(&x, &y, 0.3, mean)),
        (HuberLoss::default().call(&x, &y), F::huber_loss(&x, &y, 1.0, mean)),
        (HuberLoss::default().delta(0.3).call(&x, &y), F::huber_loss(&x, &y, 0.3, mean)),
        (BCELoss::default().call(&p, &q), F::binary_cross_entropy(&p, &q, Default::default())),
        (
            BCEWithLogitsLoss::default().call(&x, &q),
            F::binary_cross_entropy_with_logits(&x, &q, Default::default()),
        ),
        (KLDivLoss::default().call(&x, &q), F::kl_div(&x, &q, false, mean)),
        (KLDivLoss::default().log_target(true).call(&x, &y), F::kl_div(&x, &y, true, mean)),
        (GaussianNLLLoss::default().call(&x, &y, &p), F::gaussian_nll_loss(&x, &y, &p, Default::default())),
        (PoissonNLLLoss::default().call(&x, &q), F::poisson_nll_loss(&x, &q, Default::default())),
        (
            CosineEmbeddingLoss::default().call(&x, &y, &signs),
            F::cosine_embedding_loss(&x, &y, &signs, 0.0, mean),
        ),
        (MarginRankingLoss::default().call(&x, &y, &z), F::margin_ranking_loss(&x, &y, &z, 0.0, mean)),
        (
            TripletMarginLoss::default().call(&x, &y, &z),
            F::triplet_margin_loss(&x, &y, &z, Default::default()),
        ),
        (
            HingeEmbeddingLoss::default().call(&x, &y.sign()),
            F::hinge_embedding_loss(&x, &y.sign(), 1.0, mean),
        ),
        (SoftMarginLoss::default().call(&x, &y.sign()), F::soft_margin_loss(&x, &y.sign(), mean)),
        (
            MSELoss::default().reduction(Reduction::None).call(&x, &y).mean(),
            F::mse_loss(&x, &y, Reduction::Sum) / 12.0,
        ),
    ] {
        close(got.item(), f64::from(want.item::<f32>()));
    }
    assert_eq!(TripletMarginLoss::default().repr(), "TripletMarginLoss()");
}

#[test]
fn class_weights_are_buffers() {
    let weight = tensor![0.5, 1.0, 2.0];
    let loss = CrossEntropyLoss::default().weight(weight.clone());
    assert_eq!(loss.state_dict().keys().collect::<Vec<_>>(), ["weight"]);
    let target = classes([0, 1, 2]);
    let weighted = 0.5 * expected(0, 0) + expected(1, 1) + 2.0 * expected(2, 2);
    close(loss.call(&logits(), &target).item(), weighted / 3.5);
    let nll = NLLLoss::default().weight(weight.clone());
    close(nll.call(&logits().log_softmax(1), &target).item(), weighted / 3.5);
    let loss = BCEWithLogitsLoss::default().weight(weight.clone()).pos_weight(weight);
    assert_eq!(loss.state_dict().keys().collect::<Vec<_>>(), ["weight", "pos_weight"]);
}

#[test]
fn smoothing_spreads_a_part_of_the_target() {
    let even = (0..3).map(|class| expected(0, class)).sum::<f64>() / 3.0;
    let logits = logits().narrow(0, 0, 1);
    let loss = CrossEntropyLoss::default().label_smoothing(0.3).call(&logits, &tensor![1]);
    close(loss.item(), 0.7 * expected(0, 1) + 0.3 * even);
}

#[test]
fn half_the_l2_penalty_is_weight_decay() {
    let (start, lambda) = (vec![1.0_f32, -2.0, 0.5], 0.1);
    let train = |decay: f64, penalty: f64| {
        let w = Tensor::from_vec(start.clone(), [3]).requires_grad_();
        let mut optimizer = SGD::new([&w], 0.1).momentum(0.9).weight_decay(decay);
        for _ in 0..5 {
            optimizer.zero_grad();
            let loss = w.mse_loss(&tensor![0.0, 1.0, 2.0], Reduction::Mean);
            (loss + penalty / 2.0 * l2_penalty([&w])).backward();
            optimizer.step();
        }
        w.to_vec::<f32>()
    };
    let plain = train(0.0, 0.0);
    for ((a, b), plain) in train(lambda, 0.0).into_iter().zip(train(0.0, lambda)).zip(plain) {
        assert!((a - b).abs() < 1e-6, "{a} by weight_decay, {b} by the penalty");
        assert!((a - plain).abs() > 1e-3);
    }
}

#[test]
fn the_l1_penalty_has_the_sign_as_gradient() {
    let w = tensor![1.5, -2.0, 0.0].requires_grad_();
    let penalty = l1_penalty([&w]);
    assert_eq!(penalty.item::<f32>(), 3.5);
    penalty.backward();
    assert_eq!(w.grad().unwrap().to_vec::<f32>(), [1.0, -1.0, 0.0]);
    assert_eq!(l1_penalty::<Tensor>([]).item::<f32>(), 0.0);
}
