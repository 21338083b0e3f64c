use flambeau_nn::{Forward, Linear, Sequential};
use flambeau_tensor::Tensor;

fn main() {
    let model = Sequential::new((Linear::new(2, 2), Linear::new(2, 1)));
    let x = Tensor::zeros([1, 2]);
    let _: Tensor = model.call(&(x.clone(), x));
}
