use flambeau_nn::{Hooks, Linear};
use flambeau_tensor::Tensor;

fn main() {
    let layer = Linear::new(2, 2);
    let hook = layer.register_forward_hook(|_, _: &Tensor, _: &Tensor| None);
    let elsewhere = Box::new(layer);
    drop(hook);
    drop(elsewhere);
}
