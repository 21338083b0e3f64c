//! The engine: one loop over pending nodes, largest number first.

use super::node::{Edge, Node};
use super::{
    BackwardOptions, check_gradients, is_anomaly_enabled, is_grad_enabled, root_gradient, set_grad_enabled,
};
use crate::op::try_call;
use crate::shape::{Shape, broadcast_shape};
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::Shared;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Where the gradients of a backward pass end.
pub(crate) enum Targets<'a> {
    /// In the `grad` of every leaf.
    Leaves,
    /// With the caller, for these inputs alone.
    Inputs(&'a mut Captures),
}

/// Gradients asked for by `grad`.
pub(crate) struct Captures {
    wanted: HashMap<Key, usize>,
    found: Vec<Option<Tensor>>,
    /// Nodes that some wanted input depends on.
    needed: HashSet<u64>,
}

/// A tensor's place in the graph.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Leaf(usize),
    Output(u64, u32),
}

fn key(edge: &Edge) -> Option<Key> {
    match edge {
        Edge::None => None,
        Edge::Leaf(leaf) => Some(Key::Leaf(Shared::address(&leaf.0))),
        Edge::Node(node, index) => Some(Key::Output(node.node().number, *index)),
    }
}

/// A node with the gradients of its outputs that have arrived so far. The roots keep all nodes alive.
struct Pending<'g> {
    node: &'g Shared<Node>,
    grads: SmallVec<[Option<Tensor>; 1]>,
}

impl<'g> Pending<'g> {
    fn new(node: &'g Shared<Node>) -> Self {
        let grads = match node.output_count() {
            // `from_elem` takes longer than all the rest.
            1 => SmallVec::from_buf([None]),
            n => SmallVec::from_elem(None, n),
        };
        Pending { node, grads }
    }
}

/// So many pending nodes wait outside the map, which most graphs then never touch.
const NEAR: usize = 8;

/// The pending nodes.
#[derive(Default)]
struct Queue<'g> {
    /// Those with the largest numbers, ascending.
    near: SmallVec<[Pending<'g>; NEAR]>,
    rest: BTreeMap<u64, Pending<'g>>,
}

impl<'g> Queue<'g> {
    fn pop(&mut self) -> Option<Pending<'g>> {
        self.near.pop().or_else(|| self.rest.pop_last().map(|(_, pending)| pending))
    }

    fn entry(&mut self, node: &'g Shared<Node>) -> &mut Pending<'g> {
        let number = node.number;
        let after = self.near.iter().rposition(|near| near.node.number <= number);
        if let Some(i) = after
            && self.near[i].node.number == number
        {
            return &mut self.near[i];
        }
        let last = self.rest.last_key_value().map_or(0, |(&last, _)| last);
        let mut at = after.map_or(0, |i| i + 1);
        if at == 0 && (number <= last || self.near.len() == NEAR) {
            return self.rest.entry(number).or_insert_with(|| Pending::new(node));
        }
        if self.near.len() == NEAR {
            let smallest = self.near.remove(0);
            self.rest.insert(smallest.node.number, smallest);
            at -= 1;
        }
        self.near.insert(at, Pending::new(node));
        &mut self.near[at]
    }
}

/// Walks the graph back from the roots, each with its gradient.
pub(crate) fn run(
    roots: &[(Edge, Tensor)],
    mut targets: Targets<'_>,
    options: &BackwardOptions,
) -> Result<()> {
    let _mode = set_grad_enabled(options.create_graph);
    let mut pending = Queue::default();
    // Leaves with hooks, which see the sum of what arrives.
    let mut leaves: Vec<(Tensor, Tensor)> = Vec::new();
    for (edge, gradient) in roots {
        deliver(edge, gradient.clone(), &mut pending, &mut leaves, &mut targets);
    }
    while let Some(Pending { node, mut grads }) = pending.pop() {
        if !node.hooks.is_empty() {
            for (output, slot) in grads.iter_mut().enumerate() {
                *slot = slot.take().map(|gradient| node.hooks.run(output, gradient));
            }
        }
        // Moved along, not counted: the last edge gets the gradient itself.
        if node.passes()
            && let Some(gradient) = grads.first_mut().and_then(Option::take)
        {
            let needs = |edge: &Edge| !matches!(edge, Edge::None);
            if let Some(last) = node.edges.iter().rposition(needs) {
                for edge in node.edges[..last].iter().filter(|edge| needs(edge)) {
                    let gradient = fit(gradient.clone(), edge, node.name())?;
                    deliver(edge, gradient, &mut pending, &mut leaves, &mut targets);
                }
                let edge = &node.edges[last];
                deliver(edge, fit(gradient, edge, node.name())?, &mut pending, &mut leaves, &mut targets);
            }
            continue;
        }
        let mut gradients = Node::backward(node, &grads, options.retain_graph || options.create_graph)?;
        if is_anomaly_enabled() {
            check_gradients(node, &grads, &gradients)?;
        }
        drop(grads);
        if gradients.len() != node.edges.len() {
            let (got, want) = (gradients.len(), node.edges.len());
            return Err(Error::op(
                node.name(),
                format!("its backward rule gave {got} gradients for {want} inputs"),
            ));
        }
        // By numbers: an iterator would move them all first.
        for (i, edge) in node.edges.iter().enumerate() {
            if let Some(gradient) = gradients[i].take() {
                deliver(edge, fit(gradient, edge, node.name())?, &mut pending, &mut leaves, &mut targets);
            }
        }
    }
    for (leaf, gradient) in leaves {
        let gradient = leaf.extra().hooks.run(0, gradient);
        arrive(&leaf, gradient, &mut targets);
    }
    Ok(())
}

/// The gradient of a leaf at its end.
fn arrive(leaf: &Tensor, gradient: Tensor, targets: &mut Targets<'_>) {
    match targets {
        Targets::Leaves => leaf.with_grad(|slot| accumulate(slot, gradient)),
        Targets::Inputs(captures) => {
            if let Some(&i) = captures.wanted.get(&Key::Leaf(Shared::address(&leaf.0))) {
                let slot = &mut captures.found[i];
                *slot = Some(add(slot.take(), gradient));
            }
        }
    }
}

fn deliver<'g>(
    edge: &'g Edge,
    gradient: Tensor,
    pending: &mut Queue<'g>,
    leaves: &mut Vec<(Tensor, Tensor)>,
    targets: &mut Targets<'_>,
) {
    match edge {
        Edge::None => {}
        Edge::Leaf(leaf) if leaf.existing_extra().is_some_and(|extra| !extra.hooks.is_empty()) => {
            match leaves.iter_mut().find(|(other, _)| other.is_same(leaf)) {
                Some((_, sum)) => *sum = &*sum + gradient,
                None => leaves.push((leaf.clone(), gradient)),
            }
        }
        Edge::Leaf(leaf) => arrive(leaf, gradient, targets),
        Edge::Node(node, index) => {
            let node = node.node();
            if let Targets::Inputs(captures) = targets {
                if let Some(&i) = captures.wanted.get(&Key::Output(node.number, *index)) {
                    let slot = &mut captures.found[i];
                    *slot = Some(add(slot.take(), gradient.clone()));
                }
                if !captures.needed.contains(&node.number) {
                    return;
                }
            }
            let slot = &mut pending.entry(node).grads[*index as usize];
            *slot = Some(add(slot.take(), gradient));
        }
    }
}

/// Sums a gradient over the dimensions that broadcasting added, and converts it to the input's dtype.
#[inline]
fn fit(gradient: Tensor, edge: &Edge, op: &'static str) -> Result<Tensor> {
    match edge.meta() {
        Some((shape, dtype)) if gradient.shape_ref() != shape || gradient.dtype() != dtype => {
            adapt(gradient, shape, dtype, op)
        }
        _ => Ok(gradient),
    }
}

#[cold]
fn adapt(gradient: Tensor, shape: &Shape, dtype: DType, op: &'static str) -> Result<Tensor> {
    let gradient = if gradient.shape_ref() == shape {
        gradient
    } else if broadcast_shape(op, &[shape, gradient.shape_ref()]).is_ok_and(|s| s == *gradient.shape_ref()) {
        gradient.sum_to(shape)
    } else {
        let got = gradient.shape();
        return Err(Error::op(
            op,
            format!("its backward rule gave a gradient of shape {got:?} for an input of {shape:?}"),
        ));
    };
    Ok(if gradient.dtype() == dtype { gradient } else { gradient.to_dtype(dtype) })
}

fn add(sum: Option<Tensor>, gradient: Tensor) -> Tensor {
    match sum {
        Some(sum) => sum + gradient,
        None => gradient,
    }
}

/// Adds to a leaf's `grad`: in place, as in PyTorch, unless the sum is to be differentiated. The first gradient is
/// kept as it is only if nobody else can see its memory.
fn accumulate(slot: &mut Option<Tensor>, gradient: Tensor) {
    let shared = Shared::strong_count(&gradient.0) > 1 || Shared::strong_count(&gradient.0.storage) > 1;
    match slot {
        Some(sum) if !is_grad_enabled() => sum.add_in_place(&gradient),
        Some(sum) => *slot = Some(&*sum + gradient),
        None if gradient.is_contiguous() && !shared => *slot = Some(gradient),
        None => *slot = Some(gradient.copy()),
    }
}

/// The gradients of `outputs` (each with one element, or with its gradient in `options`) with respect to
/// `inputs`, without touching any `grad`: `torch.autograd.grad`, with `allow_unused`.
///
/// # Errors
/// If an output has no history, an input does not require a gradient, or the graph was freed.
///
/// ```
/// use flambeau_tensor::{autograd, tensor};
/// let x = tensor![3.0].requires_grad_();
/// let y = (&x * &x * &x).sum();
/// let options = autograd::BackwardOptions { create_graph: true, ..Default::default() };
/// let first = autograd::grad(&[&y], &[&x], &options)?.remove(0).unwrap();
/// let second = autograd::grad(&[&first.sum()], &[&x], &Default::default())?.remove(0).unwrap();
/// assert_eq!(second.item::<f32>(), 18.0); // (x³)″ = 6x
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn grad(
    outputs: &[&Tensor],
    inputs: &[&Tensor],
    options: &BackwardOptions,
) -> Result<Vec<Option<Tensor>>> {
    let mut roots = Vec::with_capacity(outputs.len());
    for output in outputs {
        roots.push((output.edge(), root_gradient("autograd::grad", output, options.gradient.clone())?));
    }
    let edges: Vec<Edge> = inputs.iter().map(|x| x.edge()).collect();
    let mut wanted = HashMap::new();
    // The same input may be asked for twice; its gradient is found once.
    let mut first = Vec::with_capacity(inputs.len());
    for (i, edge) in edges.iter().enumerate() {
        let key = key(edge).ok_or_else(|| {
            Error::op(
                "autograd::grad",
                format!("input {i} does not require a gradient; call requires_grad_() on it"),
            )
        })?;
        first.push(*wanted.entry(key).or_insert(i));
    }
    let needed = needed(outputs, &wanted);
    let mut captures = Captures { wanted, found: vec![None; inputs.len()], needed };
    try_call(|| run(&roots, Targets::Inputs(&mut captures), options)).flatten()?;
    Ok(first.into_iter().map(|i| captures.found[i].clone()).collect())
}

/// The numbers of the nodes from which a wanted input can be reached.
fn needed(outputs: &[&Tensor], wanted: &HashMap<Key, usize>) -> HashSet<u64> {
    let mut nodes: BTreeMap<u64, Shared<Node>> = BTreeMap::new();
    let mut stack: Vec<Shared<Node>> = outputs.iter().filter_map(|o| o.node()).collect();
    while let Some(node) = stack.pop() {
        if nodes.contains_key(&node.number) {
            continue;
        }
        stack.extend(node.edges.iter().filter_map(|e| match e {
            Edge::Node(n, _) => Some(n.node().clone()),
            _ => None,
        }));
        nodes.insert(node.number, node);
    }
    // Smallest number first: a node's inputs are decided before it is.
    let mut needed = HashSet::new();
    for (number, node) in &nodes {
        let reaches = |e: &Edge| {
            key(e).is_some_and(|k| wanted.contains_key(&k))
                || matches!(e, Edge::Node(n, _) if needed.contains(&n.node().number))
        };
        if node.edges.iter().any(reaches) {
            needed.insert(*number);
        }
    }
    needed
}
