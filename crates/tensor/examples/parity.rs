//! Replays recorded PyTorch samples through the door and compares outputs and gradients.
//!
//! `parity DIR [--failures] [OP…]`; DIR holds `ops.json` and `ops.safetensors`. A sample passes when shapes and
//! dtypes are PyTorch's and every value is within PyTorch's tolerances for f32.

#![allow(clippy::print_stdout, reason = "a table on the terminal is what this is for")]

use flambeau_tensor::autograd::{BackwardOptions, grad};
use flambeau_tensor::door::{Value, call, names};
use flambeau_tensor::{DType, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::path::Path;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let failures = args.iter().position(|a| a == "--failures").map(|at| args.remove(at)).is_some();
    let Some((folder, only)) = args.split_first() else {
        return Err("usage: parity DIR [--failures] [OP…]".into());
    };
    let bytes = std::fs::read(Path::new(folder).join("ops.safetensors"))?;
    let recorded = SafeTensors::deserialize(&bytes)?;
    let index: Json = serde_json::from_slice(&std::fs::read(Path::new(folder).join("ops.json"))?)?;
    let known: HashSet<&str> = names().collect();

    let mut rows: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for (number, case) in index["cases"].as_array().into_iter().flatten().enumerate() {
        let op = case["op"].as_str().unwrap_or_default();
        if !only.is_empty() && !only.iter().any(|o| o == op) {
            continue;
        }
        let row = rows.entry(op.to_owned()).or_default();
        if !known.contains(op) {
            row[2] += 1;
            continue;
        }
        match replay(op, case, &recorded) {
            Ok(()) => row[0] += 1,
            Err(failure) => {
                row[1] += 1;
                if failures {
                    println!("case {number}: {op} {} {}: {failure}", case["args"], case["kwargs"]);
                }
            }
        }
    }
    let mut total = [0; 3];
    for (op, row) in &rows {
        let state = if row[2] > 0 { "unknown" } else { "" };
        println!("{op:<45} {:>5} / {:<5} {state}", row[0], row.iter().sum::<usize>());
        (0..3).for_each(|i| total[i] += row[i]);
    }
    println!("{} passed, {} failed, {} unknown", total[0], total[1], total[2]);
    Ok(())
}

/// Runs one case; the error says what differs first.
fn replay(op: &str, case: &Json, recorded: &SafeTensors<'_>) -> Result<(), Failure> {
    let mut leaves = Vec::new();
    let list = |values: &Json| values.as_array().cloned().unwrap_or_default();
    let mut args = Vec::new();
    for arg in list(&case["args"]) {
        args.push(value(&arg, recorded, &mut leaves)?);
    }
    let mut kwargs = Vec::new();
    for (key, arg) in case["kwargs"].as_object().into_iter().flatten() {
        kwargs.push((key.as_str(), value(arg, recorded, &mut leaves)?));
    }
    let outputs = call(op, &args, &kwargs)?;
    let expected = list(&case["out"]);
    if outputs.len() != expected.len() {
        return Err(format!("{} outputs, PyTorch {}", outputs.len(), expected.len()).into());
    }
    for (i, (got, name)) in outputs.iter().zip(&expected).enumerate() {
        compare(op, &format!("output {i}"), got, &tensor(name, recorded)?)?;
    }
    let Some(gradients) = case["grads"].as_array() else { return Ok(()) };
    // All cotangents in one pass: the gradient of Σ cotangent · output.
    let mut sum: Option<Tensor> = None;
    for (at, name) in case["cotangents"].as_object().into_iter().flatten() {
        let output = outputs.get(at.parse::<usize>()?).ok_or("a cotangent for no output")?;
        if output.requires_grad() {
            let part = (output * tensor(name, recorded)?).sum();
            sum = Some(sum.map_or(part.clone(), |sum| sum + part));
        }
    }
    let wrt: Vec<&Tensor> = leaves.iter().collect();
    let got = match &sum {
        Some(sum) => grad(&[sum], &wrt, &BackwardOptions::default())?,
        None => vec![None; wrt.len()],
    };
    for (i, (got, want)) in got.iter().zip(gradients).enumerate() {
        match (got, want) {
            (Some(got), Json::String(_)) => {
                compare(op, &format!("gradient {i}"), got, &tensor(want, recorded)?)?;
            }
            (None, Json::Null) => {}
            (Some(got), Json::Null) if values(got).iter().all(|&v| v == 0.0) => {}
            (None, Json::String(_)) if values(&tensor(want, recorded)?).iter().all(|&v| v == 0.0) => {}
            (got, want) => return Err(format!("gradient {i}: {got:?}, PyTorch {want}").into()),
        }
    }
    Ok(())
}

fn values(x: &Tensor) -> Vec<f64> {
    x.detach().to_dtype(DType::F64).to_vec()
}

/// PyTorch's tolerances for f32: rtol 1.3e-6 and atol 1e-5, and 1e-4 where sums are long.
fn compare(op: &str, what: &str, got: &Tensor, want: &Tensor) -> Result<(), Failure> {
    if got.shape() != want.shape() || got.dtype() != want.dtype() {
        let (a, b) = ((got.shape(), got.dtype()), (want.shape(), want.dtype()));
        return Err(format!("{what}: {a:?}, PyTorch {b:?}").into());
    }
    let (atol, rtol) = match op {
        // What PyTorch's op_db overrides them with: its own backends differ by as much.
        "nn.functional.scaled_dot_product_attention" => (5e-5, 5e-6),
        _ => (1e-5, 1.3e-6),
    };
    for (i, (a, b)) in values(got).into_iter().zip(values(want)).enumerate() {
        let near = (a - b).abs() <= atol + rtol * b.abs();
        if !(near || a == b || (a.is_nan() && b.is_nan())) {
            return Err(format!("{what} at {i}: {a}, PyTorch {b}").into());
        }
    }
    Ok(())
}

fn tensor(name: &Json, recorded: &SafeTensors<'_>) -> Result<Tensor, Failure> {
    let name = name.as_str().ok_or("a tensor's name is no string")?;
    let view = recorded.tensor(name)?;
    if view.dtype() == Dtype::I32 {
        // Some ops take an index of either width; Flambeau has the wider one.
        let wide: Vec<i64> =
            view.data().as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect();
        return Ok(Tensor::from_vec(wide, view.shape()));
    }
    let dtype = match view.dtype() {
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        Dtype::I64 => DType::I64,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        other => return Err(format!("{name} is {other:?}, which Flambeau has not").into()),
    };
    Ok(Tensor::from_le_bytes(view.data(), view.shape(), dtype)?)
}

fn value(arg: &Json, recorded: &SafeTensors<'_>, leaves: &mut Vec<Tensor>) -> Result<Value, Failure> {
    if arg["tensor"].is_string() {
        let x = tensor(&arg["tensor"], recorded)?;
        if arg["requires_grad"] == true {
            x.set_requires_grad(true);
            leaves.push(x.clone());
        }
        return Ok(Value::Tensor(x));
    }
    if let Some(items) = arg["list"].as_array() {
        return Ok(Value::List(items.iter().map(|v| value(v, recorded, leaves)).collect::<Result<_, _>>()?));
    }
    if let Some(parts) = arg["slice"].as_array() {
        let part = |i: usize| parts.get(i).and_then(Json::as_i64);
        return Ok(Value::Slice(part(0), part(1), part(2)));
    }
    if let Some(name) = arg["dtype"].as_str() {
        let dtypes = [DType::Bool, DType::U8, DType::I64, DType::F32, DType::F64];
        let dtype = dtypes.into_iter().find(|dtype| dtype.name() == name);
        return Ok(Value::DType(dtype.ok_or(format!("{name}, which Flambeau has not"))?));
    }
    Ok(match &arg["value"] {
        Json::Null => Value::None,
        Json::Bool(v) => Value::Bool(*v),
        Json::Number(v) => match v.as_i64() {
            Some(v) => Value::Int(v),
            None => Value::Float(v.as_f64().ok_or("a number out of range")?),
        },
        Json::String(v) => match v.as_str() {
            "inf" => Value::Float(f64::INFINITY),
            "-inf" => Value::Float(f64::NEG_INFINITY),
            "nan" => Value::Float(f64::NAN),
            text => Value::Str(text.to_owned()),
        },
        other => return Err(format!("an argument that cannot be understood: {other}").into()),
    })
}
