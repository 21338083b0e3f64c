//! The table of a model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flambeau_nn::functional::MultiheadAttentionOptions;
use flambeau_nn::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Bilinear, Conv1d, Conv2d, ConvTranspose2d, Dropout, Embedding,
    Flatten, Forward, GRUCell, LSTM, LayerNorm, Linear, MaxPool2d, Module, MultiheadAttention, Parameter,
    ReLU, Sequential, Tanh, summary, summary_of,
};
use flambeau_tensor::Tensor;

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    body: Sequential,
    shared: Linear,
    unused: Linear,
    scale: Parameter,
    dropout: Dropout,
}

impl Forward<Tensor, (Tensor, Tensor)> for Net {
    fn forward(&self, x: &Tensor) -> (Tensor, Tensor) {
        let x = self.dropout.call(&self.body.call(x));
        let x = self.shared.call(&x);
        (self.shared.call(&x), x)
    }
}

fn net() -> Net {
    Net {
        body: Sequential::new((Linear::new(8, 2000), ReLU::default(), Linear::new(2000, 3))),
        shared: Linear::new(3, 3).bias(false),
        unused: Linear::new(1, 1),
        scale: Parameter::new(Tensor::ones([3])),
        dropout: Dropout::default(),
    }
}

#[test]
fn table() {
    let net = net();
    net.body.freeze();
    let table = "\
Layer (type)         Output shape    Parameters  Trainable  Multiply-adds    Memory
-----------------------------------------------------------------------------------
Net                  [5, 3], [5, 3]           3          3             --     120 B
  body (Sequential)  [5, 3]                  --         --             --      60 B
    body.0 (Linear)  [5, 2000]           18,000         --         80,000  39.1 KiB
    body.1 (ReLU)    [5, 2000]               --         --             --  39.1 KiB
    body.2 (Linear)  [5, 3]               6,003         --         30,000      60 B
  dropout (Dropout)  [5, 3]                  --         --             --      60 B
  shared (Linear)    [5, 3]                   9          9             45      60 B
  shared (Linear)    [5, 3]             (again)    (again)             45      60 B
  unused (Linear)    --                       2          2             --        --
-----------------------------------------------------------------------------------
Total parameters: 24,017
Trainable parameters: 14
Multiply-adds: 110,090
Memory: 93.8 KiB of parameters, 78.4 KiB of outputs
";
    assert_eq!(summary(&net, &[5, 8]).to_string(), table);
}

#[test]
fn modes_are_restored_even_after_a_panic() {
    let net = net();
    let inner = Sequential::new((Dropout::default(), Dropout::default()));
    inner.named_children()[0].1.eval();
    let model = Sequential::new((inner, Arc::new(Linear::new(8, 3))));
    let modes = |model: &Sequential| {
        let mut modes = Vec::new();
        model.apply(&mut |module| modes.push((module.type_name(), module.is_training())));
        modes
    };
    let before = modes(&model);
    let rows = summary(&model, &[1, 8]).rows.len();
    assert_eq!((rows, modes(&model)), (5, before.clone()));
    assert!(catch_unwind(AssertUnwindSafe(|| summary(&model, &[1, 9]))).is_err());
    assert_eq!(modes(&model), before);
    assert!(net.is_training());
}

#[test]
fn several_inputs() {
    #[derive(Module)]
    #[module(crate = flambeau_nn)]
    struct Pair {
        left: Linear,
        right: Linear,
    }
    impl Forward<(Tensor, Tensor), Vec<Tensor>> for Pair {
        fn forward(&self, (left, right): &(Tensor, Tensor)) -> Vec<Tensor> {
            vec![self.left.call(left), self.right.call(right)]
        }
    }
    let pair = Pair { left: Linear::new(2, 1), right: Linear::new(3, 1) };
    let summary = summary_of(&pair, &(Tensor::zeros([4, 2]), Tensor::zeros([5, 3])));
    assert_eq!(summary.rows[0].output_shapes, [[4, 1], [5, 1]]);
    assert_eq!((summary.parameters, summary.trainable), (7, 7));
}

#[test]
fn a_summary_leaves_no_gradients_and_no_onlookers() {
    let model: Box<dyn flambeau_nn::Layer> = Box::new(Sequential::new((Linear::new(2, 2), ReLU::default())));
    assert_eq!(summary(&*model, &[1, 2]).rows.len(), 3);
    assert_eq!(summary(&model, &[1, 2]).rows.len(), 3);
    assert!(model.parameters().iter().all(|parameter| parameter.grad().is_none()));
}

/// LeNet-5 with full connections between the maps (LeCun et al., 1998), counted by hand.
#[test]
fn lenet_counted_by_hand() {
    let model = Sequential::new((
        Conv2d::new(1, 6, 5).padding(2), // 28 × 28 × 6 outputs of 25 products
        Tanh::default(),
        AvgPool2d::new(2),     // 14 × 14 × 6 of 4
        Conv2d::new(6, 16, 5), // 10 × 10 × 16 of 150
        Tanh::default(),
        AvgPool2d::new(2), // 5 × 5 × 16 of 4
        Flatten::default(),
        Linear::new(400, 120),
        Linear::new(120, 84),
        Linear::new(84, 10),
    ));
    for samples in [1, 3] {
        let summary = summary(&model, &[samples, 1, 28, 28]);
        let counts: Vec<u64> = summary.rows.iter().map(|row| row.multiply_adds / samples as u64).collect();
        assert_eq!(counts, [0, 117_600, 0, 4_704, 240_000, 0, 1_600, 0, 48_000, 10_080, 840]);
        assert_eq!(summary.multiply_adds, samples as u64 * 422_824);
        let parameters: Vec<usize> = summary.rows.iter().map(|row| row.parameters).collect();
        assert_eq!(parameters, [0, 156, 0, 0, 2_416, 0, 0, 0, 48_120, 10_164, 850]);
        assert_eq!((summary.parameters, summary.parameter_bytes), (61_706, 4 * 61_706));
        let outputs = 2 * 4704 + 1176 + 2 * 1600 + 400 + 400 + 120 + 84 + 10;
        assert_eq!(summary.output_bytes, samples * 4 * outputs);
    }
}

#[test]
fn multiply_adds_of_each_kind_of_layer() {
    let of = |summary: flambeau_nn::Summary| summary.multiply_adds;
    // [2, 8, 16] becomes [2, 6, 7]: windows of 3 over 8 / 2 channels, every second place.
    assert_eq!(of(summary(&Conv1d::new(8, 6, 3).groups(2).stride(2), &[2, 8, 16])), 2 * 6 * 7 * 3 * 4);
    // Each number of [2, 4, 5, 5] is spread over 3 × 3 places of 6 / 2 channels.
    assert_eq!(of(summary(&ConvTranspose2d::new(4, 6, 3).groups(2), &[2, 4, 5, 5])), 2 * 4 * 25 * 9 * 3);
    assert_eq!(of(summary(&MaxPool2d::new(2), &[1, 3, 8, 8])), 0);
    assert_eq!(of(summary(&AdaptiveAvgPool2d::new(1), &[2, 3, 8, 8])), 2 * 3 * 64);
    assert_eq!(of(summary(&BatchNorm2d::new(3), &[2, 3, 4, 4])), 96);
    assert_eq!(of(summary(&LayerNorm::new(5), &[7, 5])), 70);
    let tokens = Tensor::from_vec::<i64>(vec![0, 3, 1], [3]);
    assert_eq!(of(summary_of(&Embedding::new(4, 8), &tokens)), 0);
    let pair = (Tensor::zeros([5, 2]), Tensor::zeros([5, 3]));
    assert_eq!(of(summary_of(&Bilinear::new(2, 3, 4), &pair)), 5 * 4 * 2 * 3);

    // 7 steps of 2 sequences: the first layer sees 3 features, the second both directions' 4.
    let lstm = LSTM::new(3, 4).num_layers(2).bidirectional(true);
    let gates = 4 * 4;
    let products = 7 * 2 * 2 * (gates * (3 + 4) + gates * (8 + 4));
    let lstm_summary = summary_of::<Tensor, (Tensor, (Tensor, Tensor))>(&lstm, &Tensor::zeros([7, 2, 3]));
    assert_eq!(of(lstm_summary), products);
    assert_eq!(of(summary::<Tensor>(&GRUCell::new(3, 4), &[5, 3])), 5 * 12 * (3 + 4));

    // 5 queries and 6 keys, to which one is added, of 2 samples; then the projection of the output.
    let attention = MultiheadAttention::new(8, 2).kdim(3).vdim(4).add_bias_kv(true).batch_first(true);
    let [q, k, v] = [[2, 5, 8], [2, 6, 3], [2, 6, 4]].map(|shape: [usize; 3]| Tensor::zeros(shape));
    let counted = summary_of(&attention, &(q, k, v, MultiheadAttentionOptions::default()));
    let projections = 2 * 8 * (5 * 8 + 6 * 3 + 6 * 4);
    let scores_and_sums = 2 * (2 * 5 * 7 * 8);
    assert_eq!(
        counted.rows.iter().map(|row| row.multiply_adds).collect::<Vec<_>>(),
        [projections + scores_and_sums, 2 * 5 * 8 * 8]
    );
}
