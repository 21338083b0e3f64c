//! Every op on every dtype, called by name: the result's dtype and values, or that there is an error, as recorded from
//! PyTorch (`xtask/torch/record_dtypes.py`).

use flambeau_tensor::door::{Value, call};
use flambeau_tensor::{DType, Tensor, tensor};

const DTYPES: [(&str, DType); 5] = [
    ("bool", DType::Bool),
    ("uint8", DType::U8),
    ("int64", DType::I64),
    ("float32", DType::F32),
    ("float64", DType::F64),
];

const BOOL: &[&str] = &["bool"];
const INTEGERS: &[&str] = &["uint8", "int64"];
const NO_FLOATS: &[&str] = &["bool", "uint8", "int64"];

/// Where we differ on purpose: calls, dtypes, the reason.
const EXCEPTIONS: &[(&[&str], &[&str], &str)] = &[
    (
        &[
            "abs x",
            "addcmul x y y",
            "addcmul x y y value=2",
            "argmax x",
            "argmax x 1",
            "argmin x 1",
            "ceil x",
            "clamp x y y",
            "floor x",
            "neg x",
            "pow x y",
            "relu x",
            "round x",
            "trace s",
            "trunc x",
        ],
        BOOL,
        "PyTorch has no kernel for bool; ours takes it for 0 and 1",
    ),
    (
        &["sub x 2", "sub x 1.5", "sub x y alpha=2"],
        BOOL,
        "PyTorch subtracts nothing from bools; ours promotes them, but for two bools",
    ),
    (
        &["lerp x y 0.5", "nn.functional.leaky_relu x", "nn.functional.softplus x"],
        NO_FLOATS,
        "PyTorch has no kernel for integers; ours makes them f32, as the other functions do",
    ),
    (&["nn.functional.linear x s"], INTEGERS, "layers take floats; matmul takes integers"),
];

fn dtype(name: &str) -> Option<DType> {
    DTYPES.iter().find(|(n, _)| *n == name).map(|(_, dtype)| *dtype)
}

/// The tensor that a letter names.
fn named(letter: &str, dtype: DType) -> Option<Tensor> {
    let x = match letter {
        "x" => tensor![[2, 0, 1], [3, 1, 2]],
        "y" => tensor![[1, 2, 1], [2, 3, 1]],
        "s" => tensor![[1, 0, 2], [3, 1, 0], [2, 2, 1]],
        "v" => tensor![1, 2, 0],
        "w" => tensor![2, 0, 1],
        "b" => tensor![[[1, 0], [2, 1]]],
        "z" => Tensor::scalar(1i64),
        "i" => return Some(tensor![[0, 1, 1], [1, 0, 0]]),
        "n" => return Some(tensor![1, 0, 1]),
        "m" => return Some(tensor![true, false, true]),
        _ => return None,
    };
    Some(if dtype.is_float() { x.to_dtype(dtype) * 0.5 - 0.25 } else { x.to_dtype(dtype) })
}

fn argument(text: &str, on: DType) -> Value {
    if let Some(x) = named(text, on) {
        return Value::Tensor(x);
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return Value::List(inner.split(',').map(|part| argument(part, on)).collect());
    }
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "none" => Value::None,
        _ if text.starts_with('\'') => Value::Str(text.trim_matches('\'').into()),
        _ => dtype(text)
            .map(Value::DType)
            .or_else(|| text.parse().ok().map(Value::Int))
            .unwrap_or_else(|| Value::Float(text.parse().unwrap_or_else(|_| panic!("argument {text}")))),
    }
}

/// A call's results, each as its dtype and values; none if it is an error.
fn run(line: &str, on: DType) -> Option<Vec<(DType, Vec<f64>)>> {
    let mut words = line.split_whitespace();
    let op = words.next()?;
    let (keys, args): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
    let args: Vec<Value> = args.into_iter().map(|word| argument(word, on)).collect();
    let keys: Vec<(&str, Value)> =
        keys.iter().filter_map(|word| word.split_once('=')).map(|(key, v)| (key, argument(v, on))).collect();
    let results = call(op, &args, &keys).ok()?;
    Some(results.iter().map(|y| (y.dtype(), y.to_dtype(DType::F64).to_vec())).collect())
}

fn recorded(text: &str) -> Option<Vec<(DType, Vec<f64>)>> {
    let result = |part: &str| {
        let mut words = part.split_whitespace();
        // A dtype that we lack fails the comparison.
        let dtype = words.next().and_then(dtype)?;
        Some((dtype, words.map(|word| word.parse().unwrap_or(f64::NAN)).collect()))
    };
    (text != "error").then(|| text.split(';').filter_map(result).collect())
}

#[test]
fn every_op_gives_on_every_dtype_what_pytorch_gives() {
    let text = include_str!("recorded/dtypes.txt");
    let (mut line, mut wrong, mut same, mut used) = ("", Vec::new(), 0, vec![false; EXCEPTIONS.len()]);
    for row in text.lines().filter(|row| !row.starts_with('#')) {
        let Some((name, want)) = row.strip_prefix("  ").and_then(|row| row.split_once(": ")) else {
            line = row;
            continue;
        };
        let on = dtype(name).unwrap_or_else(|| panic!("dtype {name}"));
        let (got, want_parsed) = (run(line, on), recorded(want));
        let close = |(g, w): (&f64, &f64)| {
            g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= 2e-6 * w.abs().max(1.0)
        };
        let equal = match (&got, &want_parsed) {
            (None, None) => true,
            (Some(got), Some(want)) => {
                got.len() == want.len()
                    && got
                        .iter()
                        .zip(want)
                        .all(|(g, w)| g.0 == w.0 && g.1.len() == w.1.len() && g.1.iter().zip(&w.1).all(close))
            }
            _ => false,
        };
        let exception =
            EXCEPTIONS.iter().position(|(calls, on, _)| calls.contains(&line) && on.contains(&name));
        match (equal, exception) {
            (true, None) => same += 1,
            (false, Some(at)) => used[at] = true,
            (true, Some(_)) => wrong.push(format!("{line} on {name} agrees by now: no exception")),
            (false, None) => wrong.push(format!("{line} on {name}: {got:?}, PyTorch {want}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ, {same} agree:\n{}", wrong.len(), wrong.join("\n"));
    assert!(used.iter().all(|&used| used), "an exception that no call needs");
    assert!(same > 900, "{same}");
}
