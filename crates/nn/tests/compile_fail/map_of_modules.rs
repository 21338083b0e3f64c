use std::collections::HashMap;

use flambeau_nn::{Linear, Module};

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    by_name: HashMap<String, Linear>,
}

fn main() {}
