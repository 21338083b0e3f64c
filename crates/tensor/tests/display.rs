//! Printing, against strings recorded from PyTorch.

use flambeau_tensor::{DType, Tensor, tensor};
use serde_json::Value;

#[test]
fn prints_what_pytorch_prints() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("recorded/display.json")).unwrap();
    let mut tried = 0;
    for case in &cases {
        let shape: Vec<usize> =
            case["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let data = case["data"].as_array().unwrap();
        let float = |v: &Value| match v.as_str() {
            Some("nan") => f64::NAN,
            Some("inf") => f64::INFINITY,
            Some("-inf") => f64::NEG_INFINITY,
            _ => v.as_f64().unwrap(),
        };
        let floats = || Tensor::from_vec(data.iter().map(float).collect::<Vec<f64>>(), shape.clone());
        let x = match case["dtype"].as_str().unwrap() {
            "float32" => floats().to_dtype(DType::F32),
            "float64" => floats(),
            "int64" => Tensor::from_vec(data.iter().map(|v| v.as_i64().unwrap()).collect(), shape),
            "uint8" => Tensor::from_vec(data.iter().map(|v| v.as_u64().unwrap() as u8).collect(), shape),
            "bool" => Tensor::from_vec(data.iter().map(|v| v.as_bool().unwrap()).collect(), shape),
            "int32" => continue, // not a dtype of ours
            other => panic!("{other}"),
        };
        if case["requires_grad"] == true {
            x.set_requires_grad(true);
        }
        assert_eq!(x.to_string(), case["repr"].as_str().unwrap(), "{}", case["name"]);
        tried += 1;
    }
    assert!(tried > 60);
}

#[test]
fn reads_only_what_it_shows() {
    let huge = Tensor::arange(0i64, 3, 1).reshape([3, 1]).expand([3, 1usize << 50]);
    let text = huge.to_string();
    assert!(
        text.starts_with("tensor([[0, 0, 0,  ..., 0, 0, 0],\n        [1, 1, 1,  ..., 1, 1, 1],"),
        "{text}"
    );
    assert!(!format!("{:?}", Tensor::zeros([1]).expand([1usize << 40, 1 << 20])).is_empty());
}

#[test]
fn shows_where_a_tensor_comes_from() {
    let x = tensor![1.0].requires_grad_();
    assert_eq!(format!("{:?}", &x * 2.0), "tensor([2.], grad_fn=<MulBackward0>)");
    assert_eq!(x.log_softmax(0).to_string(), "tensor([0.], grad_fn=<LogSoftmaxBackward0>)");
}
