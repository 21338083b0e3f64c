//! `Sequential`, `ModuleList` and `ModuleDict`.

use std::{cell::RefCell, rc::Rc};

use flambeau_nn::{
    BatchNorm2d, Conv2d, Dropout, Flatten, Forward, Layer, Linear, MaxPool2d, Module, ModuleDict, ModuleList,
    ReLU, Sequential, trace,
};
use flambeau_tensor::{Tensor, manual_seed, no_grad};

/// While nobody looks on, some neighbours compute in one pass.
#[test]
fn layers_of_a_sequential_give_the_same_together_and_one_by_one() {
    manual_seed(5);
    let model = Sequential::new((
        Conv2d::new(2, 4, 3).padding(1),
        ReLU::default(),
        MaxPool2d::new(3).stride(2),
        ReLU::default(),
        Sequential::new((
            Conv2d::new(4, 3, 3),
            BatchNorm2d::new(3),
            ReLU::default(),
            Conv2d::new(3, 3, 1),
            ReLU::default(),
        )),
        Dropout::new(0.0),
        Flatten::default(),
        Box::new(Linear::new(27, 20)) as Box<dyn Layer>,
        ReLU::default(),
        Linear::new(20, 2).bias(false),
        ReLU::default(),
    ));
    let x = Tensor::randn([6, 2, 11, 11]).requires_grad_();
    let run = || {
        x.zero_grad();
        model.zero_grad();
        let y = model.call(&x);
        (&y * &y).sum().backward();
        let gradients = model.parameters().into_iter().map(|p| p.grad()).chain([x.grad()]);
        let gradients: Vec<Vec<f32>> = gradients.map(|gradient| gradient.unwrap().to_vec()).collect();
        (y.to_vec::<f32>(), gradients)
    };
    let (together, _) = (run(), model.eval());
    assert!(together.0.iter().any(|&y| y > 0.0));
    let judged = run();
    assert_ne!(judged, together);
    let inner = || (0..5).map(|i| format!("4.{i}")).chain(["4".to_owned()]).collect();
    let shown = Rc::new(RefCell::new(Vec::new()));
    let paths = shown.clone();
    let looking = trace::observe(move |call| {
        if call.output.is_some() {
            paths.borrow_mut().push(call.path.to_owned());
        }
    });
    assert_eq!(run(), judged);
    let numbers = (0..5).flat_map(|i| if i < 4 { vec![i.to_string()] } else { inner() });
    let numbers = numbers.chain((5..11).map(|i| i.to_string())).chain([String::new()]);
    assert_eq!(*shown.borrow(), numbers.collect::<Vec<_>>());
    model.train();
    assert_eq!(run(), together);
    drop(looking);
}

/// Without gradients a batch normalisation becomes part of the convolution before it.
#[test]
fn a_normalisation_behind_a_convolution_gives_the_same_without_gradients() {
    manual_seed(6);
    let norm = || {
        let norm = BatchNorm2d::new(5);
        let (mean, var) = (norm.running_mean.as_deref().unwrap(), norm.running_var.as_deref().unwrap());
        mean.copy_(&Tensor::randn([5]));
        var.copy_(&(Tensor::randn([5]).square() + 0.1));
        norm
    };
    let model = Sequential::new((
        Conv2d::new(3, 5, 3).padding(1),
        norm(),
        ReLU::default(),
        Conv2d::new(5, 5, 3).bias(false),
        norm().affine(false),
        Conv2d::new(5, 5, 1),
        norm().affine(false).track_running_stats(false),
        Conv2d::new(5, 5, 1),
        norm(),
    ));
    model.eval();
    let x = Tensor::randn([8, 3, 9, 9]);
    let want = model.call(&x).to_vec::<f32>();
    let got = no_grad(|| model.call(&x)).to_vec::<f32>();
    assert!(got.iter().zip(&want).all(|(got, want)| (got - want).abs() < 1e-5 * want.abs().max(1.0)));
    assert_ne!(got, want);
    model.train();
    let got = no_grad(|| model.call(&x)).to_vec::<f32>();
    assert!(got.iter().zip(&want).any(|(got, want)| (got - want).abs() > 1e-2));
}

#[test]
fn module_lists_and_dicts_are_modules_with_pytorchs_names() {
    #[derive(Module)]
    #[module(crate = flambeau_nn)]
    struct Branches {
        blocks: ModuleList<Linear>,
        heads: ModuleDict,
    }
    let mut heads = ModuleDict::default();
    heads.insert("wide", Box::new(Linear::new(1, 2)) as Box<dyn Layer>);
    heads.insert("act", Box::new(ReLU::default()));
    let branches = Branches { blocks: (0..2).map(|_| Linear::new(1, 1)).collect(), heads };
    let expected = "\
Branches(
  (blocks): ModuleList(
    (0-1): 2 x Linear(in_features=1, out_features=1, bias=True)
  )
  (heads): ModuleDict(
    (wide): Linear(in_features=1, out_features=2, bias=True)
    (act): ReLU()
  )
)";
    assert_eq!(branches.repr(), expected);
    let names = ["blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias", "heads.wide.weight"];
    let state = branches.state_dict();
    assert_eq!(state.keys().take(5).collect::<Vec<_>>(), names);
    let modules: Vec<_> = branches.named_modules().into_iter().map(|(path, _)| path).collect();
    let paths = ["", "blocks", "blocks.0", "blocks.1", "heads", "heads.wide", "heads.act"];
    assert_eq!(modules, paths);
}

#[test]
fn module_dicts_keep_their_order_and_refuse_dots() {
    let mut dict = ModuleDict::new([("b", Linear::new(1, 1)), ("a", Linear::new(2, 1))]);
    assert_eq!(dict.insert("b", Linear::new(3, 1)).map(|old| old.in_features()), Some(1));
    assert_eq!(dict.keys().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(dict.remove("b").map(|old| old.in_features()), Some(3));
    assert!(dict.remove("b").is_none() && dict.contains_key("a") && dict.len() == 1);
    let refused = |name: &'static str| {
        std::panic::catch_unwind(|| ModuleDict::new([(name, Linear::new(1, 1))])).is_err()
    };
    assert!(refused("") && refused("a.b"));
    let _: &Linear = &dict["a"];
}
