//! The notes' three-layer network from PyTorch's initial weights and batches: the loss of each of 100 steps must
//! be PyTorch's, for every SGD setting that was recorded (`xtask/torch/sgd_trajectory.py`).

use flambeau::data::digits;
use flambeau::nn::StateDict;
use flambeau::prelude::*;
use safetensors::SafeTensors;
use std::io::Read;

#[derive(Module)]
struct Net {
    flatten: Flatten,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Forward for Net {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = self.flatten.call(x);
        let x = self.fc1.call(&x).relu();
        let x = self.fc2.call(&x).relu();
        self.fc3.call(&x)
    }
}

#[test]
fn a_hundred_steps_of_sgd_follow_pytorch() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recorded/mlp_sgd.safetensors.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    let recorded = SafeTensors::deserialize(&bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let settings: serde_json::Value =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["settings"]).unwrap();
    let get = |name: &str, dtype| {
        let view = recorded.tensor(name).unwrap();
        Tensor::from_le_bytes(view.data(), view.shape(), dtype).unwrap()
    };
    let initial: StateDict = recorded
        .names()
        .iter()
        .filter_map(|name| Some((name.strip_prefix("init.")?.to_owned(), get(name, DType::F32))))
        .collect();
    let digits = digits();
    let batches = get("indices", DType::I64);

    let settings = settings.as_object().unwrap();
    assert_eq!(settings.len(), 6);
    for (name, arguments) in settings {
        let model = Net {
            flatten: Flatten::default(),
            fc1: Linear::new(64, 200),
            fc2: Linear::new(200, 200),
            fc3: Linear::new(200, 10),
        };
        model.load_state_dict(&initial, true).unwrap();
        let number = |key: &str| arguments[key].as_f64().unwrap_or(0.0);
        let mut optimizer = SGD::new(model.parameters(), number("lr"))
            .momentum(number("momentum"))
            .dampening(number("dampening"))
            .nesterov(arguments["nesterov"] == true)
            .weight_decay(number("weight_decay"))
            .maximize(arguments["maximize"] == true);
        let expected = get(&format!("losses.{name}"), DType::F64).to_vec::<f64>();
        assert_eq!(expected.len(), 100);
        for (step, expected) in expected.into_iter().enumerate() {
            let rows = batches.i(step as isize);
            let (x, y) = (digits.inputs().index_select(0, &rows), digits.targets().index_select(0, &rows));
            let loss = CrossEntropyLoss::default().call(&model.call(&x), &y);
            let got = loss.item::<f64>();
            // Far tighter than 1e-4: the steps of `maximize` differ from those of minimising by less than that.
            assert!((got / expected - 1.0).abs() < 1e-5, "{name}, step {step}: {got}, PyTorch {expected}");
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
        }
    }
}
