//! The distributions that parameters are drawn from: bounds, mean and standard deviation over many draws.

use flambeau_nn::init::{self, FanMode, Nonlinearity, calculate_gain};
use flambeau_nn::{Linear, Module};
use flambeau_tensor::Tensor;

struct Moments {
    mean: f64,
    std: f64,
    largest: f64,
}

fn moments(tensor: &Tensor) -> Moments {
    let values: Vec<f64> = tensor.to_vec::<f32>().into_iter().map(f64::from).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    Moments {
        mean,
        std: variance.sqrt(),
        largest: values.iter().fold(0.0, |max, value| max.max(value.abs())),
    }
}

/// Six standard errors: a sound generator fails once in 10⁸ runs or so.
fn check_mean_and_std(tensor: &Tensor, mean: f64, std: f64, kurtosis: f64) -> Moments {
    let n = tensor.numel() as f64;
    let got = moments(tensor);
    assert!((got.mean - mean).abs() < 6.0 * std / n.sqrt(), "mean {} for {mean}", got.mean);
    let error = std * ((kurtosis - 1.0) / (4.0 * n)).sqrt();
    assert!((got.std - std).abs() < 6.0 * error, "standard deviation {} for {std}", got.std);
    got
}

fn check_uniform(tensor: &Tensor, bound: f64) {
    let got = check_mean_and_std(tensor, 0.0, bound / 3.0_f64.sqrt(), 1.8);
    assert!(got.largest <= bound * (1.0 + 1e-6), "{} is beyond {bound}", got.largest);
    assert!(got.largest > 0.999 * bound, "{} does not reach {bound}", got.largest);
}

fn check_normal(tensor: &Tensor, std: f64) {
    let got = check_mean_and_std(tensor, 0.0, std, 3.0);
    assert!(got.largest > 3.5 * std, "no tails: {}", got.largest);
    let within = tensor.to_vec::<f32>().iter().filter(|value| f64::from(value.abs()) < std).count();
    let share = within as f64 / tensor.numel() as f64;
    assert!((share - 0.6827).abs() < 0.005, "{share} within one standard deviation");
}

// 2^20 weights with fans far apart, so that mixing them up shows.
const OUT: usize = 256;
const IN: usize = 4096;

fn weight() -> Tensor {
    Tensor::zeros([OUT, IN])
}

#[test]
fn linear_as_in_pytorch() {
    let layer = Linear::new(IN, OUT);
    check_uniform(&layer.weight, 1.0 / (IN as f64).sqrt());
    let wide = Linear::new(4, 100_000);
    check_uniform(wide.bias.as_ref().unwrap(), 0.5);
    assert!(layer.weight.requires_grad());
    let before = layer.state_dict().copy();
    layer.reset_parameters();
    assert_ne!(layer.weight.to_vec::<f32>(), before.get("weight").unwrap().to_vec::<f32>());
}

#[test]
fn linear_without_bias_or_inputs() {
    assert!(Linear::new(3, 2).bias(false).bias.is_none());
    assert!(Linear::new(3, 2).bias(false).bias(true).bias.is_some());
    let empty = Linear::new(0, 2);
    assert_eq!(empty.bias.as_ref().unwrap().to_vec::<f32>(), [0.0, 0.0]);
    assert_eq!((empty.in_features(), empty.out_features()), (0, 2));
}

#[test]
fn kaiming() {
    let gain = 2.0_f64.sqrt();
    check_uniform(
        &init::kaiming_uniform_(&weight(), FanMode::FanIn, Nonlinearity::ReLU),
        gain * (3.0 / IN as f64).sqrt(),
    );
    check_uniform(
        &init::kaiming_uniform_(&weight(), FanMode::FanOut, Nonlinearity::Tanh),
        5.0 / 3.0 * (3.0 / OUT as f64).sqrt(),
    );
    check_normal(
        &init::kaiming_normal_(&weight(), FanMode::default(), Nonlinearity::default()),
        gain / (IN as f64).sqrt(),
    );
    check_normal(
        &init::kaiming_normal_(&weight(), FanMode::FanOut, Nonlinearity::Linear),
        1.0 / (OUT as f64).sqrt(),
    );
}

#[test]
fn xavier() {
    let fans = (IN + OUT) as f64;
    check_uniform(&init::xavier_uniform_(&weight(), 1.0), (6.0 / fans).sqrt());
    check_normal(&init::xavier_normal_(&weight(), 2.0), 2.0 * (2.0 / fans).sqrt());
}

#[test]
fn kernels_count_into_the_fans() {
    // A convolution's weight: 64 filters over 16 channels of 8 by 8.
    let weight = || Tensor::zeros([64, 16, 8, 8]);
    let of = |mode| init::kaiming_uniform_(&weight(), mode, Nonlinearity::Linear);
    check_uniform(&of(FanMode::FanIn), (3.0_f64 / (16.0 * 64.0)).sqrt());
    check_uniform(&of(FanMode::FanOut), (3.0_f64 / (64.0 * 64.0)).sqrt());
}

#[test]
fn constants_and_plain_distributions() {
    let tensor = Tensor::zeros([1000]);
    assert!(init::ones_(&tensor).is_same(&tensor));
    assert_eq!(tensor.to_vec::<f32>(), [1.0; 1000]);
    assert_eq!(init::constant_(&tensor, -0.5).to_vec::<f32>(), [-0.5; 1000]);
    assert_eq!(init::zeros_(&tensor).to_vec::<f32>(), [0.0; 1000]);
    let many = Tensor::zeros([1 << 20]);
    check_normal(&init::normal_(&many, 0.0, 0.01), 0.01);
    check_mean_and_std(&init::uniform_(&many, 2.0, 4.0), 3.0, 2.0 / 12.0_f64.sqrt(), 1.8);
    check_mean_and_std(&init::normal_(&many, -7.0, 2.0), -7.0, 2.0, 3.0);
}

#[test]
fn gains() {
    assert_eq!(calculate_gain(Nonlinearity::Linear), 1.0);
    assert_eq!(calculate_gain(Nonlinearity::Sigmoid), 1.0);
    assert_eq!(calculate_gain(Nonlinearity::LeakyReLU(1.0)), 1.0);
    assert_eq!(calculate_gain(Nonlinearity::LeakyReLU(0.01)), (2.0_f64 / 1.0001).sqrt());
    assert_eq!(calculate_gain(Nonlinearity::SELU), 0.75);
}

#[test]
fn parameters_are_filled_without_recording() {
    let layer = Linear::new(4, 4);
    let filled = init::xavier_uniform_(&layer.weight, 1.0);
    assert!(filled.is_same(&layer.weight) && filled.requires_grad());
}

#[test]
fn an_empty_tensor_is_left_as_it_is() {
    assert_eq!(init::kaiming_normal_(&Tensor::zeros([0, 5]), FanMode::FanOut, Nonlinearity::ReLU).numel(), 0);
}

#[test]
#[should_panic(expected = "a tensor of shape [3] has no fan_in and fan_out")]
fn a_bias_has_no_fans() {
    init::kaiming_uniform_(&Tensor::zeros([3]), FanMode::FanIn, Nonlinearity::ReLU);
}
