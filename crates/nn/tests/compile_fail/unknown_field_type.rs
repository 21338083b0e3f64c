use flambeau_nn::{Linear, Module};
use flambeau_tensor::Tensor;

struct Settings {
    width: usize,
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    layers: Vec<Linear>,
    offsets: Option<Vec<Tensor>>,
    settings: Settings,
}

fn main() {}
