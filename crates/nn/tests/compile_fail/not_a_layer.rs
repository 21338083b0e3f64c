use flambeau_nn::{Linear, Sequential};

fn main() {
    let _ = Sequential::new((Linear::new(2, 2), |x: &flambeau_tensor::Tensor| x.relu()));
}
