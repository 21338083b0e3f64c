//! The graph: nodes, edges, what a backward rule sees, and dropping without recursion.

use super::Hooks;
use crate::op::{Mask, Op, Saves};
use crate::shape::{Layout, Shape};
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::Shared;
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Gradients with respect to the inputs of an op; `None` where there is none.
pub type Gradients = SmallVec<[Option<Tensor>; 3]>;

/// Where the gradient of an input goes.
#[derive(Default)]
pub(crate) enum Edge {
    /// Nowhere: the input does not require one.
    #[default]
    None,
    /// To the node that computed the input, as this output of it.
    Node(GradFn, u32),
    /// Into the `grad` of a leaf.
    Leaf(Tensor),
}

impl Edge {
    /// Shape and dtype of the tensor that the gradient belongs to.
    pub(crate) fn meta(&self) -> Option<(&Shape, DType)> {
        match self {
            Edge::None => None,
            Edge::Node(node, index) => {
                node.node().outputs.get(*index as usize).map(|(layout, dtype)| (&layout.shape, *dtype))
            }
            Edge::Leaf(leaf) => Some((leaf.shape_ref(), leaf.dtype())),
        }
    }
}

/// A tensor saved for the backward pass, and the version that it had.
struct Saved {
    tensor: Tensor,
    version: u32,
}

/// One recorded operation.
pub(crate) struct Node {
    /// Larger than that of every node that it depends on.
    pub(crate) number: u64,
    op: Box<dyn Op>,
    pub(crate) edges: SmallVec<[Edge; 2]>,
    /// Layouts, for their shapes, and dtypes.
    outputs: SmallVec<[(Shared<Layout>, DType); 1]>,
    /// Where the operation was called.
    pub(crate) place: &'static Location<'static>,
    /// Hooks on the gradients of the outputs.
    pub(crate) hooks: Hooks,
    /// None where nothing is saved, as there is nothing to lock then.
    saved: Option<Mutex<Kept>>,
}

/// Inputs that were saved, by position, then the output; `None` once freed.
type Kept = Option<SmallVec<[Option<Saved>; 3]>>;

/// From where on numbers are free.
static NUMBERS: AtomicU64 = AtomicU64::new(1);
/// Numbers that a thread takes at once: a counter that all threads share costs more than the rest of a node.
const TAKEN: u64 = 1024;

thread_local! {
    /// The numbers that this thread has taken and not used.
    static OWN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A number that no other node has, larger than `last`, which a node has.
#[inline]
fn number_after(last: u64) -> u64 {
    let (mut next, mut end) = OWN.get();
    if next == end || next <= last {
        // Larger than all that any thread has taken so far.
        next = NUMBERS.fetch_add(TAKEN, Relaxed);
        end = next + TAKEN;
    }
    OWN.set((next + 1, end));
    next
}

impl Node {
    /// The edges are the inputs', one each. Filled where it lies: to move what was just written costs more than to write
    /// it.
    #[track_caller]
    pub(crate) fn shared(
        op: Box<dyn Op>,
        edges: impl Iterator<Item = Edge>,
        inputs: &[&Tensor],
        outputs: &[Tensor],
    ) -> Shared<Node> {
        let place = Location::caller();
        let mut shared = Shared::with(|| Node {
            number: 0,
            op,
            edges: SmallVec::new(),
            outputs: SmallVec::new(),
            place,
            hooks: Hooks::default(),
            saved: None,
        });
        let node = Shared::get_mut(&mut shared).unwrap_or_else(|| unreachable!("nobody else has seen it"));
        let (mut needs, mut last) = (0, 0);
        for (i, edge) in edges.enumerate() {
            if i < 64 && !matches!(edge, Edge::None) {
                needs |= 1 << i;
            }
            if let Edge::Node(input, _) = &edge {
                last = last.max(input.node().number);
            }
            node.edges.push(edge);
        }
        node.number = number_after(last);
        for y in outputs {
            node.outputs.push((y.shared_layout(), y.dtype()));
        }
        let saves = node.op.saves(Mask::from_bits(needs));
        if !saves.is_none() {
            node.saved = Some(Mutex::new(Some(save(saves, inputs, outputs))));
        }
        shared
    }

    pub(crate) fn name(&self) -> &'static str {
        self.op.name()
    }

    pub(crate) fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Whether the gradient of every input that needs one is that of the only output.
    #[inline]
    pub(crate) fn passes(&self) -> bool {
        let passes = self.op.passes();
        passes != Mask::NONE
            && self.edges.iter().enumerate().all(|(i, edge)| passes.has(i) || matches!(edge, Edge::None))
    }

    /// Runs the op's backward rule.
    #[inline]
    pub(crate) fn backward(this: &Shared<Node>, grads: &[Option<Tensor>], keep: bool) -> Result<Gradients> {
        match &this.saved {
            Some(saved) => Node::backward_with(this, saved, grads, keep),
            None => Ok(this.op.backward(&Context { node: this, saved: SmallVec::new(), grads })),
        }
    }

    /// [`backward`](Self::backward) with what was saved, which is freed unless it is to be kept.
    fn backward_with(
        this: &Shared<Node>,
        saved: &Mutex<Kept>,
        grads: &[Option<Tensor>],
        keep: bool,
    ) -> Result<Gradients> {
        let mut slot = saved.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = &*slot else {
            return Err(Error::op(
                "backward",
                format!(
                    "the graph was walked before and what {} saved is freed; set BackwardOptions::retain_graph in \
                     the first backward, or compute the output again",
                    this.name()
                ),
            ));
        };
        let mut saved: SmallVec<[Option<Tensor>; 3]> = SmallVec::new();
        let mut overwritten = None;
        for s in kept {
            match s.as_ref().map(|s| s.check(this)).transpose() {
                Ok(s) => saved.push(s),
                Err(error) => overwritten = overwritten.or(Some(error)),
            }
        }
        let old = if keep { None } else { slot.take() };
        // Dropped after the lock is released: it may free a whole subgraph.
        drop(slot);
        drop(old);
        if let Some(error) = overwritten {
            return Err(error);
        }
        Ok(this.op.backward(&Context { node: this, saved, grads }))
    }
}

/// What the backward rule will read.
fn save(saves: Saves, inputs: &[&Tensor], outputs: &[Tensor]) -> SmallVec<[Option<Saved>; 3]> {
    let save = |tensor: Tensor| Saved { version: tensor.version(), tensor };
    let mut saved = SmallVec::new();
    for (i, x) in inputs.iter().enumerate() {
        saved.push(if saves.has_input(i) { Some(save((*x).clone())) } else { None });
    }
    saved.push(if saves.has_output() { Some(save(outputs[0].detach())) } else { None });
    saved
}

impl Saved {
    fn check(&self, node: &Node) -> Result<Tensor> {
        if self.tensor.version() == self.version {
            return Ok(self.tensor.clone());
        }
        Err(Error::op(
            "backward",
            format!(
                "a tensor of shape {:?} that {} saved for its gradient was overwritten in place: it is at version {}, \
                 expected {}; write into a copy() instead, or after the backward pass",
                self.tensor.shape(),
                node.name(),
                self.tensor.version(),
                self.version
            ),
        ))
    }
}

/// What a backward rule sees.
pub struct Context<'a> {
    node: &'a Shared<Node>,
    saved: SmallVec<[Option<Tensor>; 3]>,
    grads: &'a [Option<Tensor>],
}

impl Context<'_> {
    /// The gradient with respect to the (first) output.
    ///
    /// # Panics
    /// If that output got none; an op with several outputs uses [`grad_of`](Context::grad_of).
    pub fn grad(&self) -> &Tensor {
        self.grads[0]
            .as_ref()
            .unwrap_or_else(|| panic!("{}: no gradient for the first output", self.node.name()))
    }

    /// The gradient with respect to one of several outputs, if it got one.
    pub fn grad_of(&self, output: usize) -> Option<&Tensor> {
        self.grads[output].as_ref()
    }

    /// Whether input `i` needs a gradient.
    pub fn needs(&self, i: usize) -> bool {
        !matches!(self.node.edges[i], Edge::None)
    }

    /// Number of inputs.
    pub fn input_count(&self) -> usize {
        self.node.edges.len()
    }

    /// Input `i`, which the op's `saves` named.
    ///
    /// # Panics
    /// If it was not saved.
    pub fn input(&self, i: usize) -> &Tensor {
        self.saved
            .get(i)
            .and_then(Option::as_ref)
            .unwrap_or_else(|| panic!("{}: input {i} was not saved for the backward pass", self.node.name()))
    }

    /// Input `i`, if it was saved.
    pub(crate) fn saved_input(&self, i: usize) -> Option<&Tensor> {
        self.saved.get(i).and_then(Option::as_ref)
    }

    /// The output, which the op's `saves` named. It has this op as its history, so that second derivatives flow.
    ///
    /// # Panics
    /// If it was not saved.
    pub fn output(&self) -> Tensor {
        let saved = self.saved.last().and_then(Option::as_ref).unwrap_or_else(|| {
            panic!("{}: the output was not saved for the backward pass", self.node.name())
        });
        saved.detach().with_history(Some((GradFn::new(self.node.clone()), 0)))
    }

    /// The shape of input `i`, which needs a gradient.
    ///
    /// # Panics
    /// If it needs none.
    pub fn input_shape(&self, i: usize) -> &Shape {
        match self.node.edges[i].meta() {
            Some((shape, _)) => shape,
            None => panic!("{}: input {i} needs no gradient", self.node.name()),
        }
    }

    /// The dtype of input `i`, which needs a gradient.
    ///
    /// # Panics
    /// If it needs none.
    pub fn input_dtype(&self, i: usize) -> DType {
        match self.node.edges[i].meta() {
            Some((_, dtype)) => dtype,
            None => panic!("{}: input {i} needs no gradient", self.node.name()),
        }
    }
}

/// A reference to a node that can be dropped at the end of a million others without recursion.
pub(crate) struct GradFn(Option<Shared<Node>>);

impl GradFn {
    pub(crate) fn new(node: Shared<Node>) -> GradFn {
        GradFn(Some(node))
    }

    pub(crate) fn node(&self) -> &Shared<Node> {
        self.0.as_ref().unwrap_or_else(|| unreachable!("only drop empties it"))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.node().name()
    }
}

impl Clone for GradFn {
    fn clone(&self) -> Self {
        GradFn(self.0.clone())
    }
}

thread_local! {
    /// Nodes that wait to be dropped, while this thread drops one. Without a destructor of its own, so that it is
    /// still there for graphs that die with the thread; it is empty then.
    static DOOMED: ManuallyDrop<RefCell<Option<Vec<Shared<Node>>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

impl Drop for GradFn {
    fn drop(&mut self) {
        let Some(node) = self.0.take() else { return };
        // Only the last holder drops the node; two who let go at once may both recurse one level, no deeper.
        if Shared::strong_count(&node) > 1 {
            return;
        }
        // Dropping a node drops its edges and saved tensors, which come here again: they queue up instead.
        let mut node = Some(node);
        let queued = DOOMED.try_with(|doomed| match &mut *doomed.borrow_mut() {
            Some(queue) => queue.extend(node.take()),
            idle => *idle = Some(Vec::new()),
        });
        if node.is_none() || queued.is_err() {
            return;
        }
        while let Some(next) = node.take() {
            drop(next);
            node = DOOMED.with(|doomed| doomed.borrow_mut().as_mut().and_then(Vec::pop));
        }
        DOOMED.with(|doomed| *doomed.borrow_mut() = None);
    }
}
