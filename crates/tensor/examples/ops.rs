//! Prints the op table: each op, the dtypes that it takes, how its gradients are checked, and its samples.

#![allow(clippy::print_stdout, reason = "a table on the terminal is what this is for")]

use flambeau_tensor::ops::table;
use flambeau_tensor::testing::{Sample, gradcheck};
use flambeau_tensor::{DType, Tensor, try_call};

const DTYPES: [(DType, &str); 5] =
    [(DType::F32, "f32"), (DType::F64, "f64"), (DType::I64, "i64"), (DType::U8, "u8"), (DType::Bool, "bool")];

/// Whether its samples run in this dtype, in place of their floats, or of all that they have if there are none.
fn takes(samples: &[Sample], dtype: DType) -> bool {
    let floats = samples.iter().any(|s| s.inputs.iter().any(|x| x.dtype() == DType::F64));
    samples.iter().filter(|s| !floats || s.inputs.iter().any(|x| x.dtype() == DType::F64)).all(|sample| {
        let convert =
            |x: &Tensor| if x.dtype() == DType::F64 || !floats { x.to_dtype(dtype) } else { x.clone() };
        let inputs: Vec<Tensor> = sample.inputs.iter().map(convert).collect();
        try_call(|| (sample.call)(&inputs)).is_ok()
    })
}

fn main() {
    println!(
        "{:<16} {:<21} {:<8} {:<9} {:<7} {:>7}  answers to",
        "op", "dtypes", "forward", "gradient", "second", "samples"
    );
    let mut total = 0;
    for entry in table() {
        let samples = (entry.samples)();
        let dtypes: Vec<&str> =
            DTYPES.iter().filter(|(d, _)| takes(&samples, *d)).map(|(_, name)| *name).collect();
        let smooth = || samples.iter().filter(|s| s.smooth && s.inputs.iter().any(|x| x.dtype().is_float()));
        let checked = |second| match smooth().count() {
            0 => "-",
            _ if smooth().all(|s| gradcheck(&*s.call, &s.inputs, second).is_ok()) => "right",
            _ => "WRONG",
        };
        println!(
            "{:<16} {:<21} {:<8} {:<9} {:<7} {:>7}  {}",
            entry.name,
            dtypes.join(" "),
            "recorded",
            checked(false),
            checked(true),
            samples.len(),
            entry.names().collect::<Vec<_>>().join(" ")
        );
        total += samples.len();
    }
    println!(
        "{} ops, {total} samples; values and gradients of all are compared with PyTorch's by the tests",
        table().len()
    );
}
