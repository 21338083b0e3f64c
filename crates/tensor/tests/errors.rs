//! Wrong calls: the message names the op, the values and the fix, at the caller's line; and the fallible doors give
//! it as an error instead of panicking.

use flambeau_tensor::autograd::{self, BackwardOptions, Context, Gradients};
use flambeau_tensor::ops::{compare::Compare, index_select::IndexSelect, matmul::Matmul, to_dtype::ToDtype};
use flambeau_tensor::{
    DType, Fresh, Layout, Mask, Op, Output, Result, Saves, Tensor, tensor, try_apply, try_call,
};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

/// A call that must fail.
type Wrong = Box<dyn Fn() -> Tensor>;

/// The error of a call that must fail, through the fallible door.
fn error<R>(f: impl FnOnce() -> R) -> String {
    try_call(f).err().expect("an error").to_string()
}

#[test]
fn wrong_calls_name_the_op_the_values_and_the_fix() {
    let x = || Tensor::zeros([2, 3]);
    let huge = || Tensor::zeros([1, 1]).expand([1usize << 50, 4]);
    let calls: Vec<(&str, Wrong)> = vec![
        (
            "add: shapes [[2, 3], [2, 4]] do not broadcast: sizes 3 and 4 of dimension -1 differ",
            Box::new(move || x() + Tensor::zeros([2, 4])),
        ),
        (
            "matmul: shapes [2, 3] and [2, 3]: 3 columns cannot be multiplied with 2 rows; transpose",
            Box::new(move || x().matmul(&x())),
        ),
        (
            "matmul: shapes [2, 2] and [2, 2]: torch.int64 times torch.float32",
            Box::new(|| tensor![[1, 2], [3, 4]].matmul(&tensor![[1.0, 2.0], [3.0, 4.0]])),
        ),
        (
            "linear: input [2, 3] with weight [5, 4]",
            Box::new(move || x().linear(&Tensor::zeros([5, 4]), None)),
        ),
        (
            "sum: dimension 2 is out of range; a tensor of 2 dimensions takes -2 to 1",
            Box::new(move || x().sum_dim(2, false)),
        ),
        ("sum: dimension -2 appears twice in [0, -2]", Box::new(move || x().sum_dim([0, -2], false))),
        ("mean: of a tensor of torch.int64; convert it", Box::new(|| tensor![1, 2].mean())),
        (
            "amax: of no elements (shape [0, 2]) is undefined",
            Box::new(|| Tensor::zeros([0, 2]).amax(0, false)),
        ),
        (
            "reshape: shape [2, 3] does not become [4, 2]: 6 elements do not fill it",
            Box::new(move || x().reshape([4, 2])),
        ),
        ("reshape: shape [2, 3] does not become [-1, -1]", Box::new(move || x().reshape([-1, -1]))),
        ("reshape: shape [2, 3] does not become", Box::new(move || x().reshape([usize::MAX]))),
        (
            "view: shape [3, 2] with strides [1, 3] cannot be seen as [6] without a copy; use reshape",
            Box::new(move || x().t().view_as_shape([6])),
        ),
        ("flatten: dimension 1 comes after 0 in shape [2, 3]", Box::new(move || x().flatten(1, 0))),
        (
            "permute: [0] does not name each of the 2 dimensions of shape [2, 3] once",
            Box::new(move || x().permute([0])),
        ),
        (
            "t: a tensor of shape [1, 2, 3] is no matrix; use transpose",
            Box::new(|| Tensor::zeros([1, 2, 3]).t()),
        ),
        (
            "expand: shape [2, 3] does not expand to [4, 3]; only dimensions of size 1 repeat",
            Box::new(move || x().expand([4, 3])),
        ),
        (
            "narrow: positions 2 to 2 + 5 of dimension 1, whose size is 3 (shape [2, 3])",
            Box::new(move || x().narrow(1, 2, 5)),
        ),
        ("narrow: dimension 5 is out of range", Box::new(move || x().narrow(5, 0, 1))),
        ("select: position 3 of dimension 1, whose size is 3", Box::new(move || x().select(1, 3))),
        ("i: 3 indices for a tensor of 2 dimensions (shape [2, 3])", Box::new(move || x().i((0, 0, 0)))),
        (
            "index_select: index 7 is outside of a dimension of size 2",
            Box::new(move || x().index_select(0, &tensor![0, 7])),
        ),
        ("index_select: the index is torch.float32", Box::new(move || x().index_select(0, &tensor![0.0]))),
        (
            "index_select: 2 indices into dimension 0 of a tensor of shape []",
            Box::new(|| Tensor::scalar(1f32).index_select(0, &tensor![0, 0])),
        ),
        ("index_select: clone: no memory", Box::new(move || huge().index_select(0, &tensor![0]))),
        (
            "cat: shapes [[2, 3], [3, 3]] differ in more than dimension 1",
            Box::new(move || Tensor::cat(&[x(), Tensor::zeros([3, 3])], 1)),
        ),
        ("cat: the list of tensors is empty", Box::new(|| Tensor::cat(&[], 0))),
        (
            "cat: 0-d tensors have no dimension to join along; stack makes one",
            Box::new(|| Tensor::cat(&[Tensor::scalar(1f32)], 0)),
        ),
        (
            "stack: shapes [2, 3] and [3, 3] differ",
            Box::new(move || Tensor::stack(&[x(), Tensor::zeros([3, 3])], 0)),
        ),
        (
            "where: the condition is torch.float32, not bool",
            Box::new(move || Tensor::where_(&x(), &x(), &x())),
        ),
        ("dropout: p is a probability from 0 to 1, not 1.5", Box::new(move || x().dropout(1.5, true))),
        ("softmax: of a tensor of torch.int64", Box::new(|| tensor![1, 2].softmax(0))),
        (
            "cross_entropy: input [2, 3] with targets [2]: target 3 is not a class; there are 3",
            Box::new(move || x().cross_entropy(&tensor![0, 3], Default::default())),
        ),
        (
            "cross_entropy: input [2, 3] with targets [3]",
            Box::new(move || x().cross_entropy(&tensor![0, 1, 2], Default::default())),
        ),
        (
            "cross_entropy: input [0, 3, 4] with targets []",
            Box::new(|| Tensor::zeros([0, 3, 4]).cross_entropy(&Tensor::scalar(1i64), Default::default())),
        ),
        (
            "from_vec: 3 elements do not fill shape [2, 2], which has 4",
            Box::new(|| Tensor::from_vec(vec![1f32; 3], [2, 2])),
        ),
        ("arange: no steps of 0 lead from 0 to 5", Box::new(|| Tensor::arange(0i64, 5, 0))),
        ("sub: two bool tensors cannot be subtracted", Box::new(|| tensor![true] - tensor![false])),
        ("scalar: 256 does not fit torch.uint8", Box::new(|| Tensor::from_vec(vec![1u8], [1]).eq(256))),
        (
            "empty: no memory for a tensor of shape [1099511627776, 1099511627776]",
            Box::new(|| Tensor::rand([1usize << 40, 1 << 40])),
        ),
        (
            "copy_: the elements of an expanded tensor share memory",
            Box::new(|| Tensor::zeros([1]).expand([3]).copy_(&tensor![1.0, 2.0, 3.0])),
        ),
        (
            "expand: shape [3] does not expand to [2]",
            Box::new(|| tensor![1.0, 2.0].copy_(&tensor![1.0, 2.0, 3.0])),
        ),
        ("uniform_: the range [1, 0) is empty", Box::new(|| tensor![0.0].uniform_(1.0, 0.0))),
    ];
    assert!(calls.len() >= 40);
    for (message, call) in calls {
        let got = error(call);
        assert!(got.starts_with(message), "expected: {message}\n     got: {got}");
    }
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
