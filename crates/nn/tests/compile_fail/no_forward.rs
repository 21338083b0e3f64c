use flambeau_nn::{Forward, Linear, Module};
use flambeau_tensor::Tensor;

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    linear: Linear,
}

fn main() {
    let net = Net { linear: Linear::new(2, 2) };
    let _: Tensor = net.call(&Tensor::zeros([2]));
}
