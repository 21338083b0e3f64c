//! Layers against their equations, and beside their functional twins.

use flambeau_nn::{
    Bilinear, CircularPad2d, ConstantPad2d, CrossEntropyLoss, Dropout, Flatten, Forward, Identity, Layer,
    LeakyReLU, Linear, LogSoftmax, Module, Parameter, PixelShuffle, PixelUnshuffle, ReLU, ReflectionPad2d,
    ReplicationPad2d, Sequential, Sigmoid, Softmax, Softplus, Tanh, Unflatten, Upsample, ZeroPad2d,
    functional as F,
};
use flambeau_tensor::{InterpolateMode, InterpolateOptions, PadMode, Tensor};

fn x() -> Tensor {
    Tensor::from_vec(vec![-2.0_f32, -0.5, 0.0, 0.5, 1.0, 30.0], [2, 3])
}

fn close(got: &Tensor, expected: impl IntoIterator<Item = f64>) {
    let got = got.to_vec::<f32>();
    let expected: Vec<f64> = expected.into_iter().collect();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((f64::from(*got) - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{got} for {expected}");
    }
}

fn each(f: impl Fn(f64) -> f64) -> Vec<f64> {
    x().to_vec::<f32>().into_iter().map(|x| f(f64::from(x))).collect()
}

#[test]
fn pointwise_activations() {
    close(&Identity::default().call(&x()), each(|x| x));
    close(&ReLU::default().call(&x()), each(|x| x.max(0.0)));
    close(&LeakyReLU::default().call(&x()), each(|x| if x > 0.0 { x } else { 0.01 * x }));
    close(&Sigmoid::default().call(&x()), each(|x| 1.0 / (1.0 + (-x).exp())));
    close(&Tanh::default().call(&x()), each(f64::tanh));
    close(&Softplus::default().call(&x()), each(|x| if x > 20.0 { x } else { x.exp().ln_1p() }));
    close(
        &Softplus::new(2.0, 20.0).call(&x()),
        each(|x| if x > 10.0 { x } else { (2.0 * x).exp().ln_1p() / 2.0 }),
    );
}

#[test]
fn softmaxes() {
    let y = Softmax::new(1).call(&x());
    let rows: Vec<f32> = y.to_vec::<f32>().chunks(3).map(|row| row.iter().sum()).collect();
    assert!(rows.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{rows:?}");
    close(&LogSoftmax::new(-1).call(&x()), y.to_vec::<f32>().iter().map(|p| f64::from(*p).ln()));
}

#[test]
fn functional_twins() {
    let pairs: [(Box<dyn Layer>, Tensor); 8] = [
        (Box::new(ReLU::default()), F::relu(&x())),
        (Box::new(LeakyReLU::new(0.2)), F::leaky_relu(&x(), 0.2)),
        (Box::new(Sigmoid::default()), F::sigmoid(&x())),
        (Box::new(Tanh::default()), F::tanh(&x())),
        (Box::new(Softplus::default()), F::softplus(&x(), 1.0, 20.0)),
        (Box::new(Softmax::new(1)), F::softmax(&x(), 1)),
        (Box::new(LogSoftmax::new(1)), F::log_softmax(&x(), 1)),
        (Box::new(Flatten::new(0, -1)), F::flatten(&x(), 0, -1)),
    ];
    for (layer, expected) in pairs {
        let got = layer.call(&x());
        assert_eq!(got.shape(), expected.shape(), "{}", layer.repr());
        assert_eq!(got.to_vec::<f32>(), expected.to_vec::<f32>(), "{}", layer.repr());
    }
}

#[test]
fn linear() {
    let weight = Parameter::new(Tensor::from_vec(vec![1.0_f32, 0.0, 0.0, 1.0, 1.0, 1.0], [2, 3]));
    let bias = Parameter::new(Tensor::from_vec(vec![10.0_f32, -1.0], [2]));
    let mut layer = Linear::new(3, 2);
    (layer.weight, layer.bias) = (weight, Some(bias));
    close(&layer.call(&x()), [8.0, -3.5, 10.5, 30.5]);
    close(&F::linear(&x(), &layer.weight, None), [-2.0, -2.5, 0.5, 31.5]);
    let layer = layer.bias(false);
    close(&layer.call(&x()), [-2.0, -2.5, 0.5, 31.5]);
    assert_eq!(layer.call(&Tensor::zeros([4, 5, 3])).shape(), [4, 5, 2]);
}

#[test]
fn flatten() {
    let x = Tensor::zeros([2, 3, 4, 5]);
    assert_eq!(Flatten::default().call(&x).shape(), [2, 60]);
    assert_eq!(Flatten::new(1, 2).call(&x).shape(), [2, 12, 5]);
    assert_eq!(Flatten::new(-2, -1).call(&x).shape(), [2, 3, 20]);
}

#[test]
fn dropout_follows_the_mode() {
    let x = Tensor::ones([10_000]);
    let dropout = Dropout::new(0.2);
    let kept = dropout.call(&x).to_vec::<f32>();
    assert!(kept.iter().all(|value| *value == 0.0 || *value == 1.25));
    let share = kept.iter().filter(|value| **value > 0.0).count() as f64 / 10_000.0;
    assert!((share - 0.8).abs() < 0.03, "{share} kept");
    dropout.eval();
    assert_eq!(dropout.call(&x).to_vec::<f32>(), vec![1.0; 10_000]);
    assert_eq!(F::dropout(&x, 1.0, true).to_vec::<f32>(), vec![0.0; 10_000]);
}

#[test]
#[should_panic(expected = "p is a probability from 0 to 1, but got 1.5")]
fn dropout_takes_a_probability() {
    let _ = Dropout::new(1.5);
}

#[test]
fn sequences() {
    assert_eq!(Sequential::default().call(&x()).to_vec::<f32>(), x().to_vec::<f32>());
    let mut model = Sequential::new((Linear::new(3, 4), ReLU::default()));
    model.push(Linear::new(4, 1));
    assert_eq!(model.call(&x()).shape(), [2, 1]);
    assert_eq!((model.len(), model.is_empty(), model.get(3).is_none()), (3, false, true));
    let types: Vec<_> = model.iter().map(|layer| layer.type_name()).collect();
    assert_eq!(types, ["Linear", "ReLU", "Linear"]);
    let boxed: Vec<Box<dyn Layer>> = vec![Box::new(model), Box::new(Tanh::default())];
    assert_eq!(Sequential::new(boxed).state_dict().keys().last(), Some("0.2.bias"));
    type Twelve = (Tanh, Tanh, Tanh, Tanh, Tanh, Tanh, Tanh, Tanh, Tanh, Tanh, Tanh, Tanh);
    assert_eq!(Sequential::new(Twelve::default()).len(), 12);
}

#[test]
fn printed_settings() {
    let layers: [(Box<dyn Layer>, &str); 8] = [
        (Box::new(Flatten::default()), "Flatten(start_dim=1, end_dim=-1)"),
        (Box::new(LeakyReLU::default()), "LeakyReLU(negative_slope=0.01)"),
        (Box::new(Softplus::default()), "Softplus(beta=1.0, threshold=20.0)"),
        (Box::new(Softmax::new(-1)), "Softmax(dim=-1)"),
        (Box::new(Dropout::default()), "Dropout(p=0.5, inplace=False)"),
        (Box::new(Linear::new(2, 3).bias(false)), "Linear(in_features=2, out_features=3, bias=False)"),
        (Box::new(Sequential::default()), "Sequential()"),
        (Box::new(Identity::default()), "Identity()"),
    ];
    for (layer, expected) in layers {
        assert_eq!(layer.repr(), expected);
    }
    assert_eq!(format!("{:?}", CrossEntropyLoss::default()), "CrossEntropyLoss()");
}

#[test]
fn image_layers_and_their_functional_twins() {
    let x = Tensor::randn([2, 4, 3, 5]);
    let pad = [1, 2, 0, 1];
    let mode = InterpolateMode::Bilinear;
    let options =
        InterpolateOptions { size: Some(vec![4, 7]), mode, align_corners: true, ..Default::default() };
    let pairs: [(Box<dyn Layer>, &str, Tensor); 11] = [
        (
            Box::new(ZeroPad2d::new((1, 2, 0, 1))),
            "ZeroPad2d((1, 2, 0, 1))",
            F::pad(&x, &pad, PadMode::default()),
        ),
        (
            Box::new(ConstantPad2d::new(1, 3.5)),
            "ConstantPad2d(padding=(1, 1, 1, 1), value=3.5)",
            F::pad(&x, &[1; 4], PadMode::Constant(3.5)),
        ),
        (
            Box::new(ReflectionPad2d::new((1, 2, 0, 1))),
            "ReflectionPad2d((1, 2, 0, 1))",
            F::pad(&x, &pad, PadMode::Reflect),
        ),
        (
            Box::new(ReplicationPad2d::new(1)),
            "ReplicationPad2d((1, 1, 1, 1))",
            F::pad(&x, &[1; 4], PadMode::Replicate),
        ),
        (
            Box::new(CircularPad2d::new(2)),
            "CircularPad2d((2, 2, 2, 2))",
            F::pad(&x, &[2; 4], PadMode::Circular),
        ),
        (
            Box::new(Upsample::size([4, 7]).mode(mode).align_corners(true)),
            "Upsample(size=(4, 7), mode='bilinear')",
            F::interpolate(&x, options),
        ),
        (
            Box::new(Upsample::scale_factor(2.0)),
            "Upsample(scale_factor=2.0, mode='nearest')",
            F::interpolate(&x, InterpolateOptions { scale_factor: Some(vec![2.0]), ..Default::default() }),
        ),
        (
            Box::new(Upsample::size(5)),
            "Upsample(size=5, mode='nearest')",
            F::interpolate(&x, InterpolateOptions { size: Some(vec![5]), ..Default::default() }),
        ),
        (Box::new(PixelShuffle::new(2)), "PixelShuffle(upscale_factor=2)", F::pixel_shuffle(&x, 2)),
        (Box::new(PixelUnshuffle::new(1)), "PixelUnshuffle(downscale_factor=1)", F::pixel_unshuffle(&x, 1)),
        (
            Box::new(Unflatten::new(1, [2, -1])),
            "Unflatten(dim=1, unflattened_size=(2, -1))",
            x.unflatten(1, [2, -1]),
        ),
    ];
    for (layer, repr, expected) in pairs {
        let got = layer.call(&x);
        assert_eq!(layer.repr(), repr);
        assert_eq!(got.shape(), expected.shape(), "{repr}");
        assert_eq!(got.to_vec::<f32>(), expected.to_vec::<f32>(), "{repr}");
    }
}

#[test]
fn bilinear() {
    let layer = Bilinear::new(2, 3, 4);
    assert_eq!(layer.repr(), "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)");
    let (a, b) = (Tensor::randn([5, 2]), Tensor::randn([5, 3]));
    let expected = F::bilinear(&a, &b, &layer.weight, layer.bias.as_deref()).to_vec::<f32>();
    assert_eq!(layer.call(&(a, b)).to_vec::<f32>(), expected);
    let bound = 1.0 / 2.0_f32.sqrt();
    let drawn = Bilinear::new(2, 300, 40).weight.to_vec::<f32>();
    assert!(drawn.iter().all(|w| w.abs() <= bound) && drawn.iter().any(|w| w.abs() > 0.99 * bound));
    assert!(layer.bias(false).bias.is_none());
}
