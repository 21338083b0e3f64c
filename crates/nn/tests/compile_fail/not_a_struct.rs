use flambeau_nn::{Linear, Module, ReLU};

#[derive(Module)]
#[module(crate = flambeau_nn)]
enum Block {
    Linear(Linear),
    ReLU(ReLU),
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
union Either {
    left: u8,
    right: i8,
}

fn main() {}
