//! Recurrent layers and cells against PyTorch's outputs and gradients (`xtask/torch/recurrent.py`), from its
//! parameters.

use flambeau::autograd::{BackwardOptions, grad};
use flambeau::nn::{RNNBase, RNNCellBase, RNNKind, RNNNonlinearity};
use flambeau::prelude::*;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::io::Read;

type Recorded = BTreeMap<String, Tensor>;

fn recorded() -> Recorded {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recorded/recurrent.safetensors.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        (name, Tensor::from_le_bytes(view.data(), view.shape(), DType::F32).unwrap())
    };
    tensors.tensors().into_iter().map(tensor).collect()
}

/// Those under a prefix, with what follows it.
fn under(recorded: &Recorded, prefix: &str) -> Recorded {
    let strip = |(name, x): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.to_owned(), x.clone()));
    recorded.iter().filter_map(strip).collect()
}

fn cotangent(like: &Tensor, j: usize) -> Tensor {
    let values = (0..like.numel()).map(|i| (1.0 + i as f64 + 7.0 * j as f64).sin() as f32).collect();
    Tensor::from_vec::<f32>(values, like.shape())
}

fn close(name: &str, got: &Tensor, expected: &Tensor) {
    assert_eq!(got.shape(), expected.shape(), "{name}");
    for (a, b) in got.to_vec::<f32>().into_iter().zip(expected.to_vec::<f32>()) {
        assert!((a - b).abs() <= 1e-5 + 1e-5 * b.abs(), "{name}: {a}, PyTorch {b}");
    }
}

/// Checks one call. `forward` takes the input, and the state's tensors if any.
fn check(recorded: &Recorded, name: &str, module: &dyn Module, forward: &dyn Fn(&[Tensor]) -> Vec<Tensor>) {
    let prefix = format!("{name}.");
    let parameters: StateDict = under(recorded, &format!("{prefix}param.")).into_iter().collect();
    let names = |dict: &StateDict| dict.keys().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(&module.state_dict()), names(&parameters), "{name}");
    module.load_state_dict(&parameters, true).unwrap();
    let inputs: Vec<Tensor> =
        under(recorded, &format!("{prefix}in.")).into_values().map(Tensor::requires_grad_).collect();
    let outputs = forward(&inputs);
    let expected = under(recorded, &format!("{prefix}out."));
    assert_eq!(outputs.len(), expected.len(), "{name}");
    let mut scalar = Tensor::zeros(());
    for (j, (y, expected)) in outputs.iter().zip(expected.values()).enumerate() {
        close(&format!("{name}, output {j}"), y, expected);
        scalar = scalar + (y * cotangent(y, j)).sum();
    }
    let named = module.named_parameters();
    let wrt: Vec<&Tensor> = inputs.iter().chain(named.iter().map(|(_, p)| p)).collect();
    let labels =
        (0..inputs.len()).map(|i| format!("in.{i}")).chain(named.iter().map(|(n, _)| format!("param.{n}")));
    let gradients = grad(&[&scalar], &wrt, &BackwardOptions::default()).unwrap();
    for (label, gradient) in labels.zip(gradients) {
        close(
            &format!("{name}, gradient of {label}"),
            &gradient.unwrap(),
            &recorded[&format!("{prefix}grad.{label}")],
        );
    }
}

fn flat(output: Tensor, state: impl Tensors) -> Vec<Tensor> {
    [vec![output], state.list()].concat()
}

trait Tensors: Sized {
    fn list(self) -> Vec<Tensor>;
    fn of(list: &[Tensor]) -> Self;
}
impl Tensors for Tensor {
    fn list(self) -> Vec<Tensor> {
        vec![self]
    }
    fn of(list: &[Tensor]) -> Self {
        list[0].clone()
    }
}
impl Tensors for (Tensor, Tensor) {
    fn list(self) -> Vec<Tensor> {
        vec![self.0, self.1]
    }
    fn of(list: &[Tensor]) -> Self {
        (list[0].clone(), list[1].clone())
    }
}

/// With a state, without one, and on one sequence without a batch.
fn layer<K: RNNKind<State: Tensors>>(recorded: &Recorded, name: &str, layer: RNNBase<K>) {
    for name in [name.to_owned(), format!("{name}.zero"), format!("{name}.single")] {
        check(recorded, &name, &layer, &|x| match x {
            [x] => {
                let (output, state) = layer.call(x);
                flat(output, state)
            }
            [x, state @ ..] => {
                let (output, state) = layer.call(&(x.clone(), K::State::of(state)));
                flat(output, state)
            }
            [] => Vec::new(),
        });
    }
}

fn cell<K: RNNKind<State: Tensors>>(recorded: &Recorded, name: &str, cell: RNNCellBase<K>) {
    for name in [name.to_owned(), format!("{name}.zero"), format!("{name}.single")] {
        check(recorded, &name, &cell, &|x| match x {
            [x] => cell.call(x).list(),
            [x, state @ ..] => cell.call(&(x.clone(), K::State::of(state))).list(),
            [] => Vec::new(),
        });
    }
}

#[test]
fn layers_agree_with_pytorch() {
    let all = recorded();
    let both = |rnn: RNN| rnn.bidirectional(true).batch_first(true);
    layer(&all, "rnn", RNN::new(3, 4));
    layer(&all, "rnn_relu", RNN::new(3, 4).nonlinearity(RNNNonlinearity::ReLU).num_layers(2).bias(false));
    layer(&all, "rnn_both", both(RNN::new(3, 4)));
    layer(&all, "lstm", LSTM::new(3, 4));
    layer(&all, "lstm_all", LSTM::new(3, 4).num_layers(2).bidirectional(true).batch_first(true).proj_size(2));
    layer(&all, "lstm_one", LSTM::new(3, 4).num_layers(3).bias(false));
    layer(&all, "gru", GRU::new(3, 4));
    layer(&all, "gru_both", GRU::new(3, 4).num_layers(2).bidirectional(true));
    layer(&all, "gru_bare", GRU::new(3, 4).bias(false));
}

#[test]
fn cells_agree_with_pytorch() {
    let all = recorded();
    cell(&all, "rnn_cell", RNNCell::new(3, 4));
    cell(&all, "rnn_cell_relu", RNNCell::new(3, 4).nonlinearity(RNNNonlinearity::ReLU).bias(false));
    cell(&all, "lstm_cell", LSTMCell::new(3, 4));
    cell(&all, "gru_cell", GRUCell::new(3, 4));
}

#[test]
fn printed_as_in_pytorch() {
    let lstm = LSTM::new(3, 4).num_layers(2).batch_first(true).dropout(0.1).bidirectional(true).proj_size(2);
    let settings = "proj_size=2, num_layers=2, batch_first=True, dropout=0.1, bidirectional=True";
    assert_eq!(lstm.repr(), format!("LSTM(3, 4, {settings})"));
    assert_eq!(RNN::new(3, 4).nonlinearity(RNNNonlinearity::ReLU).repr(), "RNN(3, 4)");
    assert_eq!(GRU::new(3, 4).bias(false).repr(), "GRU(3, 4, bias=False)");
    let cell = RNNCell::new(3, 4).nonlinearity(RNNNonlinearity::ReLU).bias(false);
    assert_eq!(cell.repr(), "RNNCell(3, 4, bias=False, nonlinearity=relu)");
    assert_eq!(LSTMCell::new(3, 4).repr(), "LSTMCell(3, 4)");
}

#[test]
fn dropout_lies_between_layers_and_follows_the_mode() {
    let (x, rnn) = (Tensor::ones([4, 1, 3]), RNN::new(3, 64).num_layers(2).dropout(0.5));
    let run = || rnn.call(&x).0.to_vec::<f32>();
    assert_ne!(run(), run());
    rnn.eval();
    assert_eq!(run(), run());
    let one = RNN::new(3, 64).dropout(0.5);
    assert_eq!(one.call(&x).0.to_vec::<f32>(), one.call(&x).0.to_vec::<f32>());
}

#[test]
fn wrong_shapes_are_errors() {
    let message = |run: &dyn Fn()| flambeau::try_call(run).unwrap_err().to_string();
    let gru = GRU::new(3, 4);
    let error = message(&|| drop(gru.call(&Tensor::zeros([5, 2, 7]))));
    assert!(error.contains("GRU") && error.contains("[5, 2, 7]") && error.contains("[L, N, 3]"), "{error}");
    message(&|| drop(gru.call(&Tensor::zeros([0, 2, 3]))));
    message(&|| drop(gru.call(&Tensor::zeros([3]))));
    let error = message(&|| drop(gru.call(&(Tensor::zeros([5, 2, 3]), Tensor::zeros([1, 3, 4])))));
    assert!(error.contains("[1, 3, 4]") && error.contains("[1, 2, 4]"), "{error}");
    message(&|| drop(LSTMCell::new(3, 4).call(&Tensor::zeros([2, 4]))));
}
