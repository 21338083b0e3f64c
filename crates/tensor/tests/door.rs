//! Calls by name: PyTorch's positional and keyword arguments, and errors instead of panics.

use flambeau_tensor::door::{Value, call, names};
use flambeau_tensor::{DType, Tensor, tensor};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn x() -> Value {
    Value::Tensor(tensor![[1.0, 2.0], [3.0, 4.0]])
}

#[test]
fn arguments_go_by_position_or_keyword() {
    let want = [3.0, 7.0];
    let (one, yes) = (Value::Int(1), Value::Bool(false));
    for (args, kwargs) in [
        (vec![x(), one.clone(), yes.clone()], vec![]),
        (vec![x(), one.clone()], vec![("keepdim", yes.clone())]),
        (vec![x()], vec![("dim", Value::List(vec![one.clone()])), ("keepdim", yes.clone())]),
        (vec![], vec![("input", x()), ("dim", one.clone()), ("dtype", Value::None)]),
    ] {
        assert_eq!(call("sum", &args, &kwargs).unwrap()[0].to_vec::<f32>(), want);
    }
    let wide = call("sum", &[x()], &[("dtype", Value::DType(DType::F64))]).unwrap();
    assert_eq!(wide[0].item::<f64>(), 10.0);
    let scaled = call("add", &[x(), Value::Int(1)], &[("alpha", Value::Float(0.5))]).unwrap();
    assert_eq!(scaled[0].to_vec::<f32>(), [1.5, 2.5, 3.5, 4.5]);
    for shape in [vec![Value::List(vec![Value::Int(4)])], vec![Value::Int(-1)]] {
        let args: Vec<Value> = [x()].into_iter().chain(shape).collect();
        assert_eq!(call("reshape", &args, &[]).unwrap()[0].shape(), [4]);
    }
}

#[test]
fn wrong_calls_are_errors_that_say_what_is_wrong() {
    for (op, args, kwargs, message) in [
        ("nonsense", vec![], vec![], "call: there is no op named nonsense"),
        ("sum", vec![], vec![], "sum: the argument input is missing; it takes a tensor"),
        ("sum", vec![Value::Int(1)], vec![], "sum: the argument input is 1; it takes a tensor"),
        ("sum", vec![x(), Value::Int(5)], vec![], "sum: dimension 5 is out of range"),
        ("exp", vec![x(), x()], vec![], "exp: 2 positional arguments; it takes 1"),
        ("exp", vec![x()], vec![("speed", Value::Int(3))], "exp: there is no argument named speed"),
        ("add", vec![x(), Value::Str("a".into())], vec![], "add: the argument other is \"a\"; it takes"),
    ] {
        let got = call(op, &args, &kwargs).unwrap_err().to_string();
        assert!(got.starts_with(message), "{got}");
    }
}

#[test]
fn names_are_distinct() {
    let all: Vec<&str> = names().collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "{all:?}");
}

/// Throws arguments of every kind at every op; the soak's form runs for minutes (`FLAMBEAU_SOAK=full`).
#[test]
fn soak_no_call_panics() {
    let full = std::env::var("FLAMBEAU_SOAK").as_deref() == Ok("full");
    let seconds = if full { 600 } else { 5 };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let all: Vec<&str> = names().collect();
    let mut state = 1u64;
    let mut below = move |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let mut calls = 0;
    while std::time::Instant::now() < end {
        let op = all[below(all.len())];
        let args: Vec<Value> = (0..below(5)).map(|i| random(&mut below, i == 0)).collect();
        let keys =
            ["dim", "keepdim", "dtype", "other", "alpha", "reduction", "size", "ignore_index", "weight", "p"];
        let mut kwargs = Vec::new();
        for _ in 0..below(3) {
            kwargs.push((keys[below(keys.len())], random(&mut below, false)));
        }
        // An error is fine, a panic is not; a result must be usable, and so must its gradient.
        let run = || {
            if let Ok(outputs) = call(op, &args, &kwargs) {
                for y in outputs.iter().filter(|y| y.requires_grad() && y.numel() < 10_000) {
                    let _ = y.sum().try_backward(Default::default());
                }
            }
        };
        assert!(catch_unwind(AssertUnwindSafe(run)).is_ok(), "{op} {args:?} {kwargs:?}");
        calls += 1;
    }
    println!("{calls} calls of {} ops", all.len());
}

fn random(below: &mut impl FnMut(usize) -> usize, first: bool) -> Value {
    let kind = if first { 0 } else { below(12) };
    match kind {
        0..=4 => Value::Tensor(random_tensor(below)),
        5 => Value::Int(below(7) as i64 - 3),
        6 => Value::Int([i64::MAX, i64::MIN, 1 << 40, 0][below(4)]),
        7 => Value::Float([0.5, -1.0, f64::NAN, f64::INFINITY, 1e300][below(5)]),
        8 => Value::Bool(below(2) == 1),
        9 => Value::List((0..below(4)).map(|_| random(below, false)).collect()),
        10 => Value::DType([DType::Bool, DType::U8, DType::I64, DType::F32, DType::F64][below(5)]),
        _ => [
            Value::None,
            Value::Str("mean".into()),
            Value::Str("x".into()),
            Value::Slice(Some(-1), None, Some(0)),
        ][below(4)]
        .clone(),
    }
}

fn random_tensor(below: &mut impl FnMut(usize) -> usize) -> Tensor {
    let shape: Vec<usize> = (0..below(4)).map(|_| below(4)).collect();
    let x = Tensor::randn(shape.clone()) * 3.0;
    let x = x.to_dtype([DType::F32, DType::F32, DType::F64, DType::I64, DType::U8, DType::Bool][below(6)]);
    if x.dtype().is_float() && below(2) == 0 {
        return x.requires_grad_();
    }
    match below(8) {
        // Far more elements than memory could hold, without holding any; nothing in between, which would fill it.
        0 => Tensor::zeros([1, 1]).expand([1usize << (38 + below(22)), 3]),
        1 if shape.len() > 1 => x.transpose(0, 1),
        _ => x,
    }
}
