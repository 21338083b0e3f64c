//! How many multiply-adds a call of a layer takes.

use crate::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm, Bilinear, Conv, ConvTranspose,
    GroupNorm, InstanceNorm, LayerNorm, Linear, MultiheadAttention, RMSNorm, RNNBase, RNNCellBase, RNNKind,
};
use crate::{GRU, GRUCell, LSTM, LSTMCell, Module, RNN, RNNCell};

/// The multiply-adds of the module itself, less those of the modules that it calls; 0 for layers that only look up,
/// compare or work number by number, and for modules of other crates.
pub(super) fn multiply_adds(module: &dyn Module, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> u64 {
    let numel = |shapes: &[Vec<usize>]| shapes.first().map_or(0, |shape| product(shape));
    let (input, output) = (numel(inputs), numel(outputs));
    let weights = |weight: &flambeau_tensor::Tensor| weight.numel() as u64;

    if let Some(linear) = module.downcast_ref::<Linear>() {
        return output.saturating_mul(linear.in_features() as u64);
    }
    if let Some(bilinear) = module.downcast_ref::<Bilinear>() {
        return output.saturating_mul(each(weights(&bilinear.weight), bilinear.weight.shape()[0]));
    }
    // Each number of the output sums over a window of the channels in its group.
    if let Some(weight) = convolution::<1>(module).or_else(|| convolution::<2>(module)) {
        return output.saturating_mul(each(weights(weight), weight.shape()[0]));
    }
    // The other way round: each number of the input is spread over a window.
    if let Some(weight) = transposed::<1>(module).or_else(|| transposed::<2>(module)) {
        return input.saturating_mul(each(weights(weight), weight.shape()[0]));
    }
    if let Some(window) = window(module) {
        return output.saturating_mul(window as u64);
    }
    if module.is::<AdaptiveAvgPool1d>() || module.is::<AdaptiveAvgPool2d>() {
        return input;
    }
    if module.is::<BatchNorm<1>>() || module.is::<BatchNorm<2>>() || module.is::<BatchNorm<3>>() {
        return output;
    }
    let instance =
        module.is::<InstanceNorm<1>>() || module.is::<InstanceNorm<2>>() || module.is::<InstanceNorm<3>>();
    if instance || module.is::<LayerNorm>() || module.is::<GroupNorm>() || module.is::<RMSNorm>() {
        return output.saturating_mul(2);
    }
    if let Some(attention) = module.downcast_ref::<MultiheadAttention>() {
        return attention.multiply_adds(inputs);
    }
    let recurrent = [
        layer(module.downcast_ref::<RNN>()),
        layer(module.downcast_ref::<LSTM>()),
        layer(module.downcast_ref::<GRU>()),
        cell(module.downcast_ref::<RNNCell>()),
        cell(module.downcast_ref::<LSTMCell>()),
        cell(module.downcast_ref::<GRUCell>()),
    ];
    match recurrent.into_iter().flatten().next() {
        Some((weights, features)) => each(input, features).saturating_mul(weights),
        None => 0,
    }
}

fn product(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |product: u64, &size| product.saturating_mul(size as u64))
}

fn each(total: u64, parts: usize) -> u64 {
    total.checked_div(parts as u64).unwrap_or(0)
}

fn convolution<const N: usize>(module: &dyn Module) -> Option<&flambeau_tensor::Tensor> {
    module.downcast_ref::<Conv<N>>().map(|conv| &*conv.weight)
}

fn transposed<const N: usize>(module: &dyn Module) -> Option<&flambeau_tensor::Tensor> {
    module.downcast_ref::<ConvTranspose<N>>().map(|conv| &*conv.weight)
}

/// The numbers that one output of average pooling is the mean of.
fn window(module: &dyn Module) -> Option<usize> {
    let one = module.downcast_ref::<AvgPool1d>().map(AvgPool1d::window);
    one.or_else(|| module.downcast_ref::<AvgPool2d>().map(AvgPool2d::window))
}

/// The numbers in the matrices that each step is multiplied with, and the features of a step.
fn layer<K: RNNKind>(layer: Option<&RNNBase<K>>) -> Option<(u64, usize)> {
    let weights = layer?.parameters();
    let matrices = weights.iter().filter(|weight| weight.ndim() == 2).map(|weight| weight.numel() as u64);
    Some((matrices.sum(), weights.first()?.shape()[1]))
}

fn cell<K: RNNKind>(cell: Option<&RNNCellBase<K>>) -> Option<(u64, usize)> {
    let cell = cell?;
    let matrices = cell.weight_ih.numel() + cell.weight_hh.numel();
    Some((matrices as u64, cell.weight_ih.shape()[1]))
}
