//! Losses where naive formulas overflow or round away, and what they refuse.

use flambeau_tensor::loss::{
    BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, CrossEntropyOptions, NllLossOptions,
    Reduction,
};
use flambeau_tensor::{DType, Tensor, tensor, try_call};

const LOGITS: [f64; 7] = [0.0, 50.0, -50.0, 100.0, -100.0, 1e4, -1e4];

/// ln(1 + exp x)
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// A leaf of one value for each of the logits.
fn leaf(values: impl IntoIterator<Item = f64>, shape: &[usize], dtype: DType) -> Tensor {
    Tensor::from_vec(values.into_iter().collect::<Vec<f64>>(), shape).to_dtype(dtype).requires_grad_()
}

/// Values and gradients within a few units in the last place; below the smallest normal number of the dtype, 0 will do.
fn close(what: &str, got: &Tensor, want: impl IntoIterator<Item = f64>) {
    let (epsilon, tiny) = match got.dtype() {
        DType::F32 => (4.0 * f64::from(f32::EPSILON), f64::from(f32::EPSILON)),
        _ => (4.0 * f64::EPSILON, f64::EPSILON),
    };
    let want: Vec<f64> = want.into_iter().collect();
    let got: Vec<f64> = got.detach().to_dtype(DType::F64).to_vec();
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.into_iter().zip(want).enumerate() {
        assert!((g - w).abs() <= epsilon * w.abs() + tiny, "{what} at {i}: {g} for {w}");
    }
}

#[test]
fn two_classes_are_right_at_any_logit() {
    let n = LOGITS.len();
    for dtype in [DType::F32, DType::F64] {
        for (class, sign) in [(0_i64, 1.0), (1, -1.0)] {
            let options = || CrossEntropyOptions { reduction: Reduction::Sum, ..Default::default() };
            let none = || CrossEntropyOptions { reduction: Reduction::None, ..Default::default() };
            // Of the logits (x, 0) the loss of class 0 is ln(1 + exp −x).
            let losses = LOGITS.map(|x| softplus(-sign * x));
            let slopes = LOGITS.map(|x| -sign * sigmoid(-sign * x));
            let rows = || leaf(LOGITS.iter().flat_map(|&x| [x, 0.0]), &[n, 2], dtype);
            let classes = Tensor::from_vec(vec![class; n], [n]);
            let first = |x: &Tensor| x.grad().unwrap().narrow(1, 0, 1);

            let x = rows();
            close("cross_entropy", &x.cross_entropy(&classes, none()), losses);
            x.cross_entropy(&classes, options()).backward();
            close("cross_entropy's gradient", &first(&x), slopes);

            let x = rows();
            let hot = classes.unsqueeze(1).eq(tensor![0, 1]).to_dtype(dtype);
            close("cross_entropy of probabilities", &x.cross_entropy(&hot, none()), losses);
            x.cross_entropy(&hot, options()).backward();
            close("its gradient", &first(&x), slopes);

            let x = rows();
            let nll = |reduction| {
                x.log_softmax(1).nll_loss(&classes, NllLossOptions { reduction, ..Default::default() })
            };
            close("nll_loss", &nll(Reduction::None), losses);
            nll(Reduction::Sum).backward();
            close("nll_loss's gradient", &first(&x), slopes);

            let x = rows();
            close("kl_div", &x.log_softmax(1).kl_div(&hot, false, Reduction::None).sum_dim(1, false), losses);
            x.log_softmax(1).kl_div(&hot, false, Reduction::Sum).backward();
            close("kl_div's gradient", &first(&x), slopes);

            let x = leaf(LOGITS, &[n], dtype);
            let target = Tensor::from_vec(vec![sign; n], [n]).to_dtype(dtype);
            close("soft_margin_loss", &x.soft_margin_loss(&target, Reduction::None), losses);
            x.soft_margin_loss(&target, Reduction::Sum).backward();
            close("soft_margin_loss's gradient", &x.grad().unwrap(), slopes);

            for pos_weight in [None, Some(Tensor::ones([1]).to_dtype(dtype))] {
                let x = leaf(LOGITS, &[n], dtype);
                let target = Tensor::from_vec(vec![1.0 - class as f64; n], [n]).to_dtype(dtype);
                let with = |reduction| {
                    let options = BinaryCrossEntropyWithLogitsOptions {
                        pos_weight: pos_weight.clone(),
                        reduction,
                        ..Default::default()
                    };
                    x.binary_cross_entropy_with_logits(&target, options)
                };
                close("with_logits", &with(Reduction::None), losses);
                with(Reduction::Sum).backward();
                close("with_logits' gradient", &x.grad().unwrap(), slopes);
            }
        }
    }
}

#[test]
fn certainty_that_is_wrong_costs_100_and_has_a_finite_gradient() {
    let x = tensor![0.0, 1.0, 0.0, 1.0].requires_grad_();
    let target = tensor![1.0, 0.0, 0.0, 1.0];
    let none = BinaryCrossEntropyOptions { reduction: Reduction::None, ..Default::default() };
    let losses = x.binary_cross_entropy(&target, none);
    assert_eq!(losses.to_vec::<f32>(), [100.0, 100.0, 0.0, 0.0]);
    losses.sum().backward();
    assert!(x.grad().unwrap().to_vec::<f32>().iter().all(|g| g.is_finite()));
}

#[test]
fn reductions_agree_with_the_losses_that_they_reduce() {
    let shape = [70, 1201];
    let (x, target) = (Tensor::randn(shape), Tensor::randn(shape));
    let near = |what: &str, a: &Tensor, b: &Tensor| {
        let (a, b) = (a.item::<f32>(), b.item::<f32>());
        assert!((a - b).abs() <= 1e-5 * b.abs(), "{what}: {a} for {b}");
    };
    // Not contiguous, and shared along a dimension.
    for (x, target) in
        [(x.clone(), target.clone()), (x.t(), target.t()), (x.clone(), target.narrow(0, 3, 1).expand(shape))]
    {
        let each = x.mse_loss(&target, Reduction::None);
        near("sum", &x.mse_loss(&target, Reduction::Sum), &each.sum());
        near("mean", &x.mse_loss(&target, Reduction::Mean), &each.mean());
        near("batch mean", &x.mse_loss(&target, Reduction::BatchMean), &(each.sum() / x.size(0)));
    }
    let gradient = |reduction: Reduction| {
        let x = x.copy().requires_grad_();
        let loss = x.mse_loss(&target, reduction);
        if reduction == Reduction::None { loss.sum() } else { loss }.backward();
        x.grad().unwrap().to_vec::<f32>()
    };
    assert_eq!(gradient(Reduction::Sum), gradient(Reduction::None));
}

#[test]
fn shapes_that_pytorch_would_broadcast_are_refused_with_a_way_out() {
    let (x, target) = (Tensor::zeros([3, 1]), Tensor::zeros([3]));
    let losses: [fn(&Tensor, &Tensor) -> Tensor; 5] = [
        |x, t| x.mse_loss(t, Reduction::Mean),
        |x, t| x.l1_loss(t, Reduction::Mean),
        |x, t| x.smooth_l1_loss(t, 1.0, Reduction::Mean),
        |x, t| x.huber_loss(t, 1.0, Reduction::Mean),
        |x, t| x.binary_cross_entropy_with_logits(t, Default::default()),
    ];
    for loss in losses {
        let error = try_call(|| loss(&x, &target)).unwrap_err().to_string();
        assert!(error.contains("[3, 1] with target [3]") && error.contains("broadcast_to"), "{error}");
        // As the message says.
        assert_eq!(loss(&x.broadcast_to([3, 3]), &target.broadcast_to([3, 3])).shape(), [0; 0]);
    }
}

#[test]
fn mistakes_are_named() {
    let x = Tensor::zeros([2, 3]);
    let fails = |what: &str, f: &dyn Fn() -> Tensor| {
        let error = try_call(f).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let options = CrossEntropyOptions::default;
    fails("target 3 is not a class", &|| x.cross_entropy(&tensor![0, 3], options()));
    fails("for 3 classes", &|| {
        x.cross_entropy(&tensor![0, 1], CrossEntropyOptions { weight: Some(Tensor::ones([2])), ..options() })
    });
    fails("label_smoothing 1.5", &|| {
        x.cross_entropy(&tensor![0, 1], CrossEntropyOptions { label_smoothing: 1.5, ..options() })
    });
    fails("beside probabilities", &|| {
        x.cross_entropy(&x, CrossEntropyOptions { ignore_index: 1, ..options() })
    });
    fails("an input of 2", &|| {
        tensor![0.5, 2.0].binary_cross_entropy(&tensor![0.0, 1.0], Default::default())
    });
    fails("variance is negative", &|| {
        let one = tensor![1.0];
        one.gaussian_nll_loss(&one, &tensor![-1.0], Default::default())
    });
    fails("pos_weight [2] does not broadcast", &|| {
        let options =
            BinaryCrossEntropyWithLogitsOptions { pos_weight: Some(Tensor::ones([2])), ..Default::default() };
        x.binary_cross_entropy_with_logits(&x, options)
    });
}
