use flambeau_nn::Module;

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Residual<M> {
    inner: M,
}

struct Plain;

fn main() {
    let residual = Residual { inner: Plain };
    residual.train();
}
