//! PyTorch's meaning of backward, grad, no_grad and detach, and an engine that never recurses.

use flambeau_tensor::autograd::{self, BackwardOptions};
use flambeau_tensor::{DType, Tensor, enable_grad, memory_stats, no_grad, set_num_threads, tensor};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of the panic that `f` must end with.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("a panic");
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

fn retain() -> BackwardOptions {
    BackwardOptions { retain_graph: true, ..Default::default() }
}

#[test]
fn gradients_accumulate_until_they_are_zeroed() {
    let x = tensor![2.0, 3.0].requires_grad_();
    assert!(x.grad().is_none());
    for times in 1..=3 {
        (&x * &x).sum().backward();
        assert_eq!(x.grad().unwrap().to_vec::<f32>(), [4.0 * times as f32, 6.0 * times as f32]);
    }
    x.zero_grad();
    assert!(x.grad().is_none());
}

#[test]
fn a_tensor_used_twice_gets_both_gradients() {
    let x = tensor![2.0].requires_grad_();
    let y = &x * 3.0;
    (&y * &y + &y).sum().backward();
    assert_eq!(x.grad().unwrap().item::<f32>(), 2.0 * 6.0 * 3.0 + 3.0);
}

#[test]
fn a_graph_is_freed_by_backward_unless_retained() {
    let x = tensor![2.0].requires_grad_();
    let y = (&x * &x).sum();
    y.backward_with(retain());
    y.backward();
    assert_eq!(x.grad().unwrap().item::<f32>(), 8.0);
    let text = message(|| y.backward());
    assert!(text.contains("retain_graph") && text.contains("freed"), "{text}");
}

#[test]
fn no_grad_and_detach_cut_the_graph() {
    let x = tensor![2.0].requires_grad_();
    let (a, b) = no_grad(|| (&x * 2.0, enable_grad(|| &x * 2.0)));
    assert!(!a.requires_grad() && b.requires_grad());
    let y = &x * x.detach();
    y.sum().backward();
    assert_eq!(x.grad().unwrap().item::<f32>(), 2.0);
    assert!(x.detach().is_leaf() && !x.detach().requires_grad());
    // no_grad ends with a panic too.
    let _ = catch_unwind(|| no_grad(|| panic!("inside")));
    assert!((&x * 2.0).requires_grad());
}

#[test]
fn integer_and_bool_results_have_no_history() {
    let x = tensor![2.0, 1.0].requires_grad_();
    assert!(!x.gt(1.5).requires_grad());
    assert!(!x.argmax(0, false).requires_grad());
    assert!(!x.to_dtype(DType::I64).requires_grad());
    let (values, positions) = x.max_dim(0, false);
    assert!(values.requires_grad() && !positions.requires_grad());
}

#[test]
fn gradients_of_both_leaves_of_a_sum_do_not_share_memory() {
    let (a, b) = (tensor![1.0].requires_grad_(), tensor![1.0].requires_grad_());
    (&a + &b).sum().backward();
    a.grad().unwrap().fill_(7.0);
    assert_eq!(b.grad().unwrap().item::<f32>(), 1.0);
}

#[test]
fn broadcast_operands_get_gradients_of_their_own_shape_and_dtype() {
    let a = Tensor::ones([2, 3]).requires_grad_();
    let b = Tensor::ones([3, 1, 1]).to_dtype(DType::F64).requires_grad_();
    (&a * &b).sum().backward();
    assert_eq!((a.grad().unwrap().shape(), a.grad().unwrap().dtype()), (&[2, 3][..], DType::F32));
    assert_eq!((b.grad().unwrap().shape(), b.grad().unwrap().dtype()), (&[3, 1, 1][..], DType::F64));
    assert_eq!(b.grad().unwrap().to_vec::<f64>(), [6.0; 3]);
}

#[test]
fn backward_refuses_what_pytorch_refuses() {
    assert!(message(|| tensor![1.0].backward()).contains("requires_grad_"));
    let x = tensor![1.0, 2.0].requires_grad_();
    assert!(message(|| (&x * 2.0).backward()).contains("[2]"));
    let wrong = BackwardOptions { gradient: Some(tensor![1.0]), ..Default::default() };
    assert!(message(|| (&x * 2.0).backward_with(wrong)).contains("[1]"));
    assert!(message(|| tensor![1, 2].requires_grad_()).contains("torch.int64"));
    let y = &x * 2.0;
    assert!(message(|| y.set_requires_grad(false)).contains("detach"));
}

#[test]
fn a_saved_value_that_is_overwritten_is_an_error_that_names_it() {
    let x = tensor![1.0, 2.0].requires_grad_();
    let y = &x * 1.0;
    let z = (&y * &y).sum();
    no_grad(|| y.fill_(5.0));
    let text = message(|| z.backward());
    assert!(text.contains("mul") && text.contains("version 1, expected 0") && text.contains("[2]"), "{text}");
    // What was not saved may change.
    let w = tensor![1.0, 2.0].requires_grad_();
    let sum = (&w + 1.0).sum();
    no_grad(|| w.fill_(3.0));
    sum.backward();
    assert_eq!(w.grad().unwrap().to_vec::<f32>(), [1.0, 1.0]);
}

#[test]
fn grad_gives_gradients_without_touching_leaves() {
    let (x, w) = (tensor![2.0].requires_grad_(), tensor![5.0].requires_grad_());
    let h = &x * &w;
    let y = (&h * &h).sum();
    let unused = tensor![1.0].requires_grad_();
    let g = autograd::grad(&[&y], &[&h, &x, &unused], &retain()).unwrap();
    assert_eq!(g[0].as_ref().unwrap().item::<f32>(), 20.0);
    assert_eq!(g[1].as_ref().unwrap().item::<f32>(), 100.0);
    assert!(g[2].is_none() && x.grad().is_none() && w.grad().is_none());
    assert!(autograd::grad(&[&y], &[&tensor![1.0]], &retain()).is_err());
}

#[test]
fn third_derivatives() {
    let x = tensor![2.0].requires_grad_();
    let mut y = (&x * &x * &x * &x).sum();
    let options = BackwardOptions { create_graph: true, ..Default::default() };
    for expected in [32.0, 48.0, 48.0] {
        y = autograd::grad(&[&y], &[&x], &options).unwrap().remove(0).unwrap().sum();
        assert_eq!(y.item::<f32>(), expected);
    }
}

#[test]
fn a_chain_of_a_million_ops_neither_walks_nor_drops_recursively() {
    // A small stack, so that recursion of even some thousand levels would overflow it.
    let run = || {
        let x = tensor![1.0].requires_grad_();
        let chain = |n| (0..n).fold(x.clone(), |y, _| y + 0.5);
        let y = chain(1_000_000);
        y.backward();
        assert_eq!(x.grad().unwrap().item::<f32>(), 1.0);
        drop(y);
        // Saved tensors hold nodes too.
        let y = (0..1_000_000).fold(x.clone(), |y, _| y * &x);
        drop(y);
        // And a graph that was never walked.
        drop(chain(1_000_000));
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn graphs_can_be_built_walked_and_dropped_on_different_threads() {
    set_num_threads(2);
    let w = Tensor::ones([64, 64]).requires_grad_();
    std::thread::scope(|s| {
        for _ in 0..4 {
            let w = &w;
            s.spawn(move || {
                for _ in 0..25 {
                    w.matmul(w).relu().sum().backward();
                }
            });
        }
    });
    assert_eq!(w.grad().unwrap().to_vec::<f32>()[0], 100.0 * 128.0);
}

#[test]
fn steps_leave_no_tensors_behind() {
    std::thread::spawn(|| {
        let w = Tensor::randn([8, 8]).requires_grad_();
        let step = || {
            w.zero_grad();
            let h = w.matmul(&w).tanh();
            (&h * &h).softmax(1).log().mean().backward();
        };
        step();
        let before = memory_stats();
        (0..200).for_each(|_| step());
        // Other tests run beside this one and allocate too: only a leak adds one tensor a step.
        assert!(memory_stats().live - before.live < 150, "{before:?} {:?}", memory_stats());
    })
    .join()
    .unwrap();
}

#[test]
fn hooks_see_and_replace_gradients() {
    use std::sync::{Arc, Mutex};
    let x = tensor![1.0, 2.0].requires_grad_();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let on_leaf = x.register_hook(move |g| {
        log.lock().unwrap().push(g.to_vec::<f32>());
        Some(g * 2.0)
    });
    // Two paths to the leaf: the hook sees their sum, once.
    (&x * 3.0 + &x).sum().backward();
    assert_eq!(*seen.lock().unwrap(), [[4.0, 4.0]]);
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [8.0, 8.0]);
    let g = autograd::grad(&[&(&x * 1.0).sum()], &[&x], &BackwardOptions::default()).unwrap();
    assert_eq!(g[0].as_ref().unwrap().to_vec::<f32>(), [2.0, 2.0]);
    on_leaf.remove();
    x.zero_grad();
    let y = &x * 3.0;
    y.register_hook(|g| Some(g + 1.0));
    let only_look = y.register_hook(|_| None);
    (&y * 2.0).sum().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), [9.0, 9.0]);
    only_look.remove();
}

#[test]
fn anomaly_mode_names_the_op_and_the_line() {
    let x = tensor![0.0, 1.0].requires_grad_();
    let check = |f: &dyn Fn() -> Tensor| {
        let run = || autograd::detect_anomaly(|| f().sum().backward());
        flambeau_tensor::try_call(run).unwrap_err().to_string()
    };
    let text = check(&|| x.log());
    assert!(text.starts_with("log: anomaly: the result is not finite"), "{text}");
    let line = line!() + 1;
    let text = check(&|| (&x * 2.0).sqrt());
    assert!(text.contains("the gradient of sqrt is not finite"), "{text}");
    assert!(text.contains(&format!("autograd.rs:{line}")), "{text}");
    // Infinities that were there before are nobody's fault.
    let masked = tensor![0.0, f32::NEG_INFINITY];
    autograd::detect_anomaly(|| masked.softmax(0));
    assert!(!autograd::is_anomaly_enabled());
}

#[test]
fn checkpoints_give_the_same_gradients_and_draw_the_same_numbers() {
    let w = Tensor::randn([4, 4]).requires_grad_();
    let x = Tensor::randn([2, 4]).requires_grad_();
    let block = |x: &Tensor, w: &Tensor| x.matmul(w).tanh().dropout(0.5, true);
    let run = |checkpointed: bool| {
        flambeau_tensor::manual_seed(5);
        [&x, &w].into_iter().for_each(Tensor::zero_grad);
        let inner = w.clone();
        let y = match checkpointed {
            true => autograd::checkpoint(move |x| block(&x[0], &inner), &[&x]),
            false => block(&x, &w),
        };
        let after = Tensor::rand([3]);
        (&y * &y).sum().backward();
        [y, x.grad().unwrap(), w.grad().unwrap(), after].map(|t| t.to_vec::<f32>())
    };
    assert_eq!(run(true), run(false));
    // Parameters alone may require gradients.
    w.zero_grad();
    let inner = w.clone();
    autograd::checkpoint(move |x| x[0].matmul(&inner), &[&x.detach()]).sum().backward();
    assert!(w.grad().is_some());
}

#[test]
fn jacobians_and_hessians() {
    let x = tensor![[1.0, 2.0], [3.0, 4.0]];
    let j = autograd::jacobian(|x| x.sum_dim(0, false), &x).unwrap();
    assert_eq!(
        (j.shape(), j.to_vec::<f32>()),
        (&[2, 2, 2][..], vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0])
    );
    let h = autograd::hessian(|x| (x * 3.0).sum(), &x).unwrap();
    assert_eq!((h.shape(), h.to_vec::<f32>()), (&[2, 2, 2, 2][..], vec![0.0; 16]));
}

/// A node must be walked after all that use it, whichever thread made which.
#[test]
fn a_graph_that_two_threads_build_in_turn_is_walked_in_order() {
    let x = tensor![3.0].requires_grad_();
    let elsewhere =
        |f: &(dyn Fn() -> Tensor + Sync)| std::thread::scope(|scope| scope.spawn(f).join()).unwrap();
    let a = &x * 2.0;
    let b = elsewhere(&|| &a * &a);
    let c = &b * &a + &b;
    let d = elsewhere(&|| &c * &b + &a);
    (&d * &c + &b).sum().backward();
    // a = 2x, b = 4x², c = 8x³ + 4x², d = 32x⁵ + 16x⁴ + 2x
    let [c, d] = [8.0 * 27.0 + 36.0, 32.0 * 243.0 + 16.0 * 81.0 + 6.0];
    let [dc, dd] = [24.0 * 9.0 + 24.0, 160.0 * 81.0 + 64.0 * 27.0 + 2.0];
    assert_eq!(x.grad().unwrap().item::<f32>(), dd * c + d * dc + 24.0);
}

#[test]
fn any_number_of_nodes_waits_in_any_order() {
    for n in [2, 7, 8, 9, 10, 100] {
        let x = Tensor::arange(0.0f64, n as f64, 1.0).requires_grad_();
        let squares: Vec<Tensor> = (0..n).map(|i| x.i(i as isize).square()).collect();
        // In the order of multiples of 37, n being no multiple of it: each of them twice, with other weights.
        let order = |i: usize| i * 37 % n;
        let picked: Vec<Tensor> = (0..2 * n).map(|i| squares[order(i)].copy()).collect();
        let weights = Tensor::arange(0.0f64, 2.0 * n as f64, 1.0);
        (Tensor::stack(&picked, 0) * weights).sum().backward();
        let got = x.grad().unwrap().to_vec::<f64>();
        for i in 0..n {
            let weight = (i + i + n) as f64;
            assert_eq!(got[order(i)], 2.0 * order(i) as f64 * weight, "{n} {i}");
        }
    }
}
