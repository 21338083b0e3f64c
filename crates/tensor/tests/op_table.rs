//! The automatic checks of the op table: gradients against finite differences in f64, and values and gradients
//! against recorded PyTorch ones.

use flambeau_tensor::autograd::{BackwardOptions, grad};
use flambeau_tensor::ops::table;
use flambeau_tensor::testing::{Sample, gradcheck};
use flambeau_tensor::{DType, Tensor};
use safetensors::SafeTensors;
use std::io::Read;

/// Samples with the names that their recorded values have.
fn samples() -> impl Iterator<Item = (String, Sample)> {
    table().into_iter().flat_map(|entry| {
        let named = (entry.samples)().into_iter().enumerate();
        named.map(move |(i, sample)| (format!("{}.{i}", entry.name), sample)).collect::<Vec<_>>()
    })
}

#[test]
fn every_op_has_samples_and_its_place_in_the_alphabet() {
    let names: Vec<&str> = table().iter().map(|entry| entry.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for entry in table() {
        assert!(!(entry.samples)().is_empty(), "{}", entry.name);
    }
}

#[test]
fn first_gradients_agree_with_differences() {
    for (name, sample) in samples().filter(|(_, s)| s.smooth) {
        gradcheck(&*sample.call, &sample.inputs, false)
            .unwrap_or_else(|e| panic!("{name} ({}): {e}", sample.torch));
    }
}

#[test]
fn second_gradients_agree_with_differences() {
    for (name, sample) in samples().filter(|(_, s)| s.smooth) {
        gradcheck(&*sample.call, &sample.inputs, true)
            .unwrap_or_else(|e| panic!("{name} ({}): {e}", sample.torch));
    }
}

/// The fixed gradient of output `j` that PyTorch's were recorded with.
fn cotangent(like: &Tensor, j: usize) -> Tensor {
    let values = (0..like.numel()).map(|i| (1.0 + i as f64 + 7.0 * j as f64).sin()).collect();
    Tensor::from_vec::<f64>(values, like.shape()).to_dtype(like.dtype())
}

fn values(x: &Tensor) -> Vec<f64> {
    x.detach().to_dtype(DType::F64).to_vec()
}

/// A sample run in one float dtype: the outputs, then the gradient of each floating-point input.
fn evaluate(sample: &Sample, dtype: DType) -> (Vec<Tensor>, Vec<Option<Tensor>>) {
    let leaf = |x: &Tensor| match x.dtype() {
        DType::F64 => x.to_dtype(dtype).copy().detach().requires_grad_(),
        _ => x.clone(),
    };
    let x: Vec<Tensor> = sample.inputs.iter().map(leaf).collect();
    let y = (sample.call)(&x);
    let floats: Vec<usize> = (0..x.len()).filter(|&i| x[i].requires_grad()).collect();
    let wrt: Vec<&Tensor> = floats.iter().map(|&i| &x[i]).collect();
    let mut gradients: Vec<Option<Tensor>> = vec![None; x.len()];
    for (j, y) in y.iter().enumerate().filter(|(_, y)| y.requires_grad()) {
        let options = BackwardOptions {
            gradient: Some(cotangent(y, j)),
            retain_graph: true,
            ..BackwardOptions::default()
        };
        for (&i, g) in floats.iter().zip(grad(&[y], &wrt, &options).unwrap()) {
            let sum = [gradients[i].take(), g].into_iter().flatten().reduce(|a, b| a + b);
            gradients[i] = sum;
        }
    }
    (y, gradients)
}

#[test]
fn values_and_gradients_agree_with_pytorch() {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/ops.safetensors.gz"))
        .expect("recorded values; make them with `cargo xtask record`");
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let recorded = SafeTensors::deserialize(&bytes).unwrap();
    let get = |key: &str| {
        let view = recorded.tensor(key).ok()?;
        let dtype = match view.dtype() {
            safetensors::Dtype::F64 => DType::F64,
            safetensors::Dtype::F32 => DType::F32,
            safetensors::Dtype::I64 => DType::I64,
            safetensors::Dtype::U8 => DType::U8,
            safetensors::Dtype::BOOL => DType::Bool,
            other => panic!("{key}: {other:?}"),
        };
        Some(Tensor::from_le_bytes(view.data(), view.shape(), dtype).unwrap())
    };
    for (name, sample) in samples() {
        for (k, x) in sample.inputs.iter().enumerate() {
            let recorded = get(&format!("{name}.x{k}")).unwrap_or_else(|| panic!("{name} is not recorded"));
            // The normal numbers among them were recorded with the last bits that a C library's sine gave.
            let (got, want) = (values(x), values(&recorded));
            let same = |(g, w): (&f64, &f64)| g == w || (g - w).abs() < 1e-14;
            let agree = got.len() == want.len() && got.iter().zip(&want).all(same);
            assert!(agree, "{name}: its inputs changed; record anew: {got:?} for {want:?}");
        }
        for (dtype, rtol, atol) in [(DType::F64, 1e-9, 1e-10), (DType::F32, 1e-5, 1e-5)] {
            let close = |what: String, got: &Tensor, want: &Tensor| {
                assert_eq!(got.shape(), want.shape(), "{what}");
                // What is made from integers is f32 in either run, and PyTorch's may be the second nearest: its cosh(2) is.
                let rtol =
                    if want.dtype() == DType::F32 { f64::max(rtol, f32::EPSILON.into()) } else { rtol };
                // f32 runs are compared with values recorded in f64; the scale is the largest one's.
                let scale =
                    values(want).iter().fold(0f64, |m, v| if v.is_finite() { m.max(v.abs()) } else { m });
                for (i, (g, w)) in values(got).into_iter().zip(values(want)).enumerate() {
                    let equal = g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= atol + rtol * scale;
                    assert!(equal, "{what} in {dtype} at {i}: {g}, PyTorch {w} ({})", sample.torch);
                }
            };
            let (y, gradients) = evaluate(&sample, dtype);
            for (j, y) in y.iter().enumerate() {
                let want =
                    get(&format!("{name}.y{j}")).unwrap_or_else(|| panic!("{name}.y{j} is not recorded"));
                if dtype == DType::F64 {
                    assert_eq!(y.dtype(), want.dtype(), "{name}.y{j}");
                }
                close(format!("{name}.y{j}"), y, &want);
            }
            assert!(get(&format!("{name}.y{}", y.len())).is_none(), "{name}: PyTorch has more outputs");
            for (k, gradient) in gradients.iter().enumerate() {
                let want = get(&format!("{name}.g{k}"));
                match (gradient, want) {
                    (Some(g), Some(want)) => close(format!("{name}.g{k}"), g, &want),
                    (None, None) => {}
                    (Some(g), None) => {
                        assert!(values(g).iter().all(|&v| v == 0.0), "{name}.g{k}: PyTorch has none")
                    }
                    (None, Some(_)) => panic!("{name}.g{k}: PyTorch has one"),
                }
            }
        }
    }
}

/// Writes the samples for `cargo xtask record`, which sets FLAMBEAU_SAMPLES.
#[test]
#[allow(clippy::disallowed_methods, reason = "into a fresh folder that is thrown away")]
fn dump_samples() {
    let Ok(folder) = std::env::var("FLAMBEAU_SAMPLES") else { return };
    let (mut tensors, mut list) = (Vec::new(), Vec::new());
    for (name, sample) in samples() {
        let (op, index) = name.rsplit_once('.').unwrap();
        let inputs: Vec<String> = (0..sample.inputs.len()).map(|k| format!("{name}.x{k}")).collect();
        let floats: Vec<bool> = sample.inputs.iter().map(|x| x.dtype().is_float()).collect();
        list.push(serde_json::json!({
            "op": op, "index": index.parse::<usize>().unwrap(), "torch": sample.torch, "inputs": inputs,
            "requires_grad": floats,
        }));
        tensors.extend(inputs.into_iter().zip(sample.inputs));
    }
    let bytes: Vec<(String, Vec<usize>, safetensors::Dtype, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, x)| {
            let dtype = match x.dtype() {
                DType::F64 => safetensors::Dtype::F64,
                DType::I64 => safetensors::Dtype::I64,
                other => panic!("{name}: samples are f64 or i64, not {other}"),
            };
            (name, x.shape().to_vec(), dtype, x.to_le_bytes())
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, dtype, data)| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    let folder = std::path::Path::new(&folder);
    safetensors::serialize_to_file(views, None, &folder.join("samples.safetensors")).unwrap();
    std::fs::write(folder.join("samples.json"), serde_json::to_string_pretty(&list).unwrap()).unwrap();
}
