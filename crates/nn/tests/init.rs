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

#[test]
fn truncated_normals() {
    // φ and Φ by their integral: moments of what is left between the bounds.
    let expected = |low: f64, high: f64| {
        let steps = 200_000;
        let step = (high - low) / f64::from(steps);
        let points = (0..steps).map(|i| low + (f64::from(i) + 0.5) * step);
        let sums = points.fold([0.0; 5], |mut sums, z| {
            let weight = (-(z * z - low * low) / 2.0).exp();
            (0..5).for_each(|k| sums[k] += weight * z.powi(k as i32));
            sums
        });
        let mean = sums[1] / sums[0];
        let [m2, m3, m4] = [2, 3, 4].map(|k| sums[k] / sums[0]);
        let variance = m2 - mean * mean;
        let fourth = m4 - 4.0 * mean * m3 + 6.0 * mean * mean * m2 - 3.0 * mean.powi(4);
        (mean, variance.sqrt(), fourth / (variance * variance))
    };
    // The usual one, a one-sided one, narrow ones, tails on either side.
    for (low, high) in [(-2.0, 2.0), (-0.1, 4.0), (-0.3, 0.2), (0.5, 0.6), (1.5, 9.0), (-4.0, -3.0)] {
        let (mean, std) = (3.0, 2.0);
        let (a, b) = (mean + std * low, mean + std * high);
        let tensor = init::trunc_normal_(&Tensor::zeros([1 << 20]), mean, std, a, b);
        let (z, deviation, kurtosis) = expected(low, high);
        check_mean_and_std(&tensor, mean + std * z, std * deviation, kurtosis);
        let values = tensor.to_vec::<f32>();
        assert!(values.iter().all(|&v| (a as f32..=b as f32).contains(&v)), "{low} to {high}");
    }
    // However far out the interval is.
    let far = init::trunc_normal_(&Tensor::zeros([100]), 0.0, 1e-200, 1.0, 2.0);
    assert_eq!(far.to_vec::<f32>(), [1.0; 100]);
    assert_eq!(init::trunc_normal_(&Tensor::zeros([2]), 0.0, 0.0, 1.0, 2.0).to_vec::<f32>(), [1.0; 2]);
}

#[test]
fn orthogonal() {
    for shape in [vec![70, 40], vec![40, 70], vec![33, 33], vec![8, 3, 2, 2], vec![1, 5], vec![5, 1]] {
        let w = init::orthogonal_(&Tensor::zeros(shape.clone()), 2.0);
        let matrix = w.reshape([shape[0] as isize, -1]);
        let few = matrix.size(0).min(matrix.size(1));
        let product = if matrix.size(0) <= matrix.size(1) {
            matrix.matmul(&matrix.t())
        } else {
            matrix.t().matmul(&matrix)
        };
        for (at, value) in product.to_vec::<f32>().into_iter().enumerate() {
            let expected = if at / few == at % few { 4.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "{shape:?}: {value} at {at}");
        }
    }
    // Uniform among rotations: entries have mean 0 and variance 1/n. Rows are unit vectors, so the sums are dependent,
    // but not more spread than independent ones.
    let big = init::orthogonal_(&Tensor::zeros([1024, 1024]), 1.0);
    check_normal(&big, 1.0 / 32.0);
    assert_eq!(init::orthogonal_(&Tensor::zeros([0, 3]), 1.0).numel(), 0);
}

#[test]
fn sparse() {
    let (rows, columns) = (1000, 1050);
    let tensor = init::sparse_(&Tensor::zeros([rows, columns]), 0.3, 0.01);
    let values = tensor.to_vec::<f32>();
    for column in 0..columns {
        let zeros = (0..rows).filter(|row| values[row * columns + column] == 0.0).count();
        assert_eq!(zeros, 300, "column {column}");
    }
    // Each row is as likely as another to hold them.
    let spread = (columns as f64 * 0.3 * 0.7).sqrt();
    for row in values.chunks(columns) {
        let zeros = row.iter().filter(|&&v| v == 0.0).count() as f64;
        assert!((zeros - 0.3 * columns as f64).abs() < 6.0 * spread, "{zeros}");
    }
    let others: Vec<f32> = values.into_iter().filter(|&v| v != 0.0).collect();
    let count = others.len();
    check_normal(&Tensor::from_vec(others, [count]), 0.01);
    assert_eq!(init::sparse_(&Tensor::zeros([3, 2]), 1.0, 1.0).to_vec::<f32>(), [0.0; 6]);
    assert_eq!(init::sparse_(&Tensor::zeros([0, 2]), 0.5, 1.0).numel(), 0);
}

#[test]
fn identities() {
    assert_eq!(init::eye_(&Tensor::ones([3, 2])).to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // [4, 1, 3] in two groups: two outputs each, one input: the second output of a group gets nothing.
    let dirac = init::dirac_(&Tensor::ones([4, 1, 3]), 2).to_vec::<f32>();
    assert_eq!(dirac, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let dirac = init::dirac_(&Tensor::ones([1, 2, 2, 3]), 1).to_vec::<f32>();
    assert_eq!(dirac.iter().position(|&v| v == 1.0), Some(4));
    assert_eq!(dirac.iter().sum::<f32>(), 1.0);
}

#[test]
#[should_panic(expected = "3 groups of the 4 output channels")]
fn groups_divide_the_channels() {
    init::dirac_(&Tensor::zeros([4, 1, 3]), 3);
}
