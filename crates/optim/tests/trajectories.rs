//! Every optimiser follows PyTorch for 25 steps in each setting of PyTorch's own optimiser database, recorded by
//! `xtask/torch/record_optim.py`; and a run that is saved and resumed half-way follows itself to the bit.

use flambeau_optim::*;
use flambeau_tensor::{DType, Element, Tensor};
use safetensors::SafeTensors;
use serde_json::{Map, Value};
use std::io::Read;

const STEPS: usize = 25;
/// At this step the second parameter has no gradient.
const MISSING: usize = 8;
const SHAPES: [&[usize]; 3] = [&[2, 2], &[3], &[]];
const START: [f64; 8] = [0.5, -0.75, 1.25, 0.25, -1.0, 0.75, 0.5, -0.25];
const TARGET: [f64; 8] = [1.0, 0.5, -0.25, 0.75, -0.5, 1.5, -1.0, 0.25];
const CURVATURE: [f64; 8] = [1.0, 0.5, 2.0, 1.5, 0.25, 3.0, 0.75, 1.25];

struct Recorded {
    bytes: Vec<u8>,
}

impl Recorded {
    fn open() -> Recorded {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recorded/optim.safetensors.gz");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
        Recorded { bytes }
    }

    fn cases(&self) -> Vec<Value> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes).unwrap();
        serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap()
    }

    /// The parameters after each step, one after the other.
    fn get(&self, name: &str, dtype: DType) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).unwrap();
        numbers(&Tensor::from_le_bytes(view.data(), view.shape(), dtype).unwrap())
    }
}

fn numbers(x: &Tensor) -> Vec<f64> {
    x.detach().to_dtype(DType::F64).to_vec()
}

fn parameters<T: Element>() -> Vec<Tensor> {
    let mut start = START.map(T::from_f64).to_vec().into_iter();
    let one = |shape: &[usize]| {
        let n = shape.iter().product();
        Tensor::from_vec(start.by_ref().take(n).collect::<Vec<T>>(), shape).requires_grad_()
    };
    SHAPES.map(one).to_vec()
}

fn objective(params: &[Tensor]) -> Tensor {
    let x = Tensor::cat(&params.iter().map(|p| p.reshape(-1)).collect::<Vec<_>>(), 0);
    let constant = |v: [f64; 8]| Tensor::from_vec(v.to_vec(), 8).to_dtype(x.dtype());
    let away = &x - constant(TARGET);
    let (first, rest) = (x.narrow(0, 0, 7), x.narrow(0, 1, 7));
    let valley = rest - &first * &first;
    (constant(CURVATURE) * (&away * &away)).sum() / 2.0 + (&valley * &valley).sum() / 10.0
}

/// The settings of a case over a rule's defaults; a name that the rule does not know is an error.
fn options<R: Rule>(given: &[&Value]) -> R {
    let Ok(Value::Object(mut all)) = serde_json::to_value(R::default()) else { panic!("no object") };
    for (name, value) in given.iter().flat_map(|given| given.as_object().unwrap()) {
        assert!(all.insert(name.clone(), value.clone()).is_some(), "{} has no {name}", R::NAME);
    }
    serde_json::from_value(Value::Object(all)).unwrap()
}

fn make<R: Rule>(params: &[Tensor], case: &Value) -> Box<dyn Optimizer> {
    let first = options::<R>(&[&case["kwargs"]]);
    if case["second_group"].is_null() {
        return Box::new(Optim::from_options(params, first));
    }
    let second = options::<R>(&[&case["kwargs"], &case["second_group"]]);
    let mut optimizer = Optim::from_options(&params[..1], first);
    optimizer.add_param_group(&params[1..], |group| *group = second);
    Box::new(optimizer)
}

fn optimizer(params: &[Tensor], case: &Value) -> Box<dyn Optimizer> {
    match case["optimizer"].as_str().unwrap() {
        "SGD" => make::<SgdOptions>(params, case),
        "Adam" => make::<AdamOptions>(params, case),
        "AdamW" => make::<AdamWOptions>(params, case),
        "RMSprop" => make::<RmsPropOptions>(params, case),
        "Adagrad" => make::<AdagradOptions>(params, case),
        "Adadelta" => make::<AdadeltaOptions>(params, case),
        "Adamax" => make::<AdamaxOptions>(params, case),
        "NAdam" => make::<NAdamOptions>(params, case),
        "RAdam" => make::<RAdamOptions>(params, case),
        "Rprop" => make::<RpropOptions>(params, case),
        "ASGD" => make::<AsgdOptions>(params, case),
        "LBFGS" => {
            let Ok(Value::Object(mut all)) = serde_json::to_value(LbfgsOptions::default()) else { panic!() };
            let known = all.keys().cloned().collect::<Vec<_>>();
            let given: Map<_, _> = case["kwargs"].as_object().unwrap().clone();
            assert!(given.keys().all(|name| known.contains(name)));
            all.extend(given);
            Box::new(LBFGS::from_options(params, serde_json::from_value(Value::Object(all)).unwrap()))
        }
        other => panic!("{other} is unknown"),
    }
}

/// Runs a case; `between` is called after each step and may replace the optimiser.
fn replay<T: Element>(
    case: &Value,
    mut between: impl FnMut(usize, &[Tensor], &mut Box<dyn Optimizer>),
) -> Vec<f64> {
    let params = parameters::<T>();
    let mut optimizer = optimizer(&params, case);
    let sign = if case["kwargs"]["maximize"] == true { -1.0 } else { 1.0 };
    let mut rows = Vec::new();
    for step in 1..=STEPS {
        let mut closure = || {
            params.iter().for_each(Tensor::zero_grad);
            let loss = objective(&params) * sign;
            loss.backward();
            if step == MISSING {
                params[1].zero_grad();
            }
            loss
        };
        optimizer.step_with(&mut closure);
        rows.extend(params.iter().flat_map(numbers));
        between(step, &params, &mut optimizer);
    }
    rows
}

/// The largest deviation beyond 1e-6, relative to PyTorch's value.
fn worst(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let away =
        |(a, b): (&f64, &f64)| if a.is_nan() { f64::INFINITY } else { ((a - b).abs() - 1e-6) / b.abs() };
    got.iter().zip(expected).map(away).fold(0.0, f64::max)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn every_optimiser_follows_pytorch_in_every_setting_of_its_database() {
    let recorded = Recorded::open();
    let cases = recorded.cases();
    let mut wrong = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        let runs = [
            ("f64", replay::<f64>(case, |_, _, _| ()), DType::F64),
            ("f32", replay::<f32>(case, |_, _, _| ()), DType::F32),
        ];
        for (label, got, dtype) in runs {
            let expected = recorded.get(&format!("{i}.{label}"), dtype);
            let away = worst(&got, &expected);
            let largest = distance(&got, &expected);
            // L-BFGS divides by differences of gradients, which amplifies the rounding of f32: PyTorch's own run
            // leaves its f64 run by more than the bar. There the measure is that distance; in f64, where both
            // agree far better than the bar asks, it is not needed.
            let own = || distance(&recorded.get(&format!("{i}.f64"), DType::F64), &expected);
            let rounding = label == "f32" && case["optimizer"] == "LBFGS" && largest <= 2.0 * own();
            if (away > 1e-5 && !rounding) || (label == "f64" && largest > 1e-9) {
                wrong.push(format!("{case} in {label}: {away:e} relative, {largest:e} absolute"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 88, "only {} cases", cases.len());
}

#[test]
fn a_resumed_run_continues_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("optimizer.safetensors");
    for case in Recorded::open().cases() {
        let whole = replay::<f32>(&case, |_, _, _| ());
        // Saved after a step and loaded into a fresh optimiser whose own settings differ.
        for at in [1, 12] {
            let resumed = replay::<f32>(&case, |step, params, optimizer_| {
                if step == at {
                    optimizer_.state_dict().save(&path).unwrap();
                    let mut fresh = optimizer(params, &case);
                    fresh.set_lr(0.9);
                    fresh.load_state_dict(&OptimizerState::load(&path).unwrap()).unwrap();
                    *optimizer_ = fresh;
                }
            });
            let bits = |rows: &[f64]| rows.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert!(bits(&whole) == bits(&resumed), "{case}, saved after step {at}");
        }
    }
}

#[test]
fn averages_are_those_of_pytorch() {
    let recorded = Recorded::open();
    let case = serde_json::json!({"optimizer": "SGD", "kwargs": {}, "second_group": null});
    fn follow<T: Element>(case: &Value) -> [Vec<f64>; 2] {
        let (mut ema, mut swa) = (None, None);
        let (mut by_ema, mut by_swa) = (Vec::new(), Vec::new());
        replay::<T>(case, |_, params, _| {
            let ema = ema.get_or_insert_with(|| EMA::new(params, 0.9));
            let swa = swa.get_or_insert_with(|| SWA::new(params));
            ema.update();
            swa.update();
            by_ema.extend(ema.averages().iter().flat_map(numbers));
            by_swa.extend(swa.averages().iter().flat_map(numbers));
        });
        [by_ema, by_swa]
    }
    let [ema, swa] = follow::<f64>(&case);
    assert!(worst(&ema, &recorded.get("average.ema.f64", DType::F64)) < 1e-5);
    assert!(worst(&swa, &recorded.get("average.swa.f64", DType::F64)) < 1e-5);
    let [ema, swa] = follow::<f32>(&case);
    assert!(worst(&ema, &recorded.get("average.ema.f32", DType::F32)) < 1e-5);
    assert!(worst(&swa, &recorded.get("average.swa.f32", DType::F32)) < 1e-5);
}
