//! Limits on gradients, against PyTorch's values (`xtask/torch/record_optim.py`).

use flambeau_nn::utils::{clip_grad_norm_, clip_grad_value_};
use flambeau_tensor::{DType, Tensor, tensor, try_call};
use safetensors::SafeTensors;
use std::io::Read;

/// The gradients of the recording's objective at its start; the second parameter has none.
fn parameters() -> Vec<Tensor> {
    let start = [0.5, -0.75, 1.25, 0.25, -1.0, 0.75, 0.5, -0.25];
    let target = [1.0, 0.5, -0.25, 0.75, -0.5, 1.5, -1.0, 0.25];
    let curvature = [1.0, 0.5, 2.0, 1.5, 0.25, 3.0, 0.75, 1.25];
    let vector = |v: [f64; 8]| Tensor::from_vec(v.to_vec(), 8);
    let x = vector(start).requires_grad_();
    let away = &x - vector(target);
    let (first, rest) = (x.narrow(0, 0, 7), x.narrow(0, 1, 7));
    let valley = rest - &first * &first;
    ((vector(curvature) * (&away * &away)).sum() / 2.0 + (&valley * &valley).sum() / 10.0).backward();
    let grad = x.grad().unwrap();
    [(0, 4), (4, 3), (7, 1)]
        .map(|(from, n)| {
            let p = x.detach().narrow(0, from, n).copy().detach().requires_grad_();
            if n != 3 {
                p.set_grad(Some(grad.narrow(0, from, n).copy().detach()));
            }
            p
        })
        .to_vec()
}

#[test]
fn norms_and_scaled_gradients_are_those_of_pytorch() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recorded/optim.safetensors.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    let recorded = SafeTensors::deserialize(&bytes).unwrap();
    for (name, norm_type) in [("1.0", 1.0), ("2.0", 2.0), ("3.5", 3.5), ("inf", f64::INFINITY)] {
        let params = parameters();
        let mut got = vec![clip_grad_norm_(&params, 0.5, norm_type, true)];
        got.extend(params.iter().filter_map(Tensor::grad).flat_map(|grad| grad.to_vec::<f64>()));
        let view = recorded.tensor(&format!("clip.{name}")).unwrap();
        let expected = Tensor::from_le_bytes(view.data(), view.shape(), DType::F64).unwrap().to_vec::<f64>();
        assert_eq!(got.len(), expected.len());
        assert!(
            got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9),
            "{name}: {got:?}, {expected:?}"
        );
    }
}

#[test]
fn what_is_small_stays_and_what_is_not_finite_is_an_error() {
    let p = tensor![1.0, 2.0].requires_grad_();
    let none: [Tensor; 0] = [];
    assert_eq!((clip_grad_norm_(none, 1.0, 2.0, true), clip_grad_norm_([&p], 1.0, 2.0, true)), (0.0, 0.0));
    p.set_grad(Some(tensor![0.3, 0.4]));
    assert!((clip_grad_norm_([&p], 1.0, 2.0, true) - 0.5).abs() < 1e-7);
    assert_eq!(p.grad().unwrap().to_vec::<f32>(), [0.3, 0.4]);
    p.set_grad(Some(tensor![f32::INFINITY, 0.4]));
    let error = try_call(|| clip_grad_norm_([&p], 1.0, 2.0, true)).unwrap_err().to_string();
    assert!(error.starts_with("clip_grad_norm_: the gradients' norm of order 2 is inf"), "{error}");
    assert_eq!(clip_grad_norm_([&p], 1.0, 2.0, false), f64::INFINITY);
    p.set_grad(Some(tensor![[9.0, -9.0]].t().reshape(2)));
    clip_grad_value_([&p], 2.5);
    assert_eq!(p.grad().unwrap().to_vec::<f32>(), [2.5, -2.5]);
    assert!(try_call(|| clip_grad_value_([&p], -1.0)).is_err());
}
