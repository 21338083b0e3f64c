//! Layers against their equations, and beside their functional twins.

use flambeau_nn::{
    CrossEntropyLoss, Dropout, Flatten, Forward, Identity, Layer, LeakyReLU, Linear, LogSoftmax, Module,
    Parameter, ReLU, Sequential, Sigmoid, Softmax, Softplus, Tanh, functional as F,
};
use flambeau_tensor::Tensor;

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
    let layer = Linear { weight, bias: Some(bias) };
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
