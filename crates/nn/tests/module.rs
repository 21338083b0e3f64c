//! What the derive macro registers, in which order, under which names.

use std::marker::PhantomData;
use std::sync::Arc;

use flambeau_nn::{
    BatchNorm1d, Buffer, Dropout, Forward, Layer, Linear, LogSoftmax, Module, Parameter, ReLU, Sequential,
    Training,
};
use flambeau_tensor::{DType, Tensor, try_call};

fn names(module: &dyn Module) -> Vec<String> {
    module.named_parameters().into_iter().map(|(name, _)| name).collect()
}

fn keys(module: &dyn Module) -> Vec<String> {
    module.state_dict().keys().map(str::to_owned).collect()
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    features: Sequential,
    scale: Parameter,
    running_mean: Buffer,
    scratch: Buffer,
    head: Linear,
    width: usize,
}

fn net() -> Net {
    Net {
        features: Sequential::new((Linear::new(4, 3), ReLU::default(), Linear::new(3, 3).bias(false))),
        scale: Parameter::new(Tensor::ones([3])),
        running_mean: Buffer::new(Tensor::zeros([3])),
        scratch: Buffer::non_persistent(Tensor::zeros([1])),
        head: Linear::new(3, 2),
        width: 3,
    }
}

#[test]
fn own_parameters_come_before_those_of_children() {
    let net = net();
    let expected =
        ["scale", "features.0.weight", "features.0.bias", "features.2.weight", "head.weight", "head.bias"];
    assert_eq!(names(&net), expected);
    assert_eq!(keys(&net), [&["scale", "running_mean"], &expected[1..]].concat());
    assert_eq!(net.num_parameters(), 3 + 15 + 9 + 8);
    assert_eq!(net.width, 3);
}

#[test]
fn buffers_that_are_not_persistent_are_buffers_all_the_same() {
    let names: Vec<_> = net().named_buffers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["running_mean", "scratch"]);
}

#[test]
fn modules_have_paths() {
    let net = net();
    let modules: Vec<_> =
        net.named_modules().iter().map(|(path, module)| format!("{path}: {}", module.type_name())).collect();
    let expected = [
        ": Net",
        "features: Sequential",
        "features.0: Linear",
        "features.1: ReLU",
        "features.2: Linear",
        "head: Linear",
    ];
    assert_eq!(modules, expected);
    let children: Vec<_> = net.named_children().into_iter().map(|(name, _)| name).collect();
    assert_eq!(children, ["features", "head"]);
}

#[test]
fn parameters_are_leaves_cut_off_from_their_origin() {
    let origin = Tensor::ones([2]).requires_grad_();
    let parameter = Parameter::new(origin.relu());
    assert!(parameter.requires_grad());
    let buffer = Buffer::new(origin);
    assert!(!buffer.requires_grad());
}

#[test]
#[should_panic(expected = "floating")]
fn integers_are_no_parameters() {
    let _ = Parameter::new(Tensor::from_vec(vec![1_i64], [1]));
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Containers {
    none: Option<Linear>,
    some: Option<Linear>,
    list: Vec<Linear>,
    array: [Parameter; 2],
    pair: (Linear, Option<Parameter>),
    boxed: Box<Linear>,
    dynamic: Box<dyn Layer>,
    any: Box<dyn Module>,
    nested: Vec<(Linear, ReLU)>,
    shared: Arc<Linear>,
    r#type: Parameter,
    activation: fn(&Tensor) -> Tensor,
    sizes: Vec<usize>,
    name: String,
    label: Option<&'static str>,
    rate: f64,
    #[module(skip)]
    cache: Vec<Tensor>,
}

fn containers() -> Containers {
    let one = || Linear::new(1, 1).bias(false);
    let parameter = || Parameter::new(Tensor::ones([1]));
    Containers {
        none: None,
        some: Some(one()),
        list: vec![one(), one()],
        array: [parameter(), parameter()],
        pair: (one(), Some(parameter())),
        boxed: Box::new(one()),
        dynamic: Box::new(one()),
        any: Box::new(one()),
        nested: vec![(one(), ReLU::default())],
        shared: Arc::new(one()),
        r#type: parameter(),
        activation: Tensor::relu,
        sizes: vec![1, 2],
        name: "containers".into(),
        label: None,
        rate: 0.5,
        cache: vec![Tensor::ones([9])],
    }
}

#[test]
fn containers_name_their_entries() {
    let containers = containers();
    let expected = [
        "array.0",
        "array.1",
        "pair.1",
        "type",
        "some.weight",
        "list.0.weight",
        "list.1.weight",
        "pair.0.weight",
        "boxed.weight",
        "dynamic.weight",
        "any.weight",
        "nested.0.0.weight",
        "shared.weight",
    ];
    assert_eq!(keys(&containers), expected);
    let Containers { none, activation, sizes, name, label, rate, cache, .. } = containers;
    assert!(none.is_none() && label.is_none() && sizes.len() == 2 && name.len() == 10 && rate > 0.0);
    assert_eq!(activation(&cache[0]).shape(), [9]);
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Residual<M, T: 'static, const N: usize>
where
    T: Send + Sync,
{
    inner: M,
    gates: [Option<M>; N],
    marker: PhantomData<T>,
}

impl<M: Forward, T: Send + Sync, const N: usize> Forward for Residual<M, T, N> {
    fn forward(&self, x: &Tensor) -> Tensor {
        self.inner.call(x)
    }
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Tuple(Linear, #[module(skip)] Option<Tensor>, Parameter);

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Unit;

macro_rules! module_in_a_macro {
    ($name:ident, $field:ident: $ty:ty) => {
        #[derive(Module)]
        #[module(crate = flambeau_nn)]
        struct $name {
            $field: $ty,
        }
    };
}

module_in_a_macro!(FromMacro, layer: Option<Linear>);

#[test]
fn generics_tuples_units_and_macros() {
    // A type that is no module and yet a parameter of one.
    struct Tag;
    let residual: Residual<Linear, Tag, 2> =
        Residual { inner: Linear::new(2, 2), gates: [None, Some(Linear::new(2, 2))], marker: PhantomData };
    assert_eq!(names(&residual), ["inner.weight", "inner.bias", "gates.1.weight", "gates.1.bias"]);
    assert_eq!(residual.type_name(), "Residual");
    assert_eq!(residual.call(&Tensor::ones([1, 2])).shape(), [1, 2]);

    let tuple = Tuple(Linear::new(1, 1), None, Parameter::new(Tensor::ones([1])));
    assert_eq!(names(&tuple), ["2", "0.weight", "0.bias"]);
    assert!(tuple.1.is_none());

    assert_eq!(names(&Unit), [""; 0]);
    assert_eq!(names(&FromMacro { layer: Some(Linear::new(1, 1)) }), ["layer.weight", "layer.bias"]);
}

#[test]
fn modules_without_a_size_are_all_listed() {
    let paths: Vec<_> =
        Tree { left: Unit, right: Unit }.named_modules().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["", "left", "right"]);
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Tree {
    left: Unit,
    right: Unit,
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Tied {
    encoder: Linear,
    decoder: Linear,
}

#[test]
fn tied_parameters_are_trained_once_and_saved_twice() {
    let encoder = Linear::new(2, 2);
    let mut decoder = Linear::new(2, 2).bias(false);
    decoder.weight = encoder.weight.clone();
    let tied = Tied { encoder, decoder };
    assert_eq!(names(&tied), ["encoder.weight", "encoder.bias"]);
    assert_eq!(tied.num_parameters(), 6);
    assert_eq!(keys(&tied), ["encoder.weight", "encoder.bias", "decoder.weight"]);
    flambeau_nn::init::ones_(&tied.encoder.weight);
    assert_eq!(tied.decoder.weight.to_vec::<f32>(), [1.0; 4]);
}

#[test]
fn shared_modules_are_listed_once_and_saved_twice() {
    let layer = Arc::new(Linear::new(2, 2));
    let model = Sequential::new((layer.clone(), ReLU::default(), layer));
    let paths: Vec<_> = model.named_modules().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["", "0", "1"]);
    assert_eq!(names(&model), ["0.weight", "0.bias"]);
    assert_eq!(keys(&model), ["0.weight", "0.bias", "2.weight", "2.bias"]);
}

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Modes {
    dropout: Dropout,
    blocks: Vec<Box<dyn Layer>>,
    training: Training,
}

#[test]
fn train_and_eval_reach_every_module() {
    let inner = Sequential::new((Linear::new(1, 1), Dropout::new(0.5)));
    let modes = Modes {
        dropout: Dropout::default(),
        blocks: vec![Box::new(inner), Box::new(Dropout::default())],
        training: Training::new(),
    };
    let all = |modes: &Modes| {
        let mut all = Vec::new();
        modes.apply(&mut |module| all.push(module.is_training()));
        all
    };
    assert!(all(&modes).iter().all(|training| *training));
    modes.eval();
    assert!(!modes.is_training() && !modes.dropout.is_training() && !modes.blocks[0].is_training());
    // A module that does not tell the modes apart says it trains.
    assert_eq!(all(&modes).iter().filter(|training| **training).count(), 1);
    modes.train();
    assert!(all(&modes).iter().all(|training| *training));
    modes.dropout.eval();
    assert!(modes.is_training(), "its own field comes before those of its children");
}

#[test]
fn freezing_and_gradients() {
    let net = net();
    net.freeze();
    assert!(net.parameters().iter().all(|parameter| !parameter.requires_grad()));
    net.unfreeze();
    net.features.requires_grad_(false);
    let trainable: Vec<_> =
        net.named_parameters().into_iter().filter(|(_, p)| p.requires_grad()).map(|(name, _)| name).collect();
    assert_eq!(trainable, ["scale", "head.weight", "head.bias"]);

    net.scale.set_grad(Some(Tensor::ones([3])));
    net.head.weight.set_grad(Some(Tensor::ones([2, 3])));
    net.zero_grad();
    assert!(net.parameters().iter().all(|parameter| parameter.grad().is_none()));
}

#[test]
fn apply_goes_from_the_leaves_to_the_root() {
    let mut types = Vec::new();
    net().apply(&mut |module| types.push(module.type_name()));
    assert_eq!(types, ["Linear", "ReLU", "Linear", "Sequential", "Linear", "Net"]);
}

#[test]
fn modules_can_be_looked_at_as_what_they_are() {
    let net = net();
    let count = net.named_modules().iter().filter(|(_, module)| module.is::<Linear>()).count();
    assert_eq!(count, 3);
    let modules = net.named_modules();
    let (_, first) = &modules[2];
    assert_eq!(first.downcast_ref::<Linear>().map(Linear::in_features), Some(4));
    assert!(first.downcast_ref::<ReLU>().is_none());
    // Through pointers too.
    let boxed: Box<dyn Layer> = Box::new(Box::new(Linear::new(1, 1)));
    assert!(flambeau_nn::AsModule::as_module(&boxed).is::<Linear>());
}

#[test]
fn modules_are_objects_and_cross_threads() {
    let module: Box<dyn Module> = Box::new(net());
    let names = std::thread::scope(|scope| scope.spawn(|| names(&*module)).join());
    assert_eq!(names.map_err(|_| ()), Ok(self::names(&module)));
}

#[test]
fn printed_as_pytorch_prints() {
    assert_eq!(ReLU::default().repr(), "ReLU()");
    assert_eq!(format!("{:?}", LogSoftmax::new(1)), "LogSoftmax(dim=1)");
    let expected = "\
Net(
  (features): Sequential(
    (0): Linear(in_features=4, out_features=3, bias=True)
    (1): ReLU()
    (2): Linear(in_features=3, out_features=3, bias=False)
  )
  (head): Linear(in_features=3, out_features=2, bias=True)
)";
    assert_eq!(net().repr(), expected);
}

#[test]
fn lists_are_printed_as_module_lists() {
    #[derive(Module)]
    #[module(crate = flambeau_nn, extra_repr = describe)]
    struct Stack {
        blocks: Vec<Linear>,
        pairs: [(Linear, ReLU); 1],
    }
    fn describe(stack: &Stack) -> String {
        format!("depth={}\nsecond line", stack.blocks.len())
    }
    let stack = Stack {
        blocks: vec![Linear::new(1, 1), Linear::new(1, 1), Linear::new(1, 2)],
        pairs: [(Linear::new(2, 1), ReLU::default())],
    };
    let expected = "\
Stack(
  depth=3
  second line
  (blocks): ModuleList(
    (0-1): 2 x Linear(in_features=1, out_features=1, bias=True)
    (2): Linear(in_features=1, out_features=2, bias=True)
  )
  (pairs): ModuleList(
    (0): ModuleList(
      (0): Linear(in_features=2, out_features=1, bias=True)
      (1): ReLU()
    )
  )
)";
    assert_eq!(stack.repr(), expected);
}

#[test]
fn a_module_changes_its_dtype_in_place() {
    let model = Sequential::new((Linear::new(3, 2), BatchNorm1d::new(2)));
    let held = model.parameters();
    let values = model.state_dict().copy();
    let x = Tensor::randn([4, 3]);
    let y = model.call(&x);
    y.sum().backward();
    let grad = held[0].grad().unwrap();
    model.to(DType::F64);
    for (held, now) in held.iter().zip(model.parameters()) {
        assert!(held.is_same(&now) && now.dtype() == DType::F64 && now.requires_grad());
        assert_eq!(now.grad().map(|grad| grad.dtype()), Some(DType::F64));
    }
    assert_eq!(held[0].grad().unwrap().to(DType::F32).to_vec::<f32>(), grad.to_vec::<f32>());
    for (name, tensor) in &model.state_dict() {
        let counter = name.ends_with("num_batches_tracked");
        assert_eq!(tensor.dtype(), if counter { DType::I64 } else { DType::F64 }, "{name}");
    }
    assert_eq!(values.get("0.weight").unwrap().dtype(), DType::F32);
    assert_eq!(held[0].to(DType::F32).to_vec::<f32>(), values.get("0.weight").unwrap().to_vec::<f32>());
    let y = model.call(&x.to(DType::F64));
    assert_eq!(y.dtype(), DType::F64);
    y.sum().backward();
    // Its boxed form, and back.
    let model: Box<dyn Module> = Box::new(model);
    model.to(DType::F32);
    assert_eq!(held[0].dtype(), DType::F32);

    let error = try_call(|| drop(model.to(DType::I64).repr())).unwrap_err().to_string();
    assert!(error.starts_with("Module::to: torch.int64") && error.contains("F32"), "{error}");
}
