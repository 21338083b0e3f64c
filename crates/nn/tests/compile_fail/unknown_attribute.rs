use flambeau_nn::{Linear, Module};

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Field {
    #[module(skipped)]
    linear: Linear,
}

#[derive(Module)]
#[module(crate = flambeau_nn, name = "net")]
struct Struct {
    linear: Linear,
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Value {
    #[module(skip = true)]
    linear: Linear,
}

fn main() {}
