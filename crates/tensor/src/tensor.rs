//! [`Tensor`]: a shared handle to part of a storage, with its place in the autograd graph.

use crate::autograd::{Edge, GradFn, Hooks, Node};
use crate::op::{ensure, raise};
use crate::shape::{Layout, Shape};
use crate::{DType, Device, Element, Error, Result};
use flambeau_kernels::{Shared, Storage};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A multi-dimensional array that records how it was computed.
///
/// A `Tensor` is one word: cloning it makes a second handle to the same tensor, as assignment does in Python;
/// [`copy`](Tensor::copy) copies the data. Wrong shapes and dtypes in arithmetic are programming errors and
/// panic, naming the op, the shapes and the fix; [`try_apply`](crate::try_apply) is the fallible form.
///
/// ```
/// use flambeau_tensor::{Tensor, tensor};
/// let x = tensor![[1.0, 2.0], [3.0, 4.0]].requires_grad_();
/// let y = (&x * &x).sum();
/// y.backward();
/// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [2.0, 4.0, 6.0, 8.0]);
/// ```
#[derive(Clone)]
pub struct Tensor(pub(crate) Shared<Inner>);

pub(crate) struct Inner {
    pub(crate) storage: Shared<Storage>,
    /// Shared with other tensors of the same shape: counting is less work than copying.
    pub(crate) layout: Shared<Layout>,
    /// The node that computed this tensor, if the graph was recorded. A write in place gives it another one:
    /// see [`Extra::history`].
    grad_fn: History,
    /// For a view: the tensor whose memory it shares, which is itself no view, and how often that one's history
    /// had changed when this view got its own.
    base: Option<(Tensor, u32)>,
    /// For a leaf: whether it accumulates gradients.
    requires_grad: AtomicBool,
    /// What few tensors have; made when first needed.
    extra: OnceLock<Box<Extra>>,
}

/// The node that computed a tensor, as which of its outputs.
pub(crate) type History = Option<(GradFn, u32)>;

/// What few tensors have.
#[derive(Default)]
pub(crate) struct Extra {
    grad: Mutex<Option<Tensor>>,
    /// The history after writes in place, and for a view which of its base's histories it belongs to.
    history: Mutex<Option<(History, u32)>>,
    /// Number of times that writes in place changed the history.
    changes: AtomicU32,
    pub(crate) hooks: Hooks,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tensor {
    #[inline]
    pub(crate) fn from_parts(storage: Shared<Storage>, layout: Shared<Layout>) -> Tensor {
        Tensor::make(storage, layout, None)
    }

    /// In place of its callers, where it is written without being moved.
    #[inline(always)]
    fn make(storage: Shared<Storage>, layout: Shared<Layout>, base: Option<(Tensor, u32)>) -> Tensor {
        Tensor(Shared::with(|| Inner {
            storage,
            layout,
            grad_fn: None,
            base,
            requires_grad: AtomicBool::new(false),
            extra: OnceLock::new(),
        }))
    }

    /// A view of this tensor's memory.
    pub(crate) fn view_from_parts(&self, layout: Layout) -> Tensor {
        let base = self.base();
        Tensor::make(self.0.storage.clone(), Shared::new(layout), Some((base.clone(), base.changes())))
    }

    /// The tensor whose memory this one shares, or itself.
    pub(crate) fn base(&self) -> &Tensor {
        self.0.base.as_ref().map_or(self, |(base, _)| base)
    }

    pub(crate) fn is_view(&self) -> bool {
        self.0.base.is_some()
    }

    fn changes(&self) -> u32 {
        self.0.extra.get().map_or(0, |extra| extra.changes.load(Relaxed))
    }

    pub(crate) fn extra(&self) -> &Extra {
        self.0.extra.get_or_init(Default::default)
    }

    pub(crate) fn existing_extra(&self) -> Option<&Extra> {
        self.0.extra.get().map(|extra| &**extra)
    }

    /// Gives a tensor that nobody else holds yet the history that it is born with.
    pub(crate) fn set_first_history(&mut self, history: (GradFn, u32)) {
        if let Some(inner) = Shared::get_mut(&mut self.0) {
            inner.grad_fn = Some(history);
        }
    }

    /// The same with a history, of a tensor that nobody else holds yet.
    pub(crate) fn with_history(mut self, history: History) -> Tensor {
        if let Some(history) = history {
            self.set_first_history(history);
        }
        self
    }

    /// Whether nobody else can see this tensor or its memory, nor knows of its gradient.
    pub(crate) fn is_temporary(&self) -> bool {
        let inner = &*self.0;
        Shared::strong_count(&self.0) == 1
            && Shared::strong_count(&inner.storage) == 1
            && inner.base.is_none()
            && inner.extra.get().is_none()
            && !inner.requires_grad.load(Relaxed)
            && inner.storage.len() == self.numel()
            && self.is_contiguous()
    }

    /// The memory of a [temporary](Self::is_temporary) tensor.
    pub(crate) fn storage_mut(&mut self) -> Option<&mut Storage> {
        Shared::get_mut(&mut Shared::get_mut(&mut self.0)?.storage)
    }

    /// The [`edge`](Self::edge) of a [temporary](Self::is_temporary) tensor, which has no history any more.
    pub(crate) fn take_edge(&mut self) -> Edge {
        let history = Shared::get_mut(&mut self.0).and_then(|inner| inner.grad_fn.take());
        history.map_or(Edge::None, |(node, index)| Edge::Node(node, index))
    }

    /// Gives this tensor another history after a write in place. Views of it find out by the count.
    pub(crate) fn set_history(&self, history: History) {
        let extra = self.extra();
        *lock(&extra.history) = Some((history, 0));
        extra.changes.fetch_add(1, Relaxed);
    }

    /// The node that computed this tensor. A view of memory that was written since asks its base.
    pub(crate) fn history(&self) -> History {
        if let Some((base, seen)) = &self.0.base {
            let now = base.changes();
            let own = self.existing_extra().and_then(|extra| lock(&extra.history).clone());
            return match own {
                Some((history, at)) if at == now => history,
                None if *seen == now => self.0.grad_fn.clone(),
                _ => {
                    let history = crate::in_place::history_of_view(base, &self.0.layout);
                    *lock(&self.extra().history) = Some((history.clone(), now));
                    history
                }
            };
        }
        match self.existing_extra().and_then(|extra| lock(&extra.history).clone()) {
            Some((history, _)) => history,
            None => self.0.grad_fn.clone(),
        }
    }

    /// Whether nothing can have changed the history that this tensor was born with.
    #[inline]
    fn has_first_history(&self) -> bool {
        self.0.extra.get().is_none()
            && self.0.base.as_ref().is_none_or(|(base, seen)| base.changes() == *seen)
    }

    fn has_history(&self) -> bool {
        if self.has_first_history() { self.0.grad_fn.is_some() } else { self.history().is_some() }
    }

    /// The sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.0.layout.shape
    }

    pub(crate) fn shape_ref(&self) -> &Shape {
        &self.0.layout.shape
    }

    /// The size of one dimension; negative numbers count from the end.
    ///
    /// # Panics
    /// If there is no such dimension.
    #[track_caller]
    #[inline]
    pub fn size(&self, dim: isize) -> usize {
        match self.shape().get(dim as usize) {
            Some(&size) => size,
            None => self.size_from_end(dim),
        }
    }

    /// [`size`](Self::size) of a number that counts from the end, or is too large.
    #[inline(never)]
    #[track_caller]
    fn size_from_end(&self, dim: isize) -> usize {
        let d = crate::op::unwrap(crate::shape::normalize_dim("size", dim, self.shape()));
        match self.shape().get(d) {
            Some(&size) => size,
            None => raise(Error::op("size", "a 0-d tensor has no dimensions; unsqueeze gives it one")),
        }
    }

    /// Distance in memory between neighbours along each dimension, in elements.
    pub fn strides(&self) -> &[usize] {
        &self.0.layout.strides
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    pub(crate) fn shared_layout(&self) -> Shared<Layout> {
        self.0.layout.clone()
    }

    /// Number of dimensions.
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.0.layout.shape.numel()
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.0.storage.dtype()
    }

    /// Where the data is.
    pub fn device(&self) -> Device {
        Device::Cpu
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.0.layout.is_contiguous()
    }

    /// Whether both are handles to the same tensor (Python's `is`).
    pub fn is_same(&self, other: &Tensor) -> bool {
        Shared::ptr_eq(&self.0, &other.0)
    }

    /// A number that no other tensor has while this one lives (Python's `id`).
    pub fn id(&self) -> usize {
        Shared::address(&self.0)
    }

    /// How often the memory was written in place; autograd uses it to find saved values that were overwritten.
    pub fn version(&self) -> u32 {
        self.0.storage.version()
    }

    /// Whether operations on this tensor are recorded.
    pub fn requires_grad(&self) -> bool {
        self.has_history() || self.0.requires_grad.load(Relaxed)
    }

    /// Whether the user made this tensor, rather than a recorded operation.
    pub fn is_leaf(&self) -> bool {
        !self.has_history()
    }

    /// Makes a leaf accumulate gradients; returns the same handle.
    ///
    /// # Panics
    /// If the dtype is not a floating-point type.
    #[track_caller]
    pub fn requires_grad_(self) -> Tensor {
        self.set_requires_grad(true);
        self
    }

    /// PyTorch's `requires_grad_(bool)`.
    ///
    /// # Panics
    /// If it is switched on for an integer or bool tensor, or off for a tensor that was computed from others.
    #[track_caller]
    pub fn set_requires_grad(&self, on: bool) {
        ensure!(
            !on || self.dtype().is_float(),
            "requires_grad_",
            "only floating-point tensors can require gradients, this one is {}; convert it with to_dtype",
            self.dtype()
        );
        ensure!(
            on || self.is_leaf(),
            "requires_grad_",
            "switched off on a tensor computed from others; use detach() to get one without history"
        );
        self.0.requires_grad.store(on, Relaxed);
    }

    /// The accumulated gradient: `None` before the first backward pass and after `zero_grad`.
    pub fn grad(&self) -> Option<Tensor> {
        lock(&self.existing_extra()?.grad).clone()
    }

    /// Replaces the accumulated gradient.
    ///
    /// # Panics
    /// If its shape or dtype is not this tensor's.
    #[track_caller]
    pub fn set_grad(&self, grad: Option<Tensor>) {
        if let Some(grad) = &grad {
            ensure!(
                grad.shape() == self.shape() && grad.dtype() == self.dtype(),
                "set_grad",
                "a gradient of shape {:?} and {} for a tensor of shape {:?} and {}",
                grad.shape(),
                grad.dtype(),
                self.shape(),
                self.dtype()
            );
        }
        self.with_grad(|slot| *slot = grad);
    }

    /// Forgets the accumulated gradient.
    pub fn zero_grad(&self) {
        if self.existing_extra().is_some() {
            self.with_grad(|slot| *slot = None);
        }
    }

    pub(crate) fn with_grad<R>(&self, f: impl FnOnce(&mut Option<Tensor>) -> R) -> R {
        f(&mut lock(&self.extra().grad))
    }

    /// The same data without history: gradients do not flow back through it. Shares memory.
    pub fn detach(&self) -> Tensor {
        Tensor::from_parts(self.0.storage.clone(), self.shared_layout())
    }

    /// A row-major copy of the data, differentiable (PyTorch's `clone`; Rust's `clone` shares).
    #[track_caller]
    pub fn copy(&self) -> Tensor {
        crate::ops::contiguous::copy(self)
    }

    /// The name of the operation that computed this tensor.
    pub fn grad_fn_name(&self) -> Option<&'static str> {
        self.history().map(|(node, _)| node.name())
    }

    pub(crate) fn node(&self) -> Option<Shared<Node>> {
        self.history().map(|(node, _)| node.node().clone())
    }

    /// Where gradients for this tensor go.
    pub(crate) fn edge(&self) -> Edge {
        if self.has_first_history()
            && let Some((node, index)) = &self.0.grad_fn
        {
            return Edge::Node(node.clone(), *index);
        }
        match self.history() {
            Some((node, index)) => Edge::Node(node, index),
            None if self.0.requires_grad.load(Relaxed) => Edge::Leaf(self.clone()),
            None => Edge::None,
        }
    }

    /// The elements in row-major order.
    ///
    /// # Panics
    /// If T is not the tensor's dtype: convert first.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].t().to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Vec<T> {
        assert!(
            T::DTYPE == self.dtype(),
            "to_vec::<{}> on a tensor of {}; convert it with to_dtype or ask for the right type",
            std::any::type_name::<T>(),
            self.dtype()
        );
        let x = self.detach().contiguous();
        let view = x.view::<T>();
        view.slice().to_vec()
    }

    /// The value of a tensor with one element, converted to T.
    ///
    /// # Panics
    /// If there is not exactly one element.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0]].sum().item::<f32>(), 3.0);
    /// ```
    #[track_caller]
    pub fn item<T: Element>(&self) -> T {
        ensure!(
            self.numel() == 1,
            "item",
            "a tensor with {} elements (shape {:?}) is no scalar; use to_vec, or reduce it first",
            self.numel(),
            self.shape()
        );
        flambeau_kernels::dispatch_all!(self.dtype(), E => {
            let view = self.view::<E>();
            view.data[view.layout.offset].cast()
        })
    }

    /// The elements' bytes in row-major order, little-endian.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self.dtype() {
            DType::Bool => self.to_vec::<bool>().into_iter().map(u8::from).collect(),
            DType::U8 => self.to_vec::<u8>(),
            DType::I64 => self.to_vec::<i64>().into_iter().flat_map(i64::to_le_bytes).collect(),
            DType::F32 => self.to_vec::<f32>().into_iter().flat_map(f32::to_le_bytes).collect(),
            DType::F64 => self.to_vec::<f64>().into_iter().flat_map(f64::to_le_bytes).collect(),
            other => unreachable!("{other} has no byte form"),
        }
    }

    /// A tensor from its elements' bytes, the inverse of [`to_le_bytes`](Tensor::to_le_bytes).
    ///
    /// # Errors
    /// If the number of bytes does not fit the shape, or a bool is neither 0 nor 1.
    pub fn from_le_bytes(bytes: &[u8], shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
        let shape = shape.into();
        if Some(bytes.len()) != shape.numel().checked_mul(dtype.size()) {
            return Err(Error::op(
                "from_le_bytes",
                format!(
                    "{} bytes for shape {shape:?} of {dtype}, which takes {} a element",
                    bytes.len(),
                    dtype.size()
                ),
            ));
        }
        Ok(match dtype {
            DType::U8 => Tensor::from_vec(bytes.to_vec(), shape),
            DType::Bool => {
                if let Some(b) = bytes.iter().find(|&&b| b > 1) {
                    return Err(Error::op("from_le_bytes", format!("a bool is 0 or 1, not {b}")));
                }
                Tensor::from_vec(bytes.iter().map(|&b| b == 1).collect(), shape)
            }
            DType::I64 => {
                Tensor::from_vec(bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(), shape)
            }
            DType::F32 => {
                Tensor::from_vec(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(), shape)
            }
            DType::F64 => {
                Tensor::from_vec(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(), shape)
            }
            other => unreachable!("{other} has no byte form"),
        })
    }
}

const _: () = {
    const fn shared<T: Send + Sync + Clone>() {}
    shared::<Tensor>();
    assert!(size_of::<Tensor>() == size_of::<usize>());
};
