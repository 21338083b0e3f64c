//! Pointwise operations: a formula and its derivative, each written once.
//!
//! The formula `f` and its derivatives `df` are generic over [`Num`]. On elements they are the inner loop of
//! the forward and of the fused backward pass, vectorised for each instruction set. When a gradient is itself
//! to be differentiated, the same `df` runs on whole tensors instead and records itself.

use crate::autograd::{Context, Gradients, is_anomaly_enabled, is_grad_enabled};
use crate::op::{
    Fresh, Mask, Op, Output, Outputs, Saves, apply_alike, apply_in_place, no_memory, running, try_apply,
};
use crate::shape::broadcast_shape;
use crate::sym::{Sym, trace};
use crate::{DType, Element, Result, Tensor};
use flambeau_kernels::pointwise::{InPlace, Map, Rows, map, map_in_place};
use flambeau_kernels::{Num, dispatch_all, dispatch_float, num::to_nums};

/// A pointwise operation on `N` operands, which broadcast and promote to a common dtype.
///
/// Mark `f` and `df` `#[inline(always)]`, so that the loops around them vectorise. How to write your own is in
/// [`custom_ops`](crate::custom_ops).
pub trait Pointwise<const N: usize>: Copy + Send + Sync + 'static {
    /// PyTorch's name for it.
    const NAME: &'static str;
    /// Whether integers and bools stay what they are; else they become `f32`.
    const KEEPS_INTEGERS: bool = false;
    /// Whether `df` reads its operands (else they are not saved) and the result.
    const READS: Reads;

    /// The formula.
    fn f<E: Num>(self, x: [E; N]) -> E;

    /// The gradients g · ∂f/∂xᵢ, given the gradient g of the result, the operands and the result. Only what
    /// [`READS`](Pointwise::READS) names may be used of the latter.
    fn df<E: Num>(self, g: E, x: [E; N], y: E) -> [E; N];

    /// Whether the gradient of operand `i` is g itself, which then needs no loop.
    fn passes(self, i: usize) -> bool {
        let _ = i;
        false
    }

    /// The gradients, for ops that know better than a loop over `df`.
    fn backward(self, ctx: &Context<'_>) -> Gradients {
        backward(self, ctx)
    }

    /// What the backward rule saves; follows from [`READS`](Pointwise::READS).
    fn saves(self, needs: Mask) -> Saves {
        let _ = needs;
        match Self::READS {
            Reads::Nothing => Saves::NONE,
            Reads::Operands => Saves::NONE.input_if(true, std::array::from_fn::<usize, N, _>(|i| i)),
            Reads::Result => Saves::OUTPUT,
        }
    }
}

/// What a derivative is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// Nothing: it is constant.
    Nothing,
    /// The operands.
    Operands,
    /// The result.
    Result,
}

/// Runs a pointwise operation: promotes its operands to a common dtype, broadcasts, records.
///
/// # Errors
/// If the operands do not broadcast.
#[track_caller]
pub fn try_pointwise<const N: usize, P: Pointwise<N>>(p: P, x: [&Tensor; N]) -> Result<Tensor> {
    let mut outputs = try_apply_as(P::KEEPS_INTEGERS, Pw::<P, N>(p), x)?;
    Ok(outputs.pop().unwrap_or_else(|| unreachable!("an op has an output")))
}

/// [`try_apply`] with the operands promoted to a common dtype, which is a float unless `keeps_integers`.
#[track_caller]
pub(crate) fn try_apply_as<const N: usize, O: Op>(
    keeps_integers: bool,
    op: O,
    x: [&Tensor; N],
) -> Result<Outputs> {
    let first = x[0].dtype();
    let same = x.iter().all(|x| x.dtype() == first);
    let dtype = match if same { first } else { result_type(&x) } {
        dtype if keeps_integers || dtype.is_float() => dtype,
        _ => DType::F32,
    };
    if same && first == dtype {
        try_apply(op, &x)
    } else {
        let converted = x.map(|x| x.to_dtype(dtype));
        try_apply(op, &converted.each_ref())
    }
}

/// [`try_pointwise`] for methods: a panic at the caller's line (inside [`try_call`](crate::try_call) an error).
///
/// # Panics
/// If the operands do not broadcast.
#[track_caller]
pub fn pointwise<const N: usize, P: Pointwise<N>>(p: P, x: [&Tensor; N]) -> Tensor {
    match apply_alike(Pw::<P, N>(p), &x) {
        Some(y) => y,
        None => crate::op::unwrap(try_pointwise(p, x)),
    }
}

/// The function `beside`: an operation on a tensor and what stands on its left or right. What it does is not generic over
/// that, so that it is compiled once and not in every crate that calculates.
macro_rules! beside {
    ($op:expr) => {
        #[track_caller]
        fn beside(x: &$crate::Tensor, other: impl $crate::Operand, left: bool) -> $crate::Tensor {
            match other.number() {
                // No tensor for the number, and nothing to broadcast.
                Some(number) if x.dtype().is_float() => beside_number(x, number, left),
                _ if left => beside_tensor(std::borrow::Borrow::borrow(&other.hold(x)), x),
                _ => beside_tensor(x, std::borrow::Borrow::borrow(&other.hold(x))),
            }
        }
        #[track_caller]
        fn beside_number(x: &$crate::Tensor, number: f64, left: bool) -> $crate::Tensor {
            $crate::pointwise::pointwise($crate::pointwise::WithNumber { p: $op, number, left }, [x])
        }
        #[track_caller]
        fn beside_tensor(x: &$crate::Tensor, other: &$crate::Tensor) -> $crate::Tensor {
            $crate::pointwise::pointwise($op, [x, other])
        }
    };
}
pub(crate) use beside;

/// An operation in the memory of x, which becomes the result: for operands passed by value, if nobody else can see them.
/// Says whether it was done; else x is as it was.
#[track_caller]
pub(crate) fn in_memory_of<P: Pointwise<2>>(
    p: P,
    x: &mut Tensor,
    number: Option<f64>,
    other: Option<&Tensor>,
    left: bool,
) -> bool {
    match (number, other) {
        (Some(number), _) => in_memory(WithNumber { p, number, left }, x, [None]),
        (_, Some(other)) => in_memory(p, x, [None, Some(other)]),
        _ => false,
    }
}

/// [`pointwise`] of x in its own memory, the operand that is None, and others.
#[track_caller]
fn in_memory<const N: usize, P: Pointwise<N>>(p: P, x: &mut Tensor, others: [Option<&Tensor>; N]) -> bool {
    apply_in_place(Pw::<P, N>(p), x, others, |storage| {
        dispatch_float!(storage.dtype(), T => overwrite::<N, T>(&Formula(p), others, storage.as_mut_slice()));
    })
}

/// out = f(out, others …), of which the first is None, for `out`, and no other.
fn overwrite<const N: usize, T: Element>(f: &dyn InPlace<N, T>, others: [Option<&Tensor>; N], out: &mut [T]) {
    let views = others.map(|other| other.map(Tensor::view::<T>));
    let rows = views.each_ref().map(|view| view.as_ref().map_or(&[][..], |view| view.slice()));
    map_in_place(f, rows, out);
}

/// An operation whose result takes the place of x, which others may see. Only where nothing is recorded and the operands are
/// alike; says whether it was done.
#[track_caller]
pub(crate) fn write<P: Pointwise<2>>(p: P, x: &Tensor, number: Option<f64>, other: Option<&Tensor>) -> bool {
    match (number, other) {
        (Some(number), _) => write_formula(WithNumber { p, number, left: false }, x),
        (_, Some(other)) => write_rows(P::NAME, &Formula(p), &Formula(p), x, [None, Some(other)]),
        _ => false,
    }
}

/// [`write`] of an operation on x alone.
#[track_caller]
pub(crate) fn write_formula<P: Pointwise<1>>(p: P, x: &Tensor) -> bool {
    write_rows(P::NAME, &Formula(p), &Formula(p), x, [None])
}

#[track_caller]
fn write_rows<const N: usize>(
    name: &'static str,
    single: &dyn InPlace<N, f32>,
    double: &dyn InPlace<N, f64>,
    x: &Tensor,
    others: [Option<&Tensor>; N],
) -> bool {
    let mut needs = others.iter().flatten().any(|other| other.requires_grad());
    needs |= x.requires_grad() || x.base().requires_grad();
    let plain = x.dtype().is_float() && x.is_contiguous() && !is_anomaly_enabled();
    let alike = others.iter().flatten().all(|other| {
        let like = other.dtype() == x.dtype() && other.shape_ref() == x.shape_ref();
        like && other.is_contiguous() && !other.shares_storage(x)
    });
    if needs && is_grad_enabled() || !plain || !alike {
        return false;
    }
    let _running = running(name);
    match x.dtype() {
        DType::F64 => overwrite(double, others, &mut x.slice_mut()),
        _ => overwrite(single, others, &mut x.slice_mut()),
    }
    true
}

/// An operation on two operands one of which is a number.
#[derive(Clone, Copy)]
pub(crate) struct WithNumber<P> {
    pub(crate) p: P,
    pub(crate) number: f64,
    pub(crate) left: bool,
}

impl<P: Pointwise<2>> WithNumber<P> {
    /// Which operand the tensor is.
    fn tensor(self) -> usize {
        usize::from(self.left)
    }

    #[inline(always)]
    fn operands<E: Num>(self, [x]: [E; 1]) -> [E; 2] {
        let number = E::lit(self.number);
        if self.left { [number, x] } else { [x, number] }
    }
}

impl<P: Pointwise<2>> Pointwise<1> for WithNumber<P> {
    const NAME: &'static str = P::NAME;
    const READS: Reads = P::READS;

    #[inline(always)]
    fn f<E: Num>(self, x: [E; 1]) -> E {
        self.p.f(self.operands(x))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, x: [E; 1], y: E) -> [E; 1] {
        let [first, second] = self.p.df(g, self.operands(x), y);
        [if self.left { second } else { first }]
    }

    fn passes(self, _: usize) -> bool {
        self.p.passes(self.tensor())
    }

    fn saves(self, _: Mask) -> Saves {
        let saves = self.p.saves(Mask::new([!self.left, self.left].into_iter()));
        let output = if saves.has_output() { Saves::OUTPUT } else { Saves::NONE };
        output.input_if(saves.has_input(self.tensor()), [0])
    }
}

/// The dtype that operands of an operation are promoted to (`torch.result_type`): of those with dimensions,
/// unless a 0-d operand is of a higher kind (bool < integer < float).
pub fn result_type(x: &[&Tensor]) -> DType {
    let kind = |d: DType| match d {
        DType::Bool => 0,
        d if !d.is_float() => 1,
        _ => 2,
    };
    let highest = |dims: bool| x.iter().filter(|x| (x.ndim() > 0) == dims).map(|x| x.dtype()).max();
    match (highest(true), highest(false)) {
        (Some(a), Some(b)) if kind(b) > kind(a) => b,
        (Some(a), _) => a,
        (None, Some(b)) => b,
        (None, None) => DType::F32,
    }
}

/// A [`Pointwise`] as an [`Op`].
struct Pw<P, const N: usize>(P);

#[derive(Clone, Copy)]
pub(crate) struct Formula<P>(pub(crate) P);
impl<const N: usize, P: Pointwise<N>, T: Element> Map<N, T, T> for Formula<P> {
    #[inline(always)]
    fn apply(&self, x: [T; N]) -> T {
        T::from_num(self.0.f(to_nums(x)))
    }
}

/// g · ∂f/∂xᵢ for i = `wrt`; the operands come as (g, y, x₀, …) in `M` = N + 2 slots.
#[derive(Clone, Copy)]
struct Derivative<P, const N: usize> {
    p: P,
    wrt: usize,
}
impl<const N: usize, const M: usize, P: Pointwise<N>, T: Element> Map<M, T, T> for Derivative<P, N> {
    #[inline(always)]
    fn apply(&self, x: [T; M]) -> T {
        let x = to_nums(x);
        let mut operands = [x[0]; N];
        // Not `copy_from_slice`, whose check of lengths keeps the loop around from being vectorised.
        for (operand, &x) in operands.iter_mut().zip(&x[2..]) {
            *operand = x;
        }
        T::from_num(choose(self.p.df(x[0], operands, x[1]), self.wrt))
    }
}

/// Chooses without a way to panic, which would keep a loop from being vectorised.
#[inline(always)]
pub(crate) fn choose<const N: usize, E: Copy>(all: [E; N], wrt: usize) -> E {
    let mut chosen = all[0];
    for (i, &one) in all.iter().enumerate() {
        if i == wrt {
            chosen = one;
        }
    }
    chosen
}

impl<const N: usize, P: Pointwise<N>> Op for Pw<P, N> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        N..=N
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(broadcast_shape(P::NAME, x)?, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (f, out) = (&Formula(self.0), &mut out[0]);
        if P::KEEPS_INTEGERS {
            dispatch_all!(x[0].dtype(), T => compute::<N, T>(f, x, out));
        } else {
            dispatch_float!(x[0].dtype(), T => compute::<N, T>(f, x, out));
        }
    }

    fn saves(&self, needs: Mask) -> Saves {
        self.0.saves(needs)
    }

    fn passes(&self) -> Mask {
        Mask::new((0..N).map(|i| self.0.passes(i)))
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        self.0.backward(ctx)
    }
}

pub(crate) fn compute<const N: usize, T: Element>(f: &dyn Rows<N, T, T>, x: &[&Tensor], out: &mut Fresh) {
    let (shape, out) = out.parts();
    let out = out.as_mut_slice();
    if let [only] = out {
        // Of nothing but operands of one element.
        *only = f.one(std::array::from_fn(|i| x[i].only()));
    } else if x.iter().all(|x| x.shape_ref() == shape) {
        let views: [_; N] = std::array::from_fn(|i| x[i].view::<T>());
        map(f, std::array::from_fn(|i| views[i].strided()), shape, out);
    } else {
        let views: [_; N] = std::array::from_fn(|i| x[i].view_as::<T>(shape));
        map(f, std::array::from_fn(|i| views[i].strided()), shape, out);
    }
}

fn backward<const N: usize, P: Pointwise<N>>(p: P, ctx: &Context<'_>) -> Gradients {
    gradients(&Rule::<P, N>(p), ctx)
}

/// How a pointwise operation is differentiated, for [`gradients`].
trait Differentiate {
    fn inputs(&self) -> usize;
    fn reads_result(&self) -> bool;
    fn passes(&self, i: usize) -> bool;
    /// All gradients, with recorded tensor ops.
    fn recorded(&self, ctx: &Context<'_>, g: &Tensor, y: &Tensor) -> Gradients;
    /// That of one operand, in one fused loop.
    fn fused(&self, ctx: &Context<'_>, g: &Tensor, y: &Tensor, wrt: usize) -> Tensor;
}

struct Rule<P, const N: usize>(P);

impl<const N: usize, P: Pointwise<N>> Differentiate for Rule<P, N> {
    fn inputs(&self) -> usize {
        N
    }

    fn reads_result(&self) -> bool {
        P::READS == Reads::Result
    }

    fn passes(&self, i: usize) -> bool {
        self.0.passes(i)
    }

    fn recorded(&self, ctx: &Context<'_>, g: &Tensor, y: &Tensor) -> Gradients {
        recorded(self.0, ctx, g, operands(ctx, g), y)
    }

    fn fused(&self, ctx: &Context<'_>, g: &Tensor, y: &Tensor, wrt: usize) -> Tensor {
        let p = &Derivative::<P, N> { p: self.0, wrt };
        let x: [&Tensor; N] = operands(ctx, g);
        // Arrays of N + 2 need const arithmetic, which stable Rust lacks.
        match N {
            1 => fused::<3>(P::NAME, p, p, [g, y, x[0]]),
            2 => fused::<4>(P::NAME, p, p, [g, y, x[0], x[1]]),
            3 => fused::<5>(P::NAME, p, p, [g, y, x[0], x[1], x[2]]),
            _ => unreachable!("pointwise ops have one to three operands"),
        }
    }
}

/// The operands, or g where they were not saved.
fn operands<'a, const N: usize>(ctx: &'a Context<'_>, g: &'a Tensor) -> [&'a Tensor; N] {
    std::array::from_fn(|i| ctx.saved_input(i).unwrap_or(g))
}

/// Runs `df`: in one fused loop, or with recorded tensor ops if the gradient is to be differentiated. Not generic, so that
/// it is compiled once.
fn gradients(rule: &dyn Differentiate, ctx: &Context<'_>) -> Gradients {
    let g = ctx.grad();
    let output = rule.reads_result().then(|| ctx.output());
    let y = output.as_ref().unwrap_or(g);
    if is_grad_enabled() {
        return rule.recorded(ctx, g, y);
    }
    let mut gradients = Gradients::new();
    for wrt in 0..rule.inputs() {
        let gradient = || if rule.passes(wrt) { g.clone() } else { rule.fused(ctx, g, y, wrt) };
        gradients.push(ctx.needs(wrt).then(gradient));
    }
    gradients
}

/// Runs `df` on whole tensors, so that the gradients are recorded.
pub(crate) fn recorded<const N: usize, P: Pointwise<N>>(
    p: P,
    ctx: &Context<'_>,
    g: &Tensor,
    x: [&Tensor; N],
    y: &Tensor,
) -> Gradients {
    trace(|| of_operands(ctx, g, &p.df(Sym::new(g), x.map(Sym::new), Sym::new(y))))
}

fn of_operands(ctx: &Context<'_>, g: &Tensor, df: &[Sym]) -> Gradients {
    // A constant is 0-d.
    let full = |d: Tensor| if d.shape() == g.shape() { d } else { d.expand(g.shape()) };
    df.iter().enumerate().map(|(i, d)| ctx.needs(i).then(|| full(d.tensor()))).collect()
}

/// f of the operands in one loop, for either float type.
fn fused<const M: usize>(
    name: &'static str,
    single: &dyn Rows<M, f32, f32>,
    double: &dyn Rows<M, f64, f64>,
    operands: [&Tensor; M],
) -> Tensor {
    let g = operands[0];
    let out = Fresh::like(g).ok_or_else(|| no_memory(name, g.shape_ref(), g.dtype()));
    let mut out = crate::op::unwrap(out);
    match g.dtype() {
        DType::F64 => compute(double, &operands, &mut out),
        _ => compute(single, &operands, &mut out),
    }
    out.into_tensor()
}
