//! Errors: at the caller's line, and from the fallible doors instead of a panic. What they say is in `messages.rs`.

use flambeau_tensor::autograd::{self, BackwardOptions, Context, Gradients};
use flambeau_tensor::ops::{compare::Compare, index_select::IndexSelect, matmul::Matmul, to_dtype::ToDtype};
use flambeau_tensor::{
    DType, Fresh, Layout, Mask, Op, Output, Result, Saves, Tensor, tensor, try_apply, try_call,
};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

/// The error of a call that must fail, through the fallible door.
fn error<R>(f: impl FnOnce() -> R) -> String {
    try_call(f).err().expect("an error").to_string()
}

/// Panics are compared by their place: the hook is global, so one test at a time may set it.
static PLACE: Mutex<Option<(String, u32)>> = Mutex::new(None);

#[test]
fn a_panic_points_to_the_caller_and_the_fallible_door_is_silent() {
    let before = take_hook();
    set_hook(Box::new(|info| {
        *PLACE.lock().unwrap() = info.location().map(|l| (l.file().to_owned(), l.line()));
    }));
    let (a, b) = (Tensor::zeros([2, 3]), Tensor::zeros([4, 5]));
    let line = Location::caller().line() + 1;
    let calls: [fn(&Tensor, &Tensor) -> Tensor; 4] =
        [|a, b| a + b, |a, b| a.matmul(b), |a, _| a.reshape([7]), |a, _| a.i(5)];
    let places: Vec<_> = calls
        .iter()
        .map(|call| {
            assert!(catch_unwind(AssertUnwindSafe(|| call(&a, &b))).is_err());
            PLACE.lock().unwrap().take()
        })
        .collect();
    assert!(try_call(|| &a + &b).is_err());
    let silent = PLACE.lock().unwrap().is_none();
    set_hook(before);
    for place in places {
        let (file, at) = place.expect("a place");
        assert!(
            file.ends_with("errors.rs") && (line..line + 8).contains(&at),
            "{file}:{at}, not errors.rs:{line}"
        );
    }
    assert!(silent, "try_call must not call the panic hook");
}

#[test]
fn other_panics_pass_through_the_fallible_door() {
    let panic = catch_unwind(|| try_call(|| panic!("the user's own"))).unwrap_err();
    assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "the user's own");
}

#[test]
fn sizes_that_no_size_can_be_are_errors() {
    // Without elements any size is allowed, but not their product or sum.
    let x = Tensor::zeros([0]).reshape([3, isize::MAX, 0]);
    assert_eq!(x.flatten(1, 2).shape(), [3, 0]);
    assert!(error(|| x.flatten(0, 1)).contains("[3, 9223372036854775807, 0]"));
    assert_eq!(x.flip([0, 1]).shape(), x.shape());
    assert_eq!(x.index_select(0, &tensor![2, 2]).shape(), [2, isize::MAX as usize, 0]);
    assert!(error(|| Tensor::cat(&[x.clone(), x], 1)).contains("join fewer"));
    let x = Tensor::zeros([0]).reshape([5, isize::MAX, 0]);
    assert_eq!(x.diagonal(-3, 0, 1).shape(), [0, 2]);
    let y = Tensor::ones([1, 1]).expand([1isize << 40, 1 << 40]);
    assert!(error(|| y.reshape([-1])).contains("can be counted"));
}

#[test]
fn try_apply_never_panics() {
    let x = Tensor::zeros([2, 3]);
    assert!(try_apply(Matmul, &[&x]).is_err());
    assert!(try_apply(IndexSelect { dim: 7 }, &[&x, &tensor![0, 0]]).is_err());
    assert!(try_apply(IndexSelect { dim: 7 }, &[&x, &tensor![0]]).is_err());
    let huge = Tensor::zeros([1, 1]).expand([1usize << 50, 4]);
    for _ in 0..5 {
        assert!(try_apply(IndexSelect { dim: 0 }, &[&huge, &tensor![0]]).is_err());
        assert!(try_apply(ToDtype(DType::I64), &[&huge]).is_err());
    }
    let mut busy = None;
    x.modify(|_: &mut [f32]| busy = try_apply(Compare::Eq, &[&x, &x]).err());
    assert!(busy.unwrap().to_string().starts_with("eq: the tensor's memory is being written"));
}

/// An op of a user's, with whatever output and gradients a test wants.
struct Custom {
    output: fn(&[&Tensor]) -> Output,
    gradients: fn(&Context<'_>) -> Gradients,
}
impl Op for Custom {
    fn name(&self) -> &'static str {
        "custom"
    }
    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        1..=100
    }
    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok((self.output)(x))
    }
    fn cpu(&self, _: &[&Tensor], out: &mut [Fresh]) {
        out[0].slice::<f32>().fill(1.0);
    }
    fn saves(&self, needs: Mask) -> Saves {
        assert!(needs.has(0));
        Saves::OUTPUT
    }
    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        (self.gradients)(ctx)
    }
}

#[test]
fn a_user_s_op_that_misbehaves_gets_an_error_that_names_it() {
    let x = tensor![1.0, 2.0].requires_grad_();
    let run = |output, gradients, x: &[&Tensor]| {
        try_apply(Custom { output, gradients }, x).map(|mut y| y.remove(0))
    };
    let like: fn(&[&Tensor]) -> Output = |x| Output::like(x[0]);
    let outside: fn(&[&Tensor]) -> Output = |_| {
        Output::View(Layout {
            shape: [4, 1].into(),
            strides: [6148914691236517206usize, 1].into(),
            offset: 0,
        })
    };
    let message = run(outside, |_| Gradients::new(), &[&x]).unwrap_err().to_string();
    assert!(message.starts_with("custom: the view"), "{message}");

    let y = run(like, |_| Gradients::from_vec(vec![Some(Tensor::zeros([7]))]), &[&x]).unwrap();
    let message = y.sum().try_backward(Default::default()).unwrap_err().to_string();
    assert_eq!(message, "custom: its backward rule gave a gradient of shape [7] for an input of [2]");
    let y = run(like, |_| Gradients::new(), &[&x]).unwrap();
    let message = y.sum().try_backward(Default::default()).unwrap_err().to_string();
    assert_eq!(message, "custom: its backward rule gave 0 gradients for 1 inputs");

    // Many inputs are fine.
    let leaves: Vec<Tensor> = (0..80).map(|_| tensor![1.0].requires_grad_()).collect();
    let pass: fn(&Context<'_>) -> Gradients =
        |ctx| (0..ctx.input_count()).map(|_| Some(ctx.grad() * ctx.output())).collect();
    run(like, pass, &leaves.iter().collect::<Vec<_>>()).unwrap().backward();
    assert!(leaves.iter().all(|x| x.grad().unwrap().item::<f32>() == 1.0));
}

#[test]
fn an_error_in_a_backward_pass_leaves_gradients_and_names_as_they_were() {
    let x = tensor![1.0].requires_grad_();
    (&x * 2.0).sum().backward();
    let grad = x.grad().unwrap();
    grad.modify(|_: &mut [f32]| assert!(try_call(|| (&x * 2.0).sum().backward()).is_err()));
    assert_eq!(x.grad().unwrap().item::<f32>(), 2.0);
    // The op at fault is not remembered as the current one.
    let y = tensor![1.0];
    y.modify(|_: &mut [f32]| assert!(error(|| y.item::<f32>()).starts_with("tensor: ")));
}

#[test]
fn backward_accumulates_in_place_and_finds_an_input_twice() {
    let x = tensor![1.0].requires_grad_();
    (&x * 2.0).sum().backward();
    let held = x.grad().unwrap();
    (&x * 2.0).sum().backward();
    assert_eq!(held.item::<f32>(), 4.0);
    let y = (&x * 3.0).sum();
    let twice = autograd::grad(&[&y], &[&x, &x], &BackwardOptions::default()).unwrap();
    assert!(twice.iter().all(|g| g.as_ref().unwrap().item::<f32>() == 3.0));
    // Nodes that saved nothing can be walked again.
    let h = &x + 1.0;
    let (a, b) = (h.sum(), h.mean());
    a.backward();
    b.backward();
}

#[test]
fn a_graph_that_dies_with_its_thread_does_not_recurse() {
    thread_local! {
        static LAST: std::cell::RefCell<Option<Tensor>> = const { std::cell::RefCell::new(None) };
    }
    let run = || {
        let x = tensor![1.0].requires_grad_();
        LAST.with(|last| *last.borrow_mut() = Some((0..100_000).fold(x, |y, _| y + 0.5)));
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}
