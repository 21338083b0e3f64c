//! PyTorch's own module samples: outputs, buffers and gradients (`xtask/torch/record_modules.py`), from its
//! state_dicts.

mod arguments;
mod table;

use std::collections::BTreeMap;
use std::io::Read;

use arguments::Arguments;
use flambeau_nn::StateDict;
use flambeau_tensor::{DType, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// How many samples there are of each module.
const SAMPLES: &str = "
AdaptiveAvgPool1d 3
AdaptiveAvgPool2d 5
AdaptiveMaxPool1d 2
AdaptiveMaxPool2d 4
AvgPool1d 4
AvgPool2d 7
BCELoss 6
BCEWithLogitsLoss 6
BatchNorm1d 15
BatchNorm2d 13
BatchNorm3d 13
Bilinear 3
CELU 3
CircularPad2d 4
ConstantPad2d 2
Conv1d 4
Conv2d 4
ConvTranspose1d 2
ConvTranspose2d 2
CosineEmbeddingLoss 5
CrossEntropyLoss 57
ELU 4
Embedding 1
GELU 3
GLU 3
GRU 16
GRUCell 2
GaussianNLLLoss 5
GroupNorm 9
Hardshrink 3
Hardswish 2
Hardtanh 3
HingeEmbeddingLoss 10
HuberLoss 4
InstanceNorm1d 8
InstanceNorm2d 8
InstanceNorm3d 3
KLDivLoss 10
L1Loss 5
LSTM 32
LSTMCell 2
LayerNorm 6
LeakyReLU 5
Linear 3
LogSigmoid 3
LogSoftmax 4
MSELoss 8
MarginRankingLoss 5
MaxPool1d 3
MaxPool2d 3
Mish 3
MultiheadAttention 64
NLLLoss 14
PReLU 6
PoissonNLLLoss 7
RMSNorm 5
RNN 32
RNNCell 3
ReLU 4
ReLU6 4
ReflectionPad2d 2
ReplicationPad2d 2
SELU 3
SiLU 3
Sigmoid 4
SmoothL1Loss 8
SoftMarginLoss 4
Softmax 3
Softmax2d 2
Softmin 4
Softplus 5
Softshrink 4
Softsign 3
Tanh 3
Tanhshrink 3
Threshold 4
ZeroPad2d 2
";

type Tensors = BTreeMap<String, Tensor>;

/// The samples, and the tensors of each.
fn recorded() -> Vec<(Value, Tensors)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/modules.safetensors.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let samples = &header.metadata().as_ref().unwrap()["samples"];
    let samples: Vec<Value> = serde_json::from_str(samples).unwrap();
    let mut samples: Vec<(Value, Tensors)> =
        samples.into_iter().map(|sample| (sample, Tensors::new())).collect();
    for (key, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
        let dtype = match view.dtype() {
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
            Dtype::I64 => DType::I64,
            Dtype::U8 => DType::U8,
            Dtype::BOOL => DType::Bool,
            other => panic!("{key}: {other:?}"),
        };
        let index: usize = key.split_once('.').unwrap().0.parse().unwrap();
        samples[index].1.insert(key, Tensor::from_le_bytes(view.data(), view.shape(), dtype).unwrap());
    }
    samples
}

/// Those under a prefix, with what follows it.
fn under(tensors: &Tensors, prefix: &str) -> Tensors {
    let strip = |(key, x): (&String, &Tensor)| Some((key.strip_prefix(prefix)?.to_owned(), x.clone()));
    tensors.iter().filter_map(strip).collect()
}

/// The gradient that PyTorch's output `j` was given.
fn cotangent(like: &Tensor, j: usize) -> Tensor {
    let values = (0..like.numel()).map(|i| (1.0 + i as f64 + 7.0 * j as f64).sin()).collect();
    Tensor::from_vec::<f64>(values, like.shape()).to_dtype(like.dtype())
}

/// PyTorch's tolerances for f32: relative 1.3e-6 and, but for the one exception, absolute 1e-5.
const ATOL: f64 = 1e-5;

/// The gradients of attention's weights, where large scores cancel: PyTorch's own in f32 are off those in f64 by up to
/// 2.9e-5, ours by up to 4.6e-5. Six of 64 samples need it.
const ATOL_ATTENTION: f64 = 5e-5;

fn check(name: &str, got: &Tensor, expected: &Tensor, atol: f64) -> Result<(), String> {
    if (got.shape(), got.dtype()) != (expected.shape(), expected.dtype()) {
        return Err(format!("{name}: {:?} {}, PyTorch {:?}", got.shape(), got.dtype(), expected.shape()));
    }
    let values = |x: &Tensor| x.detach().to_dtype(DType::F64).to_vec::<f64>();
    for (a, b) in values(got).into_iter().zip(values(expected)) {
        let same = a == b || (a.is_nan() && b.is_nan());
        if !same && (a - b).abs().partial_cmp(&(atol + 1.3e-6 * b.abs())) != Some(std::cmp::Ordering::Less) {
            return Err(format!("{name}: {a}, PyTorch {b}"));
        }
    }
    Ok(())
}

fn run(index: usize, sample: &Value, tensors: &Tensors) -> Result<(), String> {
    let key = |part: &str| format!("{index}.{part}");
    let arguments = Arguments::new(&sample["arguments"], tensors);
    let (module, call) = table::build(sample["module"].as_str().unwrap(), &arguments);
    arguments.assert_all_read();
    match sample["training"].as_bool().unwrap() {
        true => module.train(),
        false => module.eval(),
    }
    let state: StateDict = under(tensors, &key("state.")).into_iter().collect();
    module.load_state_dict(&state, true).map_err(|error| error.to_string())?;

    let gradients = under(tensors, &key("grad."));
    for name in gradients.keys() {
        if let Some(input) = tensors.get(&key(name)).filter(|_| name.starts_with("in.")) {
            input.set_requires_grad(true);
        }
    }
    let inputs = Arguments::new(&sample["inputs"], tensors);
    let outputs = call(&inputs);
    inputs.assert_all_read();
    let expected = under(tensors, &key("out."));
    if outputs.len() != expected.len() {
        return Err(format!("{} outputs, PyTorch {}", outputs.len(), expected.len()));
    }
    for (j, y) in outputs.iter().enumerate() {
        check(&format!("output {j}"), y, &expected[&j.to_string()], ATOL)?;
    }
    let after = under(tensors, &key("after."));
    for (name, tensor) in &module.state_dict() {
        let expected = after.get(name).or(state.get(name)).unwrap();
        check(&format!("{name} after the call"), tensor, expected, ATOL)?;
    }

    let roots = outputs.iter().enumerate().filter(|(_, y)| y.requires_grad());
    if let Some(root) = roots.map(|(j, y)| (y * cotangent(y, j)).sum()).reduce(|a, b| a + b) {
        root.backward();
    }
    let parameters: Tensors = module.named_parameters().into_iter().collect();
    for (name, expected) in gradients {
        let leaf = match name.strip_prefix("state.") {
            Some(parameter) => &parameters[parameter],
            None => &tensors[&key(&name)],
        };
        let grad = leaf.grad().ok_or_else(|| format!("no gradient of {name}"))?;
        let attention = sample["module"] == "MultiheadAttention" && name.starts_with("state.");
        let atol = if attention { ATOL_ATTENTION } else { ATOL };
        check(&format!("gradient of {name}"), &grad, &expected, atol)?;
    }
    Ok(())
}

#[test]
fn every_sample_agrees() {
    let (mut counts, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for (index, (sample, tensors)) in recorded().iter().enumerate() {
        *counts.entry(sample["module"].as_str().unwrap().to_owned()).or_default() += 1;
        if let Err(error) = run(index, sample, tensors) {
            failures.push(format!("{sample}: {error}"));
        }
    }
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("{}", counts.join("\n"));
    assert!(failures.is_empty(), "{}\n{}", failures.len(), failures.join("\n"));
    assert_eq!(counts, SAMPLES.trim().lines().collect::<Vec<_>>());
}
