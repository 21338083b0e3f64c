//! A network learns, in a loop written by hand.

use std::panic::Location;

use flambeau_nn::{CrossEntropyLoss, Dropout, Flatten, Forward, Linear, Module, ReLU, Sequential, init};
use flambeau_tensor::{Tensor, no_grad};

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    flatten: Flatten,
    hidden: Sequential,
    output: Linear,
}

impl Forward for Net {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.hidden.call(&self.flatten.call(x));
        self.output.call(&x)
    }
}

fn step(model: &dyn Module, lr: f64) {
    no_grad(|| {
        for parameter in model.parameters() {
            if let Some(grad) = parameter.grad() {
                parameter.copy_(&(&parameter - &(&grad * lr)));
            }
        }
    });
}

#[test]
fn a_network_learns_exclusive_or() {
    flambeau_tensor::manual_seed(0);
    let hidden = Sequential::new((Linear::new(2, 16), ReLU::default(), Dropout::new(0.0)));
    let net = Net { flatten: Flatten::default(), hidden, output: Linear::new(16, 2) };
    net.apply(&mut |module| {
        if let Some(linear) = module.downcast_ref::<Linear>() {
            init::kaiming_normal_(&linear.weight, init::FanMode::FanIn, init::Nonlinearity::ReLU);
        }
    });
    let x = Tensor::from_vec(vec![0.0_f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 1, 2]);
    let y = Tensor::from_vec(vec![0_i64, 1, 1, 0], [4]);
    let loss_fn = CrossEntropyLoss::default();
    let first: f32 = loss_fn.call(&net.call(&x), &y).item();
    for _ in 0..300 {
        let loss = loss_fn.call(&net.call(&x), &y);
        net.zero_grad();
        loss.backward();
        step(&net, 0.5);
    }
    let last: f32 = loss_fn.call(&net.call(&x), &y).item();
    assert!(first > 0.3 && last < 0.05, "loss from {first} to {last}");
}

#[test]
fn frozen_layers_get_no_gradient() {
    let hidden = Sequential::new((Linear::new(2, 3), ReLU::default()));
    let net = Net { flatten: Flatten::default(), hidden, output: Linear::new(3, 2) };
    net.hidden.freeze();
    net.call(&Tensor::ones([1, 2])).sum().backward();
    let with: Vec<_> = net
        .named_parameters()
        .into_iter()
        .filter(|(_, p)| p.grad().is_some())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(with, ["output.weight", "output.bias"]);
}

#[test]
fn tied_weights_add_up_their_gradients() {
    let first = Linear::new(2, 2).bias(false);
    let mut second = Linear::new(2, 2).bias(false);
    second.weight = first.weight.clone();
    init::ones_(&first.weight);
    let model = Sequential::new((first, second));
    // y = W W x with all ones: dy/dW is that of both places.
    model.call(&Tensor::ones([1, 2])).sum().backward();
    assert_eq!(model.parameters()[0].grad().map(|grad| grad.to_vec::<f32>()), Some(vec![4.0; 4]));
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Where {
    place: usize,
}

impl Forward<(), u32> for Where {
    #[track_caller]
    fn forward(&self, (): &()) -> u32 {
        Location::caller().line()
    }
}

#[test]
fn errors_of_a_layer_point_at_its_caller() {
    let layer = Box::new(Where { place: 0 });
    assert_eq!((layer.call(&()), layer.place), (line!(), 0));
}
