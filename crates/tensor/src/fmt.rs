//! `{}` and `{:?}` of a tensor: what PyTorch prints.

use crate::display::{Values, format_tensor};
use crate::{DType, Tensor};
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
        let x = self.detach();
        let text = match x.dtype() {
            DType::Bool => format_tensor(self.shape(), &Values::Bool(&x.to_vec::<bool>()), &suffixes),
            dtype if dtype.is_float() => {
                let values = x.to_dtype(DType::F64).to_vec::<f64>();
                format_tensor(self.shape(), &Values::Float(&values), &suffixes)
            }
            _ => {
                format_tensor(self.shape(), &Values::Int(&x.to_dtype(DType::I64).to_vec::<i64>()), &suffixes)
            }
        };
        f.write_str(&text)
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
