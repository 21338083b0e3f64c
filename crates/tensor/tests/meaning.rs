//! Where PyTorch's meaning is easy to miss: promotion, numbers beside tensors, NaN and infinity, ties, the random
//! stream. Expected values are PyTorch's.

use flambeau_tensor::autograd::{BackwardOptions, grad};
use flambeau_tensor::loss::{NllLossOptions, Reduction};
use flambeau_tensor::{DType, Tensor, manual_seed, result_type, tensor};

fn u8s(values: &[u8]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

fn gradient(x: &Tensor, y: &Tensor) -> Vec<f64> {
    y.sum().backward();
    x.grad().unwrap().to_dtype(DType::F64).to_vec()
}

#[test]
fn operands_promote_by_kind_and_dimensions() {
    let (f32s, f64s, i64s, bools) =
        (tensor![1.0], tensor![1.0].to_dtype(DType::F64), tensor![1], tensor![true]);
    let zero_d = |dtype| Tensor::scalar(1.0f32).to_dtype(dtype);
    for (a, b, want) in [
        (&f32s, &f64s, DType::F64),
        (&i64s, &f32s, DType::F32),
        (&bools, &i64s, DType::I64),
        (&bools, &bools, DType::Bool),
        (&f32s, &zero_d(DType::F64), DType::F32),
        (&i64s, &zero_d(DType::F64), DType::F64),
        (&u8s(&[1]), &zero_d(DType::I64), DType::U8),
        (&bools, &zero_d(DType::I64), DType::I64),
        (&zero_d(DType::F32), &zero_d(DType::F64), DType::F64),
    ] {
        assert_eq!(result_type(&[a, b]), want, "{a} {b}");
        assert_eq!((a + b).dtype(), want, "{a} {b}");
    }
    assert_eq!((&i64s / &i64s).dtype(), DType::F32);
    assert_eq!(i64s.exp().dtype(), DType::F32);
    assert_eq!((&bools + &bools).to_vec::<bool>(), [true]);
    assert_eq!(bools.sum().dtype(), DType::I64);
}

#[test]
fn numbers_take_the_tensor_s_dtype_exactly() {
    assert_eq!((u8s(&[5]) + (-1)).to_vec::<u8>(), [4]);
    assert_eq!((tensor![0] + 9_007_199_254_740_993i64).to_vec::<i64>(), [9_007_199_254_740_993]);
    assert_eq!((tensor![1] + 0.5).dtype(), DType::F32);
    assert_eq!((tensor![true] + 1).dtype(), DType::I64);
    assert_eq!((1.0 - tensor![0.25]).sum().item::<f32>(), 0.75);
    assert_eq!((1 - tensor![3]).sum().item::<i64>(), -2);
}

#[test]
fn powers_of_integers() {
    assert_eq!(tensor![3, -2].pow(3).to_vec::<i64>(), [27, -8]);
    assert_eq!(tensor![3].pow(2).dtype(), DType::I64);
    assert_eq!(tensor![3].pow(2.0).dtype(), DType::F32);
    assert_eq!(tensor![2].pow(64).to_vec::<i64>(), [0]);
}

#[test]
fn masked_gradients_are_zero_even_beside_infinity() {
    let x = tensor![-1.0, 4.0].requires_grad_();
    assert_eq!(gradient(&x, &x.relu().sqrt()), [0.0, 0.25]);
    let x = tensor![0.0].requires_grad_();
    assert_eq!(gradient(&x, &(-(x.pow(0.0) - 1.0)).sqrt()), [0.0]);
    let x = tensor![f32::NAN].requires_grad_();
    assert_eq!(gradient(&x, &x.relu()), [1.0]);
}

#[test]
fn softmax_of_extreme_rows() {
    for scale in [1e4, 1e8] {
        let y = tensor![1.0, 1.0] * scale;
        assert!((y.log_softmax(0).to_vec::<f32>()[0] + 2f32.ln()).abs() < 1e-6, "{scale}");
    }
    let inf = f32::INFINITY;
    assert_eq!(tensor![0.0, -inf].softmax(0).to_vec::<f32>(), [1.0, 0.0]);
    assert!(tensor![-inf, -inf].softmax(0).to_vec::<f32>().iter().all(|v| v.is_nan()));
    assert!(tensor![f32::NAN, 0.0].softmax(0).to_vec::<f32>().iter().all(|v| v.is_nan()));
}

#[test]
fn cross_entropy_with_no_target_that_counts() {
    let x = tensor![[1.0, 2.0]].requires_grad_();
    let loss = x.cross_entropy(&tensor![-100], Default::default());
    assert!(loss.item::<f32>().is_nan());
    for create_graph in [false, true] {
        let options = BackwardOptions { retain_graph: true, create_graph, ..Default::default() };
        let g = grad(&[&loss], &[&x], &options).unwrap().remove(0).unwrap();
        assert_eq!(g.to_vec::<f32>(), [0.0, 0.0], "create_graph {create_graph}");
    }
    let options = NllLossOptions { ignore_index: 1, reduction: Reduction::Sum, ..Default::default() };
    assert_eq!(Tensor::zeros([2, 3]).nll_loss(&tensor![1, 1], options).item::<f32>(), 0.0);
}

#[test]
fn nan_is_the_extreme_of_those_among_which_it_is() {
    let x = tensor![1.0, f32::NAN].requires_grad_();
    assert!(x.max().item::<f32>().is_nan() && x.min().item::<f32>().is_nan());
    assert_eq!(gradient(&x, &x.max()), [0.0, 1.0]);
    assert_eq!(x.argmax(0, false).item::<i64>(), 1);
    let ties = tensor![2.0, 1.0, 2.0].requires_grad_();
    assert_eq!(gradient(&ties, &ties.max()), [0.5, 0.0, 0.5]);
    let ties = tensor![2.0, 1.0, 2.0].requires_grad_();
    assert_eq!(gradient(&ties, &ties.max_dim(0, false).0), [1.0, 0.0, 0.0]);
}

#[test]
fn literals_in_recorded_gradients_are_exact() {
    let x = Tensor::from_vec(vec![-1f64], [1]).requires_grad_();
    let options = BackwardOptions { create_graph: true, ..Default::default() };
    let g = grad(&[&x.leaky_relu(0.1).sum()], &[&x], &options).unwrap().remove(0).unwrap();
    assert_eq!(g.item::<f64>(), 0.1);
}

#[test]
fn ranges_have_the_right_length() {
    assert_eq!(Tensor::arange(9_007_199_254_740_992i64, 9_007_199_254_740_995, 1).numel(), 3);
    assert_eq!(Tensor::arange(i64::MAX - 1, i64::MAX, 1).to_vec::<i64>(), [i64::MAX - 1]);
    assert_eq!(Tensor::arange(0f32, 0.3, 0.1).numel(), 3);
    assert_eq!(Tensor::arange(5i64, 0, -2).to_vec::<i64>(), [5, 3, 1]);
    assert_eq!(Tensor::arange(1f64, 1.0, 1.0).numel(), 0);
}

#[test]
fn draws_of_any_dtype_share_no_random_bits() {
    manual_seed(0);
    let wide = Tensor::zeros([8]).to_dtype(DType::F64).uniform_(0.0, 1.0).to_vec::<f64>();
    let narrow = Tensor::rand([16]).to_vec::<f32>();
    let equal = |a: &f64| narrow.iter().any(|&b| (a - f64::from(b)).abs() < 1e-7);
    assert!(!wide.iter().any(equal), "{wide:?} {narrow:?}");
    manual_seed(0);
    assert_eq!(Tensor::zeros([8]).to_dtype(DType::F64).uniform_(0.0, 1.0).to_vec::<f64>(), wide);
}

#[test]
fn conversions_truncate_wrap_and_test_for_zero() {
    assert_eq!(tensor![1.9, -1.9].to_dtype(DType::I64).to_vec::<i64>(), [1, -1]);
    assert_eq!(tensor![256, -1].to_dtype(DType::U8).to_vec::<u8>(), [0, 255]);
    assert_eq!(tensor![0.0, f32::NAN, -0.5].to_dtype(DType::Bool).to_vec::<bool>(), [false, true, true]);
    assert_eq!(tensor![true].to_dtype(DType::F32).to_vec::<f32>(), [1.0]);
}
