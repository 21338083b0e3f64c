//! [`Op`], what every operation is, and [`apply`] and [`try_apply`], the one place that looks at the device and records.

use crate::autograd::{
    Context, GradFn, Gradients, Node, check_outputs, is_anomaly_enabled, is_grad_enabled, set_grad_enabled,
};
use crate::scoped::Scoped;
use crate::shape::{Layout, Shape};
use crate::{DType, Device, Element, Error, Result, Tensor};
use flambeau_kernels::{Shared, Storage};
use smallvec::SmallVec;
use std::cell::Cell;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A differentiable operation: a struct of its attributes.
///
/// The tensors among its operands are its inputs; everything else (a dimension, a probability) is a field. How to write
/// your own is in [`custom_ops`](crate::custom_ops).
pub trait Op: Send + Sync + 'static {
    /// PyTorch's name for it.
    fn name(&self) -> &'static str;

    /// How many inputs it takes. Default: one.
    fn arity(&self) -> RangeInclusive<usize> {
        1..=1
    }

    /// Checks the inputs and says what comes out. The only step that may fail. Their number has been checked.
    ///
    /// # Errors
    /// [`Error::Op`], with the shapes or dtypes and the likely fix.
    fn output(&self, x: &[&Tensor]) -> Result<Output>;

    /// Computes on the CPU. `out` holds one fresh, contiguous buffer with unspecified contents for each output.
    /// Not called when [`output`](Op::output) gives a view.
    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]);

    /// Which inputs, and whether the output, the backward rule reads. `needs` says which inputs need gradients.
    fn saves(&self, needs: Mask) -> Saves {
        let _ = needs;
        Saves::NONE
    }

    /// The inputs whose gradient is that of the (only) output as it is. Where no other needs one, it is handed on, and
    /// [`backward`](Op::backward) not called. Default: none.
    fn passes(&self) -> Mask {
        Mask::NONE
    }

    /// The gradients with respect to the inputs, written with tensor ops and so differentiable again. A gradient
    /// may have the shape of the broadcast operand and another float dtype: the engine sums and converts it.
    fn backward(&self, ctx: &Context<'_>) -> Gradients;
}

/// What an operation gives.
pub enum Output {
    /// A tensor of its own.
    New(Shape, DType),
    /// The memory of the first input, seen through another layout.
    View(Layout),
    /// Several tensors of their own.
    Many(Vec<(Shape, DType)>),
}

impl Output {
    /// As the input: the same shape and dtype.
    pub fn like(x: &Tensor) -> Output {
        Output::New(x.shape_ref().clone(), x.dtype())
    }
}

/// A buffer for one output, not shared with anybody yet.
pub struct Fresh {
    /// The only handle.
    storage: Shared<Storage>,
    layout: Shared<Layout>,
}

impl Fresh {
    /// A buffer for an output of this shape.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(op: &'static str, shape: &Shape, dtype: DType) -> Result<Fresh> {
        let layout = Layout::shared(shape);
        match Storage::try_shared(dtype, layout.shape.numel()) {
            Some(storage) => Ok(Fresh { storage, layout }),
            None => Err(no_memory(op, &layout.shape, dtype)),
        }
    }

    /// A buffer for an output of this tensor's shape and dtype; none where there is no memory for it.
    pub(crate) fn like(x: &Tensor) -> Option<Fresh> {
        let layout = if x.layout().offset == 0 && x.is_contiguous() {
            x.shared_layout()
        } else {
            Layout::shared(x.shape_ref())
        };
        Some(Fresh { storage: Storage::try_shared(x.dtype(), x.numel())?, layout })
    }

    #[inline]
    pub(crate) fn into_tensor(self) -> Tensor {
        Tensor::from_parts(self.storage, self.layout)
    }

    /// The output's elements in row-major order.
    ///
    /// # Panics
    /// If T is not the dtype that `output` gave: a bug in the op.
    pub fn slice<T: Element>(&mut self) -> &mut [T] {
        self.parts().1.as_mut_slice()
    }

    /// The output's shape.
    pub fn shape(&self) -> &Shape {
        &self.layout.shape
    }

    /// Shape and elements, both at once.
    pub(crate) fn parts(&mut self) -> (&Shape, &mut Storage) {
        let storage = Shared::get_mut(&mut self.storage);
        (&self.layout.shape, storage.unwrap_or_else(|| unreachable!("nobody else has seen it")))
    }
}

/// A set of input positions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mask(u64);

impl Mask {
    /// No input.
    pub const NONE: Mask = Mask(0);
    /// All inputs.
    pub const ALL: Mask = Mask(u64::MAX);

    pub(crate) fn new(inputs: impl Iterator<Item = bool>) -> Mask {
        Mask(inputs.take(64).enumerate().fold(0, |mask, (i, set)| mask | u64::from(set) << i))
    }

    pub(crate) fn from_bits(bits: u64) -> Mask {
        Mask(bits)
    }

    /// Whether input `i` is in the set; those from 64 on are said to be.
    pub fn has(self, i: usize) -> bool {
        i >= 64 || self.0 >> i & 1 == 1
    }
}

/// What a backward rule reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Saves {
    inputs: u64,
    output: bool,
}

impl Saves {
    /// Neither inputs nor output.
    pub const NONE: Saves = Saves { inputs: 0, output: false };
    /// The output.
    pub const OUTPUT: Saves = Saves { inputs: 0, output: true };

    /// All inputs, as far as they are among the first 64.
    pub const ALL_INPUTS: Saves = Saves { inputs: u64::MAX, output: false };

    /// These inputs, by positions below 64.
    pub const fn inputs<const N: usize>(positions: [usize; N]) -> Saves {
        Saves::NONE.input_if(true, positions)
    }

    /// These inputs as well, where the condition holds.
    pub const fn input_if<const N: usize>(mut self, condition: bool, positions: [usize; N]) -> Saves {
        let mut i = 0;
        while i < N && condition {
            self.inputs |= 1 << positions[i];
            i += 1;
        }
        self
    }

    pub(crate) fn is_none(self) -> bool {
        self == Saves::NONE
    }

    pub(crate) fn has_input(self, i: usize) -> bool {
        i < 64 && self.inputs >> i & 1 == 1
    }

    pub(crate) fn has_output(self) -> bool {
        self.output
    }
}

/// The outputs of an op, one for nearly all.
pub type Outputs = SmallVec<[Tensor; 1]>;

thread_local! {
    static CURRENT: Cell<&'static str> = const { Cell::new("tensor") };
}

/// The op that runs on this thread, for messages from inside it.
pub(crate) fn current() -> &'static str {
    CURRENT.get()
}

/// Makes an op the one that runs, until what this returns is dropped.
pub(crate) fn running(name: &'static str) -> impl Drop {
    Scoped::set(&CURRENT, name)
}

/// Raises an error: how mistakes in arithmetic are reported. Inside [`try_call`] it ends there, else it is a panic
/// with the error's message at the caller's line.
#[doc(hidden)]
#[track_caller]
pub fn raise(error: Error) -> ! {
    if CATCHING.get() {
        // Not a panic that anyone should see: the hook that prints them is not called.
        resume_unwind(Box::new(error));
    }
    panic!("{error}");
}

/// The value, or [`raise`].
#[track_caller]
pub(crate) fn unwrap<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => raise(error),
    }
}

/// Raises an error of the op named first unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $op:expr, $($message:tt)+) => {
        if $condition {
        } else {
            $crate::op::raise($crate::Error::op($op, format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

thread_local! {
    /// Whether this thread is inside [`try_call`].
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// The fallible door: runs any code with tensors in it, a user's model for instance, and gives the error of the
/// first operation that is called with shapes, dtypes or values that it does not take, instead of panicking.
///
/// It works by unwinding, so a program that is built with `panic = "abort"` ends all the same. Panics that are not
/// an operation's error pass through.
///
/// # Errors
/// [`Error::Op`] of the first operation that failed.
///
/// ```
/// use flambeau_tensor::{Tensor, try_call};
/// let model = |x: &Tensor| x.matmul(&Tensor::ones([3, 2])).softmax(1);
/// assert_eq!(try_call(|| model(&Tensor::ones([4, 3])))?.shape(), [4, 2]);
/// let error = try_call(|| model(&Tensor::ones([4, 5]))).unwrap_err();
/// assert!(error.to_string().starts_with("matmul: shapes [4, 5] and [3, 2]"));
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn try_call<R>(f: impl FnOnce() -> R) -> Result<R> {
    let catching = Scoped::set(&CATCHING, true);
    // An op that fails leaves nothing half-written: its output is dropped, and so is what held it.
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(catching);
    result.map_err(|panic| match panic.downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => resume_unwind(other),
    })
}

/// Runs one operation and records it, with the operation's own error instead of a panic. [`try_call`] does the same
/// for any code.
///
/// # Errors
/// Shapes, dtypes or a number of inputs that the operation does not take, and sizes that cannot be allocated.
///
/// ```
/// use flambeau_tensor::{ops::matmul::Matmul, tensor, try_apply};
/// let (a, b) = (tensor![[1.0, 2.0]], tensor![[1.0, 2.0]]);
/// let error = try_apply(Matmul, &[&a, &b]).unwrap_err();
/// assert!(error.to_string().contains("[1, 2]"));
/// ```
#[track_caller]
pub fn try_apply<O: Op>(op: O, x: &[&Tensor]) -> Result<Outputs> {
    let mut outputs = Outputs::new();
    run_recorded(op, x, &mut outputs)?;
    Ok(outputs)
}

/// Outputs are written where they stay: what was just written in parts and is moved as a whole keeps the processor waiting.
#[track_caller]
#[inline]
fn run_recorded<O: Op>(op: O, x: &[&Tensor], outputs: &mut Outputs) -> Result<()> {
    let name = op.name();
    run_caught(&op, x, outputs)?;
    if is_recorded(x) {
        record(Box::new(op), x, outputs);
    }
    if is_anomaly_enabled() {
        check_outputs(name, x, outputs)?;
    }
    Ok(())
}

/// Whether an operation on these is to be recorded.
#[inline]
fn is_recorded(x: &[&Tensor]) -> bool {
    is_grad_enabled() && x.iter().any(|x| x.requires_grad())
}

/// Gives outputs that nobody has seen yet their history.
#[track_caller]
fn record(op: Box<dyn Op>, x: &[&Tensor], outputs: &mut [Tensor]) {
    if !outputs.iter().any(|y| y.dtype().is_float()) {
        return;
    }
    let node = Node::shared(op, x.iter().map(|x| x.edge()), x, outputs);
    if let [y] = outputs {
        return y.set_first_history((GradFn::new(node), 0));
    }
    for (i, y) in (0..).zip(outputs).filter(|(_, y)| y.dtype().is_float()) {
        y.set_first_history((GradFn::new(node.clone()), i));
    }
}

/// The output of an operation on operands that are all alike (one float dtype and shape, row-major), with `compute` to
/// fill it: nothing to promote, to broadcast or to refuse, so that a small operation costs half of what [`apply`] takes.
/// None where they are not alike, or something is amiss that [`apply`] will tell.
#[track_caller]
pub(crate) fn apply_alike<O: Op>(op: O, x: &[&Tensor]) -> Option<Tensor> {
    let mut out = alike(x)?;
    {
        let _current = Scoped::set(&CURRENT, op.name());
        op.cpu(x, std::slice::from_mut(&mut out));
    }
    let mut y = out.into_tensor();
    if is_recorded(x) {
        record(Box::new(op), x, std::slice::from_mut(&mut y));
    }
    Some(y)
}

/// An operation in the memory of `own`, which becomes the result, with `compute` to change what is in it; the other
/// operands, and None where `own` is one. Only if nobody else can see `own`, the operands are alike as in
/// [`apply_alike`], and the gradient does not need what is overwritten: says whether it was done.
#[track_caller]
pub(crate) fn apply_in_place<const N: usize, O: Op>(
    op: O,
    own: &mut Tensor,
    others: [Option<&Tensor>; N],
    compute: impl FnOnce(&mut Storage),
) -> bool {
    let dtype = own.dtype();
    if !dtype.is_float() || !own.is_temporary() || is_anomaly_enabled() {
        return false;
    }
    let needs = others.map(|other| other.map_or(own.requires_grad(), Tensor::requires_grad));
    let recorded = is_grad_enabled() && needs.contains(&true);
    let saves = if recorded { op.saves(Mask::new(needs.into_iter())) } else { Saves::NONE };
    let fits = |(i, other): (usize, &Option<&Tensor>)| match other {
        None => !saves.has_input(i),
        Some(other) => {
            other.dtype() == dtype && other.shape_ref() == own.shape_ref() && other.is_contiguous()
        }
    };
    if !others.iter().enumerate().all(fits) {
        return false;
    }
    let Some(storage) = own.storage_mut() else { return false };
    {
        let _current = Scoped::set(&CURRENT, op.name());
        compute(storage);
    }
    // Without recording too: what was computed here has no history.
    let mut edge = own.take_edge();
    if recorded {
        let edges = others.iter().map(|other| other.map_or_else(|| std::mem::take(&mut edge), Tensor::edge));
        let inputs = others.map(|other| other.unwrap_or(own));
        let node = Node::shared(Box::new(op), edges, &inputs, std::slice::from_ref(own));
        own.set_first_history((GradFn::new(node), 0));
    }
    true
}

/// [`apply`] of an operation that gives this view of its operand, which is known to lie within it.
#[track_caller]
pub(crate) fn apply_view<O: Op>(op: O, x: &Tensor, layout: Layout) -> Tensor {
    let mut y = x.view_from_parts(layout);
    if is_recorded(&[x]) {
        record(Box::new(op), &[x], std::slice::from_mut(&mut y));
    }
    y
}

/// A buffer like each of these.
fn alike(x: &[&Tensor]) -> Option<Fresh> {
    let (first, others) = x.split_first()?;
    let (dtype, layout) = (first.dtype(), &first.0.layout);
    let shape = &layout.shape;
    let same = |x: &&Tensor| {
        let own = &x.0.layout;
        x.dtype() == dtype && (Shared::ptr_eq(own, layout) || own.shape == *shape && own.is_contiguous())
    };
    if !dtype.is_float() || !layout.is_contiguous() || !others.iter().all(same) || is_anomaly_enabled() {
        return None;
    }
    // A view's layout may begin elsewhere.
    let from_start = x.iter().find(|x| x.layout().offset == 0).unwrap_or(first);
    if shape.numel() == 0 { None } else { Fresh::like(from_start) }
}

/// [`try_apply`] for methods, of an operation with one output: that, or a panic at the caller's line (inside [`try_call`]
/// an error).
///
/// # Panics
/// If the operation does not take its operands.
#[track_caller]
pub fn apply<O: Op>(op: O, x: &[&Tensor]) -> Tensor {
    let mut outputs = Outputs::new();
    unwrap(run_recorded(op, x, &mut outputs));
    outputs.pop().unwrap_or_else(|| unreachable!("an op has an output"))
}

/// Computes without recording. What fails inside, such as memory for a contiguous copy of an input, is this
/// operation's error too. Not generic, so that it is compiled once. What is caught is a word and no whole [`Error`], and what
/// an operation says of its output is read where it lies: to move them takes a good part of a small operation's time.
fn run_caught(op: &dyn Op, x: &[&Tensor], outputs: &mut Outputs) -> Result<()> {
    let _current = Scoped::set(&CURRENT, op.name());
    let failed =
        try_call(|| run(op, x, outputs).err().map(Box::new)).unwrap_or_else(|error| Some(Box::new(error)));
    failed.map_or(Ok(()), |error| Err(error.within(op.name())))
}

fn run(op: &dyn Op, x: &[&Tensor], outputs: &mut Outputs) -> Result<()> {
    if !op.arity().contains(&x.len()) {
        return Err(Error::op(op.name(), format!("{} inputs; it takes {:?}", x.len(), op.arity())));
    }
    let output = op.output(x);
    match &output {
        Err(_) => return output.map(|_| ()),
        Ok(Output::View(layout)) => {
            layout.check(op.name(), x[0].0.storage.len())?;
            outputs.push(x[0].view_from_parts(layout.clone()));
        }
        Ok(Output::New(shape, dtype)) => {
            let mut out = Fresh::new(op.name(), shape, *dtype)?;
            compute(op, x, std::slice::from_mut(&mut out));
            outputs.push(out.into_tensor());
        }
        Ok(Output::Many(each)) => {
            let fresh = |(shape, dtype): &(Shape, DType)| Fresh::new(op.name(), shape, *dtype);
            let mut out = each.iter().map(fresh).collect::<Result<Vec<_>>>()?;
            compute(op, x, &mut out);
            outputs.extend(out.into_iter().map(Fresh::into_tensor));
        }
    }
    Ok(())
}

/// The one place that looks at the device; the GPU's arm is to come here. Kernels may use tensor ops to prepare
/// their inputs: nothing of that is to be recorded.
fn compute(op: &dyn Op, x: &[&Tensor], out: &mut [Fresh]) {
    if out.iter().all(|out| out.storage.len() == 0) && x.iter().all(|x| x.numel() == 0) {
        // From nothing to nothing, in shapes whose sizes, beside a 0, may multiply to anything.
        return;
    }
    let _mode = set_grad_enabled(false);
    match Device::Cpu {
        Device::Cpu => op.cpu(x, out),
    }
}

/// Whether the op takes this tensor's dtype, if it takes floats only.
pub(crate) fn check_float(op: &'static str, x: &Tensor) -> Result<()> {
    let wrong = || {
        format!(
            "of a tensor of shape {:?} and {}; convert it with to_dtype(DType::F32)",
            x.shape(),
            x.dtype()
        )
    };
    if x.dtype().is_float() { Ok(()) } else { Err(Error::op(op, wrong())) }
}

/// Whether a tensor that says yes or no is one of bools.
pub(crate) fn check_bool(op: &'static str, what: &str, x: &Tensor) -> Result<()> {
    let wrong =
        || format!("the {what} is {} of shape {:?}, not bool; compare it with ne(0)", x.dtype(), x.shape());
    if x.dtype() == DType::Bool { Ok(()) } else { Err(Error::op(op, wrong())) }
}

pub(crate) fn no_memory(op: &'static str, shape: &Shape, dtype: DType) -> Error {
    Error::op(op, format!("no memory for a tensor of shape {shape:?} and {dtype}; work on parts of it"))
}
