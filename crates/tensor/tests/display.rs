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

fn floats(shape: &[usize], values: &[f64]) -> String {
    Tensor::from_vec(values.iter().map(|&v| v as f32).collect(), shape).to_string()
}

fn ints(shape: &[usize], values: &[i64]) -> String {
    Tensor::from_vec(values[..shape.iter().product()].to_vec(), shape).to_string()
}

#[test]
fn scalars() {
    assert_eq!(floats(&[], &[3.0]), "tensor(3.)");
    assert_eq!(floats(&[], &[-0.0]), "tensor(-0.)");
    assert_eq!(floats(&[], &[1e-5]), "tensor(1.0000e-05)");
    assert_eq!(floats(&[], &[f64::NAN]), "tensor(nan)");
    assert_eq!(ints(&[], &[-7]), "tensor(-7)");
    assert_eq!(Tensor::from_vec(vec![true], ()).to_string(), "tensor(True)");
}

#[test]
fn notations() {
    assert_eq!(floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), "tensor([[1., 2.],\n        [3., 4.]])");
    assert_eq!(floats(&[3], &[1.0, 2.5, -3.75]), "tensor([ 1.0000,  2.5000, -3.7500])");
    assert_eq!(floats(&[2], &[1.0, 1000.0]), "tensor([   1., 1000.])");
    assert_eq!(floats(&[2], &[1.0, 1001.0]), "tensor([1.0000e+00, 1.0010e+03])");
    let wide = Tensor::from_vec(vec![1e-300f64, 1e200], [2]);
    assert_eq!(wide.to_string(), "tensor([1.0000e-300, 1.0000e+200], dtype=torch.float64)");
    // Half goes to even, and the width comes from the finite values alone.
    assert_eq!(floats(&[2], &[0.03125, 0.09375]), "tensor([0.0312, 0.0938])");
    assert_eq!(floats(&[3], &[f64::NAN, f64::NEG_INFINITY, 1.0]), "tensor([nan, -inf, 1.])");
    assert_eq!(ints(&[2, 2], &[1, -20, 300, 4]), "tensor([[  1, -20],\n        [300,   4]])");
    assert_eq!(tensor![true, false].to_string(), "tensor([ True, False])");
}

#[test]
fn dimensions_are_set_apart_by_empty_lines() {
    let expected = "tensor([[[0, 1],\n         [2, 3]],\n\n        [[4, 5],\n         [6, 7]]])";
    assert_eq!(ints(&[2, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7]), expected);
}

#[test]
fn long_rows_break_and_large_tensors_are_summarised() {
    let row: Vec<i64> = (100..119).collect();
    let expected = "tensor([100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113,\n        \
                    114, 115, 116, 117, 118])";
    assert_eq!(ints(&[19], &row), expected);
    let many: Vec<i64> = (0..1002).collect();
    assert_eq!(ints(&[1001], &many), "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
    let lines = ints(&[501, 2], &many);
    assert!(lines.starts_with("tensor([[   0,    1],\n") && lines.ends_with("[1000, 1001]])"), "{lines}");
    assert!(lines.contains("[   4,    5],\n        ...,\n        [ 996,  997],\n"), "{lines}");
}

#[test]
fn empty_tensors_show_what_the_values_cannot() {
    assert_eq!(floats(&[0], &[]), "tensor([])");
    assert_eq!(floats(&[0, 3], &[]), "tensor([], size=(0, 3))");
    assert_eq!(ints(&[0], &[]), "tensor([], dtype=torch.int64)");
    let empty = Tensor::from_vec(Vec::<u8>::new(), [2, 0]);
    assert_eq!(empty.to_string(), "tensor([], size=(2, 0), dtype=torch.uint8)");
}

#[test]
fn suffixes_move_to_a_line_of_their_own() {
    let halves = |n: usize| Tensor::from_vec(vec![0.5f64; n], [n]).requires_grad_();
    assert_eq!(halves(1).to_string(), "tensor([0.5000], dtype=torch.float64, requires_grad=True)");
    let row = ["0.5000"; 8].join(", ");
    let expected = format!("tensor([{row}],\n       dtype=torch.float64, requires_grad=True)");
    assert_eq!(halves(8).to_string(), expected);
}
