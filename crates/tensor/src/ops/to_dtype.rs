//! Conversion to another dtype or device.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, no_memory};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Device, Error, Result, Tensor};
use flambeau_kernels::{BorrowError, Storage, dispatch_all, strided};
use smallvec::smallvec;

/// `Tensor.to(dtype)`.
pub struct ToDtype(pub DType);

impl Op for ToDtype {
    fn name(&self) -> &'static str {
        "to"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(x[0].shape_ref().clone(), self.0))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        dispatch_all!(x.dtype(), I => dispatch_all!(self.0, O => {
            strided::cast::<I, O>(x.view().slice(), out[0].slice());
        }));
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(ctx.grad().to_dtype(ctx.input_dtype(0)))]
    }
}

impl Tensor {
    /// The same values in another dtype, or this tensor itself if it has it already. Floats become integers by
    /// truncation, and bools by "not zero". The gradient flows back in the input's dtype.
    /// [`torch.Tensor.to`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.to.html).
    ///
    /// ```
    /// use flambeau_tensor::{DType, tensor};
    /// assert_eq!(tensor![1.9, -1.9].to_dtype(DType::I64).to_vec::<i64>(), [1, -1]);
    /// ```
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() { self.clone() } else { apply(ToDtype(dtype), &[self]) }
    }

    /// The same values on another device, or this tensor itself if it is there already.
    pub fn to_device(&self, device: Device) -> Tensor {
        match device {
            Device::Cpu => self.clone(),
        }
    }

    /// [`to_dtype`](Tensor::to_dtype) with a [`DType`], [`to_device`](Tensor::to_device) with a [`Device`].
    #[track_caller]
    pub fn to(&self, target: impl Into<Target>) -> Tensor {
        match target.into() {
            Target::DType(dtype) => self.to_dtype(dtype),
            Target::Device(device) => self.to_device(device),
        }
    }
}

/// In place, which tensors need that others hold: parameters that an optimiser knows.
impl Tensor {
    /// Converts this tensor's memory and its [`grad`](Tensor::grad) to another dtype; returns this tensor. All who
    /// share the memory, such as [`detach`](Tensor::detach)ed handles, see the conversion. What `nn.Module.to` does
    /// to its parameters, Python's `p.data = p.data.to(dtype)`.
    ///
    /// A graph that saved the old values gives an error in its backward pass, as after any write in place.
    ///
    /// # Panics
    /// If this tensor is computed from others or a view; if it requires a gradient and the dtype is no float; if its
    /// memory is in use.
    ///
    /// ```
    /// use flambeau_tensor::{DType, tensor};
    /// let (x, other_handle) = { let x = tensor![0.5, 1.5]; (x.clone(), x) };
    /// x.to_dtype_(DType::F64);
    /// assert_eq!(other_handle.to_vec::<f64>(), [0.5, 1.5]);
    /// ```
    #[track_caller]
    pub fn to_dtype_(&self, dtype: DType) -> Tensor {
        let from = self.dtype();
        if from == dtype {
            return self.clone();
        }
        ensure!(
            self.is_leaf() && !self.is_view(),
            "to_dtype_",
            "on a tensor of shape {:?} that is computed from others or a view of one; use to_dtype for a new one",
            self.shape()
        );
        ensure!(
            dtype.is_float() || !self.requires_grad(),
            "to_dtype_",
            "to {dtype} of a tensor of shape {:?} and {from} that requires a gradient, which only floats have; call \
             set_requires_grad(false) first",
            self.shape()
        );
        crate::op::unwrap(self.convert_memory(dtype));
        if self.grad().is_some() {
            self.with_grad(|slot| *slot = slot.take().map(|grad| grad.detach().to_dtype(dtype)));
        }
        self.clone()
    }

    fn convert_memory(&self, dtype: DType) -> Result<()> {
        let storage = &self.0.storage;
        let busy = |e: BorrowError| Error::op("to_dtype_", e.to_string());
        let new = Storage::try_new(dtype, storage.len());
        let mut new = new.ok_or_else(|| no_memory("to_dtype_", self.shape_ref(), dtype))?;
        dispatch_all!(self.dtype(), I => dispatch_all!(dtype, O => {
            strided::cast::<I, O>(&storage.read().map_err(busy)?, new.as_mut_slice());
        }));
        storage.swap(&mut new).map_err(busy)
    }
}

/// What [`Tensor::to`] converts to.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Another element type.
    DType(DType),
    /// Another device.
    Device(Device),
}
impl From<DType> for Target {
    fn from(dtype: DType) -> Self {
        Target::DType(dtype)
    }
}
impl From<Device> for Target {
    fn from(device: Device) -> Self {
        Target::Device(device)
    }
}

pub(crate) const CALLS: Calls = &[("to", |a| {
    let (x, dtype): (Tensor, DType) = (a.get("input")?, a.get("dtype")?);
    a.done(x.to_dtype(dtype))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.to(torch.float32)", [normal(0, &[2, 3])], |x| x[0].to_dtype(DType::F32)).not_smooth(),
        sample("(x0 * 100).to(torch.int64)", [normal(0, &[2, 3])], |x| (&x[0] * 100.0).to_dtype(DType::I64)),
        sample("(x0 * 100).to(torch.uint8)", [integers(0, 9, &[5])], |x| (&x[0] * 100).to_dtype(DType::U8)),
        sample("x0.to(torch.bool)", [integers(0, 2, &[7])], |x| x[0].to_dtype(DType::Bool)),
        sample("x0.to(torch.float64)", [integers(0, 9, &[7])], |x| x[0].to_dtype(DType::F64)),
    ]
}
