//! Writes in place: values, gradients and version checks, as in PyTorch.

use flambeau_tensor::autograd::BackwardOptions;
use flambeau_tensor::{DType, Tensor, no_grad, set_num_threads, tensor, try_call};

fn error<R>(f: impl FnOnce() -> R) -> String {
    try_call(f).err().expect("an error").to_string()
}

fn grad(x: &Tensor) -> Vec<f32> {
    x.grad().expect("a gradient").to_vec()
}

#[test]
fn methods_write_into_the_same_memory_and_return_the_same_tensor() {
    let x = tensor![1.0, -4.0, 9.0];
    let view = x.i(1..);
    assert!(x.add_(1.0).is_same(&x));
    assert_eq!(view.to_vec::<f32>(), [-3.0, 10.0]);
    x.mul_(tensor![2.0]).sub_(1.0).div_(2.0).neg_().abs_();
    assert_eq!(x.to_vec::<f32>(), [1.5, 3.5, 9.5]);
    x.pow_(2.0).sqrt_().relu_().exp_().log_().reciprocal_().sigmoid_().tanh_();
    assert!(x.to_vec::<f32>().iter().all(|v| v.is_finite()));
    x.zero_();
    assert_eq!(view.to_vec::<f32>(), [0.0, 0.0]);
}

#[test]
fn a_leaf_that_requires_a_gradient_is_protected() {
    let x = tensor![1.0, 2.0].requires_grad_();
    for message in
        [error(|| x.fill_(1.0)), error(|| x.add_(1.0)), error(|| x.i(0).add_(1.0)), error(|| x.set_i(0, 1.0))]
    {
        assert!(message.contains("no_grad"), "{message}");
    }
    assert_eq!(x.to_vec::<f32>(), [1.0, 2.0], "nothing was written before the error");
    no_grad(|| x.add_(1.0));
    assert_eq!(x.to_vec::<f32>(), [2.0, 3.0]);
    assert!(x.is_leaf() && x.requires_grad());
}

#[test]
fn gradients_flow_through_writes() {
    // y = (2x)·3 + 1, written step by step into one memory.
    let x = tensor![1.0, 2.0].requires_grad_();
    let y = &x * 2.0;
    y.mul_(3.0).add_(1.0);
    assert_eq!(y.to_vec::<f32>(), [7.0, 13.0]);
    (&y * &y).sum().backward();
    assert_eq!(grad(&x), [2.0 * 7.0 * 6.0, 2.0 * 13.0 * 6.0]);
    // The old value is what the derivative is taken at.
    let x = tensor![0.5].requires_grad_();
    let y = &x * 1.0;
    y.pow_(3.0);
    y.sum().backward();
    assert_eq!(grad(&x), [0.75]);
}

#[test]
fn a_tensor_without_history_gets_one_by_a_write() {
    let w = tensor![3.0].requires_grad_();
    let sum = Tensor::zeros([1]);
    for i in 0..3 {
        sum.add_(&w * i as f64);
    }
    assert!(sum.requires_grad() && !sum.is_leaf());
    sum.sum().backward();
    assert_eq!(grad(&w), [3.0]);
    let copied = Tensor::zeros([2, 1]);
    w.zero_grad();
    copied.copy_(&w);
    (copied * 2.0).sum().backward();
    assert_eq!(grad(&w), [4.0]);
}

#[test]
fn a_write_through_a_view_changes_the_base_s_history() {
    let (x, v) = (tensor![[1.0, 2.0], [3.0, 4.0]].requires_grad_(), tensor![10.0, 20.0].requires_grad_());
    let y = &x * 1.0;
    y.i((.., 1)).copy_(&v);
    assert_eq!(y.to_vec::<f32>(), [1.0, 10.0, 3.0, 20.0]);
    (&y * tensor![[1.0, 2.0], [3.0, 4.0]]).sum().backward();
    assert_eq!(grad(&x), [1.0, 0.0, 3.0, 0.0]);
    assert_eq!(grad(&v), [2.0, 4.0]);
}

#[test]
fn other_views_and_the_written_one_follow() {
    let x = tensor![1.0, 2.0, 3.0, 4.0].requires_grad_();
    let y = &x * 1.0;
    let (all, front) = (y.reshape([2, 2]), y.i(..2));
    front.mul_(5.0);
    // `all` was made before the write; its history is now that of what y has become.
    all.sum().backward_with(BackwardOptions { retain_graph: true, ..Default::default() });
    assert_eq!(grad(&x), [5.0, 5.0, 1.0, 1.0]);
    x.zero_grad();
    front.sum().backward();
    assert_eq!(grad(&x), [5.0, 5.0, 0.0, 0.0]);
    // A second write, through a view of the view.
    let y = &x * 1.0;
    let row = y.reshape([2, 2]).i(1);
    row.i(0).mul_(7.0);
    row.add_(1.0);
    x.zero_grad();
    y.sum().backward();
    assert_eq!(y.to_vec::<f32>(), [1.0, 2.0, 22.0, 5.0]);
    assert_eq!(grad(&x), [1.0, 1.0, 7.0, 1.0]);
}

#[test]
fn transposed_and_strided_views_can_be_written() {
    let x = Tensor::arange(0f32, 6.0, 1.0).reshape([2, 3]).requires_grad_();
    let y = &x * 1.0;
    y.t().i(0).mul_(10.0);
    y.slice(1, 1, 3, 2).zero_();
    assert_eq!(y.to_vec::<f32>(), [0.0, 0.0, 2.0, 30.0, 0.0, 5.0]);
    y.sum().backward();
    assert_eq!(grad(&x), [10.0, 0.0, 1.0, 10.0, 0.0, 1.0]);
}

#[test]
fn overwritten_values_that_are_needed_are_found() {
    let x = tensor![2.0].requires_grad_();
    let y = &x * 1.0;
    let z = &y * &y;
    y.add_(1.0);
    let message = error(|| z.sum().backward());
    assert!(message.contains("mul") && message.contains("version 1, expected 0"), "{message}");
    // What a write computes from the old value is kept for it.
    let y = &x * 1.0;
    y.mul_(tensor![3.0].requires_grad_());
    y.sum().backward();
    assert_eq!(grad(&x), [3.0]);
}

#[test]
fn results_that_do_not_fit_are_refused() {
    assert!(error(|| tensor![1.0].add_(Tensor::zeros([2]))).contains("[2]"));
    assert!(error(|| tensor![1, 2].div_(2.0)).contains("torch.float32"));
    assert!(error(|| tensor![true].add_(1)).contains("torch.int64"));
    assert!(error(|| Tensor::zeros([1]).expand([3]).add_(1.0)).contains("copy()"));
    let x = tensor![1.0];
    x.add_(tensor![1]);
    assert_eq!((x.item::<f32>(), x.dtype()), (2.0, DType::F32));
}

#[test]
fn indices_assign() {
    let x = Tensor::zeros([2, 3]);
    x.set_i((0, 1..), tensor![1.0, 2.0]).set_i((1, -1), 7);
    assert_eq!(x.to_vec::<f32>(), [0.0, 1.0, 2.0, 0.0, 0.0, 7.0]);
    assert!(
        error(|| x.set_i(0, tensor![1.0, 2.0])).starts_with("copy_: values of shape [2] do not broadcast")
    );
}

#[test]
fn second_derivatives_pass_through_writes() {
    let f = |x: &Tensor| {
        let y = x * 1.0;
        y.i(0).mul_(x.i(1));
        y.pow_(3.0);
        y.sum()
    };
    let h = flambeau_tensor::autograd::hessian(f, &Tensor::from_vec(vec![2.0f64, 3.0], [2])).unwrap();
    // f = (x₀x₁)³ + x₁³
    let (a, b) = (2.0f64, 3.0f64);
    let want = [6.0 * a * b.powi(3), 9.0 * a * a * b * b, 9.0 * a * a * b * b, 6.0 * a.powi(3) * b + 6.0 * b];
    assert_eq!(h.to_vec::<f64>(), want);
}

#[test]
fn a_dtype_is_changed_in_place() {
    let x = tensor![1.5, 2.5, -1.0];
    let (part, shared) = (x.narrow(0, 1, 2), x.detach());
    x.to_dtype_(DType::F64);
    assert_eq!(
        (x.dtype(), part.to_vec::<f64>(), shared.to_vec::<f64>()),
        (DType::F64, vec![2.5, -1.0], vec![1.5, 2.5, -1.0])
    );
    assert_eq!(shared.to_dtype_(DType::I64).to_vec::<i64>(), [1, 2, -1]);
    assert_eq!(x.to_vec::<i64>(), [1, 2, -1]);

    let message = |f: &dyn Fn() -> Tensor| try_call(f).unwrap_err().to_string();
    assert!(message(&|| part.to_dtype_(DType::F32)).contains("use to_dtype"));
    let w = tensor![1.0, 2.0].requires_grad_();
    assert!(message(&|| (&w * 2.0).to_dtype_(DType::F64)).contains("computed from others"));
    assert!(message(&|| w.to_dtype_(DType::Bool)).contains("set_requires_grad(false)"));
    // What a graph saved is not what it was.
    let y = (&w * &w).sum();
    w.to_dtype_(DType::F64);
    let error = y.try_backward(Default::default()).unwrap_err().to_string();
    assert!(error.contains("overwritten in place"), "{error}");
    // A graph that saved nothing goes on, and the gradient fits.
    w.to_dtype_(DType::F32);
    let y = w.sum();
    w.to_dtype_(DType::F64);
    y.backward();
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [1.0, 1.0]);
    let held = w.view::<f64>();
    assert!(message(&|| w.to_dtype_(DType::F32)).contains("read"));
    drop(held);
}

#[test]
fn operators_in_place_give_what_they_give_elsewhere() {
    type Write = fn(&Tensor, &Tensor) -> Tensor;
    let cases: [(Write, Write); 4] = [
        (|x, y| x.add_(y), |x, y| x + y),
        (|x, y| x.sub_(y), |x, y| x - y),
        (|x, y| x.mul_(y), |x, y| x * y),
        (|x, y| x.div_(y), |x, y| x / y),
    ];
    for (write, compute) in cases {
        let (x, y) = (Tensor::rand([40, 40]) + 1.0, Tensor::rand([40, 40]) + 1.0);
        let others: [fn(&Tensor, &Tensor) -> Tensor; 6] = [
            |_, y| y.clone(),
            |_, y| y.t(),
            |_, y| y.i(3),
            |_, y| y.to_dtype(DType::F64),
            // The memory that is written.
            |own, _| own.clone(),
            |own, _| own.t(),
        ];
        for other in others {
            let own = x.copy();
            let (other, version) = (other(&own, &y), own.version());
            let want = compute(&own, &other).to_dtype(DType::F32).to_vec::<f32>();
            assert!(write(&own, &other).is_same(&own) && own.version() > version);
            assert_eq!(own.to_vec::<f32>(), want);
        }
        // Part of a larger tensor, which sees it.
        let (whole, part) = (x.copy(), x.i(5..9) * 1.0);
        let want = compute(&part, &part.copy()).to_vec::<f32>();
        write(&whole.i(5..9), &part);
        assert_eq!(whole.i(5..9).to_vec::<f32>(), want);
        assert_eq!(whole.i(..5).to_vec::<f32>(), x.i(..5).to_vec::<f32>());
    }
}

/// Of no elements, of one, of several threads' pieces with a rest, and of more than the cache has room for.
#[test]
fn tensors_of_any_size_are_overwritten_by_any_number_of_threads() {
    for n in [0, 1, 200_003, 4_200_001] {
        let (x, y) = (Tensor::rand([n]) + 1.0, Tensor::rand([n]) + 1.0);
        for threads in [1, 3] {
            set_num_threads(threads);
            let check = |what: &str, got: &Tensor, want: &Tensor| {
                let [got, want] = [got, want].map(|x| x.to_dtype(DType::F64).to_vec::<f64>());
                assert!(got == want, "{what} of {n} elements, {threads} threads");
            };
            check("sub_", &x.copy().sub_(&y), &(&x - &y));
            check("div_", &x.copy().div_(2.5), &(&x / 2.5));
            check("a temporary", &(x.copy() - &y), &(&x - &y));
            check("beside a temporary", &(5.0 - x.copy()), &(5.0 - &x));
            check("neg_", &x.copy().neg_(), &x.neg());
            let (x, y) = (x.to_dtype(DType::F64), y.to_dtype(DType::F64));
            check("div_ in f64", &x.copy().div_(&y), &(&x / &y));
        }
    }
}

#[test]
fn formulas_in_place_give_what_they_give_elsewhere() {
    type Twin = (fn(&Tensor) -> Tensor, fn(&Tensor) -> Tensor);
    let twins: [Twin; 4] = [
        (|x| x.exp_(), |x| x.exp()),
        (|x| x.relu_(), |x| x.relu()),
        (|x| x.neg_(), |x| x.neg()),
        (|x| x.round_(), |x| x.round()),
    ];
    let numbers = |x: &Tensor| x.to_dtype(DType::F64).to_vec::<f64>();
    let x = Tensor::randn([40, 40]) * 3.0;
    for (write, compute) in twins {
        // The whole, rows and columns of it, another dtype.
        let parts: [fn(&Tensor) -> Tensor; 3] = [|x| x.clone(), |x| x.i(5..9), |x| x.t().i(7)];
        for part in parts {
            for dtype in [DType::F32, DType::F64] {
                let own = x.to_dtype(dtype).copy();
                let part = part(&own);
                let rest = || numbers(&own).iter().sum::<f64>() - numbers(&part).iter().sum::<f64>();
                let (version, want, others) = (own.version(), numbers(&compute(&part)), rest());
                assert!(write(&part).is_same(&part) && own.version() > version);
                assert_eq!(numbers(&part), want);
                assert!((rest() - others).abs() < 1e-6);
            }
        }
    }
    // What the graph needs is missed there too.
    let w = tensor![2.0].requires_grad_();
    let factor = tensor![3.0];
    let y = &w * &factor;
    factor.exp_();
    assert!(error(|| y.sum().backward()).contains("version 1, expected 0"));
}
