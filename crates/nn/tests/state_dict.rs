//! Values by name: loading them strictly or not, and through files.

use std::fs;
use std::io::Write;
use std::path::Path;

use flambeau_nn::{Buffer, Forward, Linear, Module, Parameter, ReLU, Sequential, StateDict};
use flambeau_tensor::{DType, Error, Tensor};

#[derive(Module)]
#[module(crate = flambeau_nn)]
struct Net {
    body: Sequential,
    scale: Parameter,
    steps: Buffer,
}

fn net(inputs: usize) -> Net {
    Net {
        body: Sequential::new((Linear::new(inputs, 3), ReLU::default(), Linear::new(3, 2))),
        scale: Parameter::new(Tensor::ones([2])),
        steps: Buffer::new(Tensor::from_vec(vec![7_i64], [1])),
    }
}

fn values(module: &dyn Module) -> Vec<(String, Vec<u8>)> {
    module.state_dict().iter().map(|(name, tensor)| (name.to_owned(), tensor.to_le_bytes())).collect()
}

fn overwrite(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::File::create(path)?.write_all(bytes)
}

#[test]
fn loading_copies_in_place() {
    let (from, to) = (net(4), net(4));
    let weight = to.body.named_parameters()[0].1.clone();
    let keys = to.load_state_dict(&from.state_dict(), true).unwrap();
    assert!(keys.missing_keys.is_empty() && keys.unexpected_keys.is_empty());
    assert_eq!(values(&from), values(&to));
    assert!(weight.is_same(&to.body.named_parameters()[0].1), "optimisers keep their handles");
    assert!(weight.requires_grad());
    // Copied, not shared.
    flambeau_nn::init::zeros_(&from.scale);
    assert_eq!(to.scale.to_vec::<f32>(), [1.0, 1.0]);
}

#[test]
fn a_module_takes_its_own_state() {
    let net = net(4);
    let before = values(&net);
    net.load_state_dict(&net.state_dict(), true).unwrap();
    assert_eq!(values(&net), before);
}

#[test]
fn the_state_is_shared_and_its_copy_is_not() {
    let net = net(4);
    let (live, kept) = (net.state_dict(), net.state_dict().copy());
    assert!(live.values().all(|tensor| !tensor.requires_grad()));
    flambeau_nn::init::constant_(&net.scale, 5.0);
    assert_eq!(live.get("scale").unwrap().to_vec::<f32>(), [5.0, 5.0]);
    assert_eq!(kept.get("scale").unwrap().to_vec::<f32>(), [1.0, 1.0]);
}

#[test]
fn all_that_does_not_fit_is_listed_and_nothing_is_changed() {
    let net = net(4);
    let before = values(&net);
    let mut dict = net.state_dict().copy();
    flambeau_nn::init::zeros_(dict.get("body.2.weight").unwrap());
    dict.remove("scale");
    dict.insert("body.0.weight", Tensor::zeros([3, 5]));
    dict.insert("steps", Tensor::zeros([1]));
    dict.insert("head.weight", Tensor::zeros([1]));
    dict.insert("head.bias", Tensor::zeros([1]));
    let error = net.load_state_dict(&dict, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "state_dict does not fit: Net: missing keys scale; unexpected keys head.weight, head.bias; \
         steps has dtype torch.float32, the module wants torch.int64; \
         body.0.weight has shape [3, 5], the module wants [3, 4]"
    );
    assert!(matches!(error, Error::StateDict(_)));
    assert_eq!(values(&net), before);

    // Shapes must fit even if names need not, as in PyTorch.
    let error = net.load_state_dict(&dict, false).unwrap_err().to_string();
    assert!(!error.contains("keys") && error.contains("body.0.weight has shape"), "{error}");
    assert_eq!(values(&net), before);
}

#[test]
fn without_strict_the_common_names_are_loaded() {
    let net = net(4);
    let mut dict = StateDict::new();
    dict.insert("scale", Tensor::zeros([2]));
    dict.insert("other", Tensor::zeros([2]));
    let keys = net.load_state_dict(&dict, false).unwrap();
    assert_eq!(keys.unexpected_keys, ["other"]);
    assert_eq!(keys.missing_keys, ["steps", "body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias"]);
    assert_eq!(net.scale.to_vec::<f32>(), [0.0, 0.0]);
    assert!(net.load_state_dict(&dict, true).is_err());
}

#[test]
fn floats_of_another_width_are_converted() {
    let net = net(4);
    let dict: StateDict = net
        .state_dict()
        .into_iter()
        .map(|(name, tensor)| match tensor.dtype() {
            DType::F32 => (name, tensor.to_dtype(DType::F64)),
            _ => (name, tensor),
        })
        .collect();
    let other = self::net(4);
    other.load_state_dict(&dict, true).unwrap();
    assert_eq!(other.scale.dtype(), DType::F32);
    assert_eq!(values(&other), values(&net));
}

#[test]
fn a_dict_keeps_its_order() {
    let mut dict: StateDict =
        ["c", "a", "b"].map(|name| (name.to_owned(), Tensor::zeros([1]))).into_iter().collect();
    assert!(dict.insert("a", Tensor::ones([1])).is_some());
    assert_eq!(dict.keys().collect::<Vec<_>>(), ["c", "a", "b"]);
    assert!(dict.remove("c").is_some() && dict.remove("c").is_none());
    assert_eq!(dict.get("b").map(|tensor| tensor.to_vec::<f32>()), Some(vec![0.0]));
    assert_eq!(dict.get("a").map(|tensor| tensor.to_vec::<f32>()), Some(vec![1.0]));
    assert!(dict.contains_key("a") && !dict.contains_key("c") && dict.len() == 2 && !dict.is_empty());
    assert_eq!((&dict).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(dict.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_saved_module_computes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let (from, to) = (net(4), net(4));
    from.save(&path).unwrap();
    to.load(&path).unwrap();
    assert_eq!(values(&from), values(&to));
    let x = Tensor::ones([3, 4]);
    assert_eq!(from.body.call(&x).to_vec::<f32>(), to.body.call(&x).to_vec::<f32>());
    // Through an object as well.
    let object: Box<dyn Module> = Box::new(net(4));
    object.load(&path).unwrap();
    object.save(&path).unwrap();
    assert_eq!(values(&object), values(&from));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary files stay");
}

#[test]
fn files_that_do_not_fit_or_are_broken_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let net = net(4);
    let before = values(&net);

    self::net(5).save(&path).unwrap();
    let error = net.load(&path).unwrap_err();
    assert!(matches!(error, Error::StateDict(_)), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");

    self::net(4).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [0, 7, 8, 100, whole.len() - 1] {
        overwrite(&path, &whole[..length]).unwrap();
        let error = net.load(&path).unwrap_err();
        assert!(matches!(&error, Error::File { path: at, .. } if *at == path), "{length} bytes: {error}");
    }
    overwrite(&path, &[&whole[..], b"more"].concat()).unwrap();
    assert!(net.load(&path).is_err());
    let error = net.load(folder.path().join("missing")).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert_eq!(values(&net), before);
}

#[test]
fn saving_where_one_cannot_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing/net.safetensors"), folder.path().to_path_buf()] {
        let error = net(4).save(&path).unwrap_err();
        assert!(matches!(&error, Error::File { path: at, .. } if *at == path), "{error}");
    }
}
