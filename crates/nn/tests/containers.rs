//! `ModuleList` and `ModuleDict`.

use flambeau_nn::{Layer, Linear, Module, ModuleDict, ModuleList, ReLU};

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
