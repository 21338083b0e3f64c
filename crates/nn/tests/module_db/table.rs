//! Flambeau's modules from PyTorch's names and arguments.

use std::sync::Arc;

use flambeau_nn::functional::MultiheadAttentionOptions;
use flambeau_nn::*;
use flambeau_tensor::{Approximate, Padding, Tensor, loss::Reduction};

use crate::arguments::Arguments;

/// Calls a module with the inputs of a sample.
pub(crate) type Call = Box<dyn Fn(&Arguments<'_>) -> Vec<Tensor>>;

type Built = (Arc<dyn Module>, Call);

/// A module of one input.
fn one<M: Forward>(module: M) -> Built {
    with(module, |module, x| vec![module.call(&x.find("input").unwrap_or_else(|| x.get("x")))])
}

/// A module of two inputs, whose names are given.
fn two<M: Forward<(Tensor, Tensor)>>(module: M, names: [&'static str; 2]) -> Built {
    with(module, move |module, x| {
        let [a, b] = names.map(|name| x.get(name));
        vec![module.call(&(a, b))]
    })
}

/// A module of three inputs, whose names are given.
fn three<M: Forward<(Tensor, Tensor, Tensor)>>(module: M, names: [&'static str; 3]) -> Built {
    with(module, move |module, x| {
        let [a, b, c] = names.map(|name| x.get(name));
        vec![Forward::call(module, &(a, b, c))]
    })
}

fn with<M: Module>(module: M, call: impl Fn(&M, &Arguments<'_>) -> Vec<Tensor> + 'static) -> Built {
    let module = Arc::new(module);
    (module.clone(), Box::new(move |x| call(&module, x)))
}

const TARGET: [&str; 2] = ["input", "target"];
const PAIR: [&str; 3] = ["input1", "input2", "target"];

/// The module, and how it is called. Panics at a name that is not here.
pub(crate) fn build(name: &str, a: &Arguments<'_>) -> Built {
    match name {
        "AdaptiveAvgPool1d" => one(AdaptiveAvgPool1d::new(a.get("output_size"))),
        "AdaptiveAvgPool2d" => one(AdaptiveAvgPool2d::new(a.get::<[Option<usize>; 2]>("output_size"))),
        "AdaptiveMaxPool1d" => one(AdaptiveMaxPool1d::new(a.get("output_size"))),
        "AdaptiveMaxPool2d" => one(AdaptiveMaxPool2d::new(a.get::<[Option<usize>; 2]>("output_size"))),
        "AvgPool1d" => {
            let [kernel_size] = a.get::<[usize; 1]>("kernel_size");
            let m = a.set("stride", AvgPool1d::new(kernel_size), |m, [v]: [usize; 1]| m.stride(v));
            one(a.set("padding", m, |m, v| m.padding(v)))
        }
        "AvgPool2d" => {
            let m = AvgPool2d::new(a.get::<[usize; 2]>("kernel_size"));
            let m = a.set("stride", m, |m, v: [usize; 2]| m.stride(v));
            let m = a.set("padding", m, |m, v: [usize; 2]| m.padding(v));
            one(a.set("divisor_override", m, |m, v| m.divisor_override(v)))
        }
        "BCELoss" => {
            let m = a.set("weight", BCELoss::default(), |m, v| m.weight(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), TARGET)
        }
        "BCEWithLogitsLoss" => {
            let m = a.set("weight", BCEWithLogitsLoss::default(), |m, v| m.weight(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), TARGET)
        }
        "BatchNorm1d" => one(batch_norm::<1>(a)),
        "BatchNorm2d" => one(batch_norm::<2>(a)),
        "BatchNorm3d" => one(batch_norm::<3>(a)),
        "Bilinear" => {
            let m = Bilinear::new(a.get("in1_features"), a.get("in2_features"), a.get("out_features"));
            two(a.set("bias", m, |m, v| m.bias(v)), ["input1", "input2"])
        }
        "CELU" => one(CELU::new(a.or("alpha", 1.0))),
        "CircularPad2d" => one(CircularPad2d::new(padding(a))),
        "ConstantPad2d" => one(ConstantPad2d::new(padding(a), a.get("value"))),
        "Conv1d" => one(conv::<1>(a)),
        "Conv2d" => one(conv::<2>(a)),
        "ConvTranspose1d" => one(conv_transpose::<1>(a)),
        "ConvTranspose2d" => one(conv_transpose::<2>(a)),
        "CosineEmbeddingLoss" => {
            let m = a.set("margin", CosineEmbeddingLoss::default(), |m, v| m.margin(v));
            three(a.set("reduction", m, |m, v| m.reduction(v)), PAIR)
        }
        "CrossEntropyLoss" => {
            let m = a.set("weight", CrossEntropyLoss::default(), |m, v| m.weight(v));
            let m = a.set("ignore_index", m, |m, v| m.ignore_index(v));
            let m = a.set("label_smoothing", m, |m, v| m.label_smoothing(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), TARGET)
        }
        "ELU" => one(ELU::new(a.or("alpha", 1.0))),
        "Embedding" => one(Embedding::new(a.get("num_embeddings"), a.get("embedding_dim"))),
        "GELU" => one(GELU::new(a.or("approximate", Approximate::None))),
        "GLU" => one(GLU::new(a.or("dim", -1))),
        "GRU" => recurrent(recurrent_options(GRU::new(a.get("input_size"), a.get("hidden_size")), a)),
        "GRUCell" => cell(GRUCell::new(a.get("input_size"), a.get("hidden_size")), a),
        "GaussianNLLLoss" => {
            let m = a.set("reduction", GaussianNLLLoss::default(), |m, v| m.reduction(v));
            three(m, ["input", "target", "var"])
        }
        "GroupNorm" => {
            let m = GroupNorm::new(a.get("num_groups"), a.get("num_channels"));
            let m = a.set("eps", m, |m, v| m.eps(v));
            let m = a.set("affine", m, |m, v| m.affine(v));
            one(a.set("bias", m, |m, v| m.bias(v)))
        }
        "Hardshrink" => one(Hardshrink::new(a.or("lambd", 0.5))),
        "Hardswish" => one(Hardswish::default()),
        "Hardtanh" => one(Hardtanh::default()),
        "HingeEmbeddingLoss" => {
            let m = a.set("margin", HingeEmbeddingLoss::default(), |m, v| m.margin(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), TARGET)
        }
        "HuberLoss" => two(a.set("reduction", HuberLoss::default(), |m, v| m.reduction(v)), TARGET),
        "InstanceNorm1d" => one(instance_norm::<1>(a)),
        "InstanceNorm2d" => one(instance_norm::<2>(a)),
        "InstanceNorm3d" => one(instance_norm::<3>(a)),
        "KLDivLoss" => {
            let m = a.set("log_target", KLDivLoss::default(), |m, v| m.log_target(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), TARGET)
        }
        "L1Loss" => two(L1Loss::default().reduction(a.or("reduction", Reduction::Mean)), TARGET),
        "LSTM" => {
            let m = recurrent_options(LSTM::new(a.get("input_size"), a.get("hidden_size")), a);
            let m = a.set("proj_size", m, |m, v| if v == 0 { m } else { m.proj_size(v) });
            with(m, |m, x| {
                let (y, (h, c)) = match x.find::<[Tensor; 2]>("hx") {
                    Some([h, c]) => Forward::call(m, &(x.get("input"), (h, c))),
                    None => Forward::call(m, &x.get::<Tensor>("input")),
                };
                vec![y, h, c]
            })
        }
        "LSTMCell" => {
            let m = LSTMCell::new(a.get("input_size"), a.get("hidden_size"));
            with(a.set("bias", m, |m, v| m.bias(v)), |m, x| {
                let (h, c) = match x.find::<[Tensor; 2]>("hx") {
                    Some([h, c]) => Forward::call(m, &(x.get("input"), (h, c))),
                    None => Forward::call(m, &x.get::<Tensor>("input")),
                };
                vec![h, c]
            })
        }
        "LayerNorm" => {
            let m = LayerNorm::new(a.get::<Vec<usize>>("normalized_shape"));
            let m = a.set("eps", m, |m, v| m.eps(v));
            let m = a.set("elementwise_affine", m, |m, v| m.elementwise_affine(v));
            one(a.set("bias", m, |m, v| m.bias(v)))
        }
        "LeakyReLU" => one(LeakyReLU::new(a.or("negative_slope", 0.01))),
        "Linear" => {
            let m = Linear::new(a.get("in_features"), a.get("out_features"));
            one(a.set("bias", m, |m, v| m.bias(v)))
        }
        "LogSigmoid" => one(LogSigmoid::default()),
        "LogSoftmax" => one(LogSoftmax::new(a.get("dim"))),
        "MSELoss" => two(MSELoss::default().reduction(a.or("reduction", Reduction::Mean)), TARGET),
        "MarginRankingLoss" => {
            let m = a.set("margin", MarginRankingLoss::default(), |m, v| m.margin(v));
            three(a.set("reduction", m, |m, v| m.reduction(v)), PAIR)
        }
        "MaxPool1d" => {
            let m = a.set("stride", MaxPool1d::new(a.get("kernel_size")), |m, v| m.stride(v));
            let indices = a.or("return_indices", false);
            with(m, move |m, x| pooled(m, indices, &x.get("input"), MaxPool1d::with_indices))
        }
        "MaxPool2d" => {
            let m = MaxPool2d::new(a.get::<[usize; 2]>("kernel_size"));
            let m = a.set("stride", m, |m, v: [usize; 2]| m.stride(v));
            let m = a.set("padding", m, |m, v: [usize; 2]| m.padding(v));
            let indices = a.or("return_indices", false);
            with(m, move |m, x| pooled(m, indices, &x.get("input"), MaxPool2d::with_indices))
        }
        "Mish" => one(Mish::default()),
        "MultiheadAttention" => attention(a),
        "NLLLoss" => {
            let m = a.set("weight", NLLLoss::default(), |m, v| m.weight(v));
            let m = a.set("ignore_index", m, |m, v| m.ignore_index(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), TARGET)
        }
        "PReLU" => one(PReLU::new(a.or("num_parameters", 1))),
        "PoissonNLLLoss" => {
            let m = a.set("log_input", PoissonNLLLoss::default(), |m, v| m.log_input(v));
            let m = a.set("full", m, |m, v| m.full(v));
            two(a.set("reduction", m, |m, v| m.reduction(v)), ["log_input", "target"])
        }
        "RMSNorm" => {
            let m = RMSNorm::new(a.get::<Vec<usize>>("normalized_shape"));
            let m = a.set("eps", m, |m, v: f64| m.eps(v));
            one(a.set("elementwise_affine", m, |m, v| m.elementwise_affine(v)))
        }
        "RNN" => {
            let m = recurrent_options(RNN::new(a.get("input_size"), a.get("hidden_size")), a);
            recurrent(a.set("nonlinearity", m, |m, v: String| m.nonlinearity(nonlinearity(&v))))
        }
        "RNNCell" => {
            let m = RNNCell::new(a.get("input_size"), a.get("hidden_size"));
            cell(a.set("nonlinearity", m, |m, v: String| m.nonlinearity(nonlinearity(&v))), a)
        }
        "ReLU" => one(ReLU::default()),
        "ReLU6" => one(ReLU6::default()),
        "ReflectionPad2d" => one(ReflectionPad2d::new(padding(a))),
        "ReplicationPad2d" => one(ReplicationPad2d::new(padding(a))),
        "SELU" => one(SELU::default()),
        "SiLU" => one(SiLU::default()),
        "Sigmoid" => one(Sigmoid::default()),
        "SmoothL1Loss" => two(a.set("reduction", SmoothL1Loss::default(), |m, v| m.reduction(v)), TARGET),
        "SoftMarginLoss" => two(a.set("reduction", SoftMarginLoss::default(), |m, v| m.reduction(v)), TARGET),
        "Softmax" => one(Softmax::new(a.get("dim"))),
        "Softmax2d" => one(Softmax2d::default()),
        "Softmin" => one(Softmin::new(a.get("dim"))),
        "Softplus" => one(Softplus::new(a.or("beta", 1.0), a.or("threshold", 20.0))),
        "Softshrink" => one(Softshrink::new(a.or("lambd", 0.5))),
        "Softsign" => one(Softsign::default()),
        "Tanh" => one(Tanh::default()),
        "Tanhshrink" => one(Tanhshrink::default()),
        "Threshold" => one(Threshold::new(a.get("threshold"), a.get("value"))),
        "ZeroPad2d" => one(ZeroPad2d::new(padding(a))),
        _ => panic!("{name} has no constructor here"),
    }
}

fn padding(a: &Arguments<'_>) -> (isize, isize, isize, isize) {
    a.get::<[isize; 4]>("padding").into()
}

fn pooled<M: Forward>(
    module: &M,
    indices: bool,
    x: &Tensor,
    with_indices: fn(&M, &Tensor) -> (Tensor, Tensor),
) -> Vec<Tensor> {
    match indices {
        true => <[Tensor; 2]>::from(with_indices(module, x)).into(),
        false => vec![module.call(x)],
    }
}

fn conv<const N: usize>(a: &Arguments<'_>) -> Conv<N> {
    let m = Conv::new(a.get("in_channels"), a.get("out_channels"), a.get::<[usize; N]>("kernel_size"));
    a.set("padding", m, |m, v: Padding<N>| m.padding(v))
}

fn conv_transpose<const N: usize>(a: &Arguments<'_>) -> ConvTranspose<N> {
    ConvTranspose::new(a.get("in_channels"), a.get("out_channels"), a.get::<[usize; N]>("kernel_size"))
}

fn batch_norm<const D: usize>(a: &Arguments<'_>) -> BatchNorm<D> {
    let m = a.set("eps", BatchNorm::new(a.get("num_features")), |m, v| m.eps(v));
    let m = a.set("momentum", m, |m, v: Option<f64>| m.momentum(v));
    let m = a.set("affine", m, |m, v| m.affine(v));
    let m = a.set("track_running_stats", m, |m, v| m.track_running_stats(v));
    a.set("bias", m, |m, v| m.bias(v))
}

fn instance_norm<const D: usize>(a: &Arguments<'_>) -> InstanceNorm<D> {
    let m = a.set("eps", InstanceNorm::new(a.get("num_features")), |m, v| m.eps(v));
    let m = a.set("momentum", m, |m, v| m.momentum(v));
    let m = a.set("affine", m, |m, v| m.affine(v));
    let m = a.set("track_running_stats", m, |m, v| m.track_running_stats(v));
    a.set("bias", m, |m, v| m.bias(v))
}

fn nonlinearity(name: &str) -> RNNNonlinearity {
    match name {
        "tanh" => RNNNonlinearity::Tanh,
        "relu" => RNNNonlinearity::ReLU,
        _ => panic!("nonlinearity {name}"),
    }
}

fn recurrent_options<K: RNNKind>(m: RNNBase<K>, a: &Arguments<'_>) -> RNNBase<K> {
    let m = a.set("num_layers", m, |m, v| m.num_layers(v));
    let m = a.set("bias", m, |m, v| m.bias(v));
    let m = a.set("batch_first", m, |m, v| m.batch_first(v));
    a.set("bidirectional", m, |m, v| m.bidirectional(v))
}

/// A recurrent layer with one state.
fn recurrent<K: RNNKind<State = Tensor>>(m: RNNBase<K>) -> Built {
    with(m, |m, x| {
        let (y, h) = match x.find::<Tensor>("hx") {
            Some(h) => Forward::call(m, &(x.get::<Tensor>("input"), h)),
            None => Forward::call(m, &x.get::<Tensor>("input")),
        };
        vec![y, h]
    })
}

/// A cell with one state.
fn cell<K: RNNKind<State = Tensor>>(m: RNNCellBase<K>, a: &Arguments<'_>) -> Built {
    with(a.set("bias", m, |m, v| m.bias(v)), |m, x| {
        vec![match x.find::<Tensor>("hx") {
            Some(h) => Forward::call(m, &(x.get::<Tensor>("input"), h)),
            None => Forward::call(m, &x.get::<Tensor>("input")),
        }]
    })
}

fn attention(a: &Arguments<'_>) -> Built {
    let m = MultiheadAttention::new(a.get("embed_dim"), a.get("num_heads"));
    let m = a.set("bias", m, |m, v| m.bias(v));
    let m = a.set("batch_first", m, |m, v| m.batch_first(v));
    let m = a.set("add_bias_kv", m, |m, v| m.add_bias_kv(v));
    let m = a.set("add_zero_attn", m, |m, v| m.add_zero_attn(v));
    with(m, |m, x| {
        let options = MultiheadAttentionOptions {
            key_padding_mask: x.or("key_padding_mask", None),
            attn_mask: x.or("attn_mask", None),
            ..Default::default()
        };
        let (y, weights) = m.call(&x.get("query"), &x.get("key"), &x.get("value"), options);
        [Some(y), weights].into_iter().flatten().collect()
    })
}
