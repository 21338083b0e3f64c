//! The activations as layers: beside their functional twins, and as PyTorch prints them.

use flambeau_nn::{
    AlphaDropout, CELU, Dropout2d, ELU, Forward, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh,
    Layer, LogSigmoid, Mish, Module, PReLU, ReLU6, SELU, SiLU, Softmax2d, Softmin, Softshrink, Softsign,
    Tanhshrink, Threshold, functional as F,
};
use flambeau_tensor::{Approximate, Tensor};

fn x() -> Tensor {
    Tensor::from_vec(vec![-2.0_f32, -0.5, 0.0, 0.5, 1.0, 3.0, 7.0, -8.0], [2, 4])
}

#[test]
fn layers_print_like_pytorch_and_equal_their_twins() {
    let slope = Tensor::full([1], 0.25_f32);
    let rows: Vec<(Box<dyn Layer>, Tensor, &str)> = vec![
        (Box::new(ReLU6::default()), F::relu6(&x()), "ReLU6()"),
        (Box::new(PReLU::default()), F::prelu(&x(), &slope), "PReLU(num_parameters=1)"),
        (Box::new(ELU::default()), F::elu(&x(), 1.0), "ELU(alpha=1.0)"),
        (Box::new(SELU::default()), F::selu(&x()), "SELU()"),
        (Box::new(CELU::new(2.0)), F::celu(&x(), 2.0), "CELU(alpha=2.0)"),
        (Box::new(GELU::default()), F::gelu(&x(), Approximate::None), "GELU(approximate='none')"),
        (
            Box::new(GELU::new(Approximate::Tanh)),
            F::gelu(&x(), Approximate::Tanh),
            "GELU(approximate='tanh')",
        ),
        (Box::new(SiLU::default()), F::silu(&x()), "SiLU()"),
        (Box::new(Mish::default()), F::mish(&x()), "Mish()"),
        (Box::new(Softsign::default()), F::softsign(&x()), "Softsign()"),
        (Box::new(LogSigmoid::default()), F::logsigmoid(&x()), "LogSigmoid()"),
        (Box::new(Hardtanh::default()), F::hardtanh(&x(), -1.0, 1.0), "Hardtanh(min_val=-1.0, max_val=1.0)"),
        (Box::new(Hardsigmoid::default()), F::hardsigmoid(&x()), "Hardsigmoid()"),
        (Box::new(Hardswish::default()), F::hardswish(&x()), "Hardswish()"),
        (Box::new(Softshrink::default()), F::softshrink(&x(), 0.5), "Softshrink(0.5)"),
        (Box::new(Hardshrink::default()), F::hardshrink(&x(), 0.5), "Hardshrink(0.5)"),
        (Box::new(Tanhshrink::default()), F::tanhshrink(&x()), "Tanhshrink()"),
        (
            Box::new(Threshold::new(0.1, 20.0)),
            F::threshold(&x(), 0.1, 20.0),
            "Threshold(threshold=0.1, value=20.0)",
        ),
        (Box::new(GLU::default()), F::glu(&x(), -1), "GLU(dim=-1)"),
        (Box::new(Softmin::new(1)), F::softmin(&x(), 1), "Softmin(dim=1)"),
    ];
    for (layer, expected, printed) in rows {
        let got = layer.call(&x());
        assert_eq!(got.shape(), expected.shape(), "{printed}");
        assert_eq!(got.to_vec::<f32>(), expected.to_vec::<f32>(), "{printed}");
        assert_eq!(layer.repr(), printed);
    }
}

#[test]
fn softmax2d_is_over_the_channels() {
    let x = Tensor::randn([2, 3, 4, 5]);
    let whole = Forward::call(&Softmax2d::default(), &x);
    assert_eq!(whole.to_vec::<f32>(), F::softmax(&x, 1).to_vec::<f32>());
    let one = Forward::call(&Softmax2d::default(), &x.select(0, 1));
    assert_eq!(one.to_vec::<f32>(), whole.select(0, 1).to_vec::<f32>());
}

#[test]
fn prelu_learns_a_slope_for_each_channel() {
    let layer = PReLU::new(4).init(0.5);
    let y = Forward::call(&layer, &x());
    assert_eq!(y.to_vec::<f32>(), [-1.0, -0.25, 0.0, 0.5, 1.0, 3.0, 7.0, -4.0]);
    y.sum().backward();
    assert_eq!(layer.weight.grad().unwrap().to_vec::<f32>(), [-2.0, -0.5, 0.0, -8.0]);
    assert_eq!(layer.state_dict().keys().collect::<Vec<_>>(), ["weight"]);
}

#[test]
fn dropouts_follow_the_mode() {
    let layers: [(Box<dyn Layer>, &str); 2] = [
        (Box::new(Dropout2d::new(0.25)), "Dropout2d(p=0.25, inplace=False)"),
        (Box::new(AlphaDropout::default()), "AlphaDropout(p=0.5, inplace=False)"),
    ];
    let x = Tensor::randn([100, 100, 2]);
    for (layer, printed) in layers {
        assert_eq!(layer.repr(), printed);
        assert_ne!(layer.call(&x).to_vec::<f32>(), x.to_vec::<f32>());
        layer.eval();
        assert_eq!(layer.call(&x).to_vec::<f32>(), x.to_vec::<f32>());
    }
    let maps = F::dropout2d(&Tensor::ones([100, 100, 2]), 0.25, true).to_vec::<f32>();
    assert!(maps.chunks(2).all(|map| map[0] == map[1]));
    let kept = maps.iter().filter(|&&v| v > 0.0).count() as f64 / maps.len() as f64;
    assert!((kept - 0.75).abs() < 0.03, "{kept} kept");
    let y = F::alpha_dropout(&x, 0.3, true);
    let (mean, square) = (y.mean().item::<f32>(), y.square().mean().item::<f32>());
    assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05, "mean {mean}, mean square {square}");
}
