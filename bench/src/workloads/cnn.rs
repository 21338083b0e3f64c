//! Convolutional networks: a small one with dropout, a deeper one with batch norm, and a single convolution.

use flambeau::prelude::*;

use crate::generator::{batches, fill_parameters, tensor};
use crate::timing::{Measured, Timing};
use crate::training::step;

/// Two convolutions and two linear layers for 28 × 28 grey pixels.
fn small() -> Sequential {
    Sequential::new((
        Conv2d::new(1, 16, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(2),
        Conv2d::new(16, 32, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(2),
        Flatten::default(),
        Linear::new(1568, 128),
        ReLU::default(),
        Dropout::new(0.5),
        Linear::new(128, 10),
    ))
}

/// Three blocks of two convolutions with batch norm for 32 × 32 coloured pixels.
fn deep() -> Sequential {
    let mut layers = Sequential::new(());
    let mut inputs = 3;
    for outputs in [32, 64, 128] {
        for _ in 0..2 {
            layers = layers
                .add(Conv2d::new(inputs, outputs, 3).padding(1))
                .add(BatchNorm2d::new(outputs))
                .add(ReLU::default());
            inputs = outputs;
        }
        layers = layers.add(MaxPool2d::new(2));
    }
    layers.add(Flatten::default()).add(Linear::new(2048, 10))
}

const GREY: [usize; 3] = [1, 28, 28];
const COLOUR: [usize; 3] = [3, 32, 32];

fn images(samples: usize, [channels, height, width]: [usize; 3], batch: usize) -> Vec<(Tensor, Tensor)> {
    let flat = batches(samples, channels * height * width, batch);
    flat.into_iter().map(|(x, y)| (x.reshape([batch, channels, height, width]), y)).collect()
}

/// Dropout's masks differ between programs: the loss before training, in evaluation mode, is compared.
pub(crate) fn train_small(timing: &Timing) -> Measured {
    let data = images(6400, GREY, 64);
    let model = small();
    fill_parameters(&model);
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    model.eval();
    let (x, y) = &data[0];
    let check = no_grad(|| CrossEntropyLoss::default().call(&model.call(x), y).item::<f32>());
    model.train();
    let mut round = data.iter().cycle();
    timing
        .steps(check.into(), || step(&model, &mut optimizer, round.next().expect("a cycle of some batches")))
}

/// The loss of the third step is compared.
pub(crate) fn train_deep(timing: &Timing) -> Measured {
    let data = images(640, COLOUR, 64);
    let model = deep();
    fill_parameters(&model);
    let mut optimizer = SGD::new(model.parameters(), 0.01).momentum(0.9);
    let mut round = data.iter().cycle();
    let mut step = || step(&model, &mut optimizer, round.next().expect("a cycle of some batches"));
    step();
    step();
    let check = step();
    timing.steps(check.into(), step)
}

pub(crate) fn infer_deep(timing: &Timing, batch: usize) -> Measured {
    let data = images(640, COLOUR, batch);
    let model = deep();
    fill_parameters(&model);
    model.eval();
    no_grad(|| {
        let check = model.call(&data[0].0).sum().item::<f32>();
        let mut round = data.iter().cycle();
        timing.steps(check.into(), || model.call(&round.next().expect("a cycle of some batches").0))
    })
}

/// 16 to 32 channels, 3 × 3, of 64 images of 28 × 28.
fn convolution() -> [Tensor; 3] {
    [
        tensor(13, &[64, 16, 28, 28], -1.0, 1.0),
        tensor(14, &[32, 16, 3, 3], -1.0, 1.0),
        tensor(15, &[32], -1.0, 1.0),
    ]
}

fn convolve([x, weight, bias]: &[Tensor; 3]) -> Tensor {
    let options = flambeau::Conv2dOptions { padding: Padding::Both([1, 1]), ..Default::default() };
    x.conv2d(weight, Some(bias), options)
}

fn first(x: &Tensor) -> f64 {
    x.flatten(0, -1).i(0).item::<f32>().into()
}

pub(crate) fn conv_forward(timing: &Timing) -> Measured {
    let inputs = convolution();
    no_grad(|| timing.steps(first(&convolve(&inputs)), || convolve(&inputs)))
}

pub(crate) fn conv_backward(timing: &Timing) -> Measured {
    let inputs = convolution().map(Tensor::requires_grad_);
    let step = || {
        inputs.iter().for_each(Tensor::zero_grad);
        let y = convolve(&inputs);
        y.sum().backward();
        y
    };
    step();
    let check = inputs[1].grad().map_or(f64::NAN, |gradient| first(&gradient));
    timing.steps(check, step)
}
