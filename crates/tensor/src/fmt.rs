//! `{}` and `{:?}` of a tensor: what PyTorch prints.

use crate::display::{Values, format_tensor, shown};
use crate::{DType, Element, Tensor};
use flambeau_kernels::dispatch_all;
use std::fmt;

impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut suffixes = Vec::new();
        if matches!(self.dtype(), DType::F64 | DType::U8) {
            suffixes.push(format!("dtype={}", self.dtype()));
        }
        if let Some(name) = self.grad_fn_name() {
            suffixes.push(format!("grad_fn=<{}>", backward_name(name)));
        } else if self.requires_grad() {
            suffixes.push("requires_grad=True".to_owned());
        }
        let text = match self.dtype() {
            DType::Bool => format_tensor(self.shape(), &Values::Bool(&self.shown()), &suffixes),
            dtype if dtype.is_float() => {
                format_tensor(self.shape(), &Values::Float(&self.shown()), &suffixes)
            }
            _ => format_tensor(self.shape(), &Values::Int(&self.shown()), &suffixes),
        };
        f.write_str(&text)
    }
}

impl Tensor {
    /// The values that are shown, converted.
    fn shown<T: Element>(&self) -> Vec<T> {
        let layout = self.layout();
        let at = shown(&layout.shape, &layout.strides, layout.offset);
        dispatch_all!(self.dtype(), E => {
            let data = self.view::<E>().data;
            at.into_iter().map(|i| data[i].cast()).collect()
        })
    }
}

/// As PyTorch names its nodes: `log_softmax` is `LogSoftmaxBackward0`.
fn backward_name(op: &str) -> String {
    let words = op.split('_').map(|word| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    });
    words.chain(["Backward0".to_owned()]).collect()
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
