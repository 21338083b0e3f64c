use flambeau_nn::{Linear, Module};
use flambeau_tensor::Tensor;

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    linear: Linear,
    scale: Tensor,
}

fn main() {}
