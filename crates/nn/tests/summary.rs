//! The table of a model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flambeau_nn::{Dropout, Forward, Linear, Module, Parameter, ReLU, Sequential, summary, summary_of};
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
Layer (type)         Output shape    Parameters  Trainable
----------------------------------------------------------
Net                  [5, 3], [5, 3]           3          3
  body (Sequential)  [5, 3]                  --         --
    body.0 (Linear)  [5, 2000]           18,000         --
    body.1 (ReLU)    [5, 2000]               --         --
    body.2 (Linear)  [5, 3]               6,003         --
  dropout (Dropout)  [5, 3]                  --         --
  shared (Linear)    [5, 3]                   9          9
  shared (Linear)    [5, 3]             (again)    (again)
  unused (Linear)    --                       2          2
----------------------------------------------------------
Total parameters: 24,017
Trainable parameters: 14
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
