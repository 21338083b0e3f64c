//! Metrics: scikit-learn's numbers, in one batch, in many, merged, and from a saved state.

use flambeau_tensor::{DType, Tensor, tensor, try_call};
use flambeau_train::{
    AUROC, Accuracy, Average, ConfusionMatrix, F1Score, MeanAbsoluteError, MeanMetric, MeanSquaredError,
    Metric, Precision, R2Score, Recall,
};
use serde::Deserialize;
use std::collections::HashMap;

/// See xtask/torch/record_metrics.py.
#[derive(Deserialize)]
struct Recorded {
    scores: Vec<Scores>,
    binary: Vec<Binary>,
    regression: Vec<Regression>,
}

#[derive(Deserialize)]
struct Scores {
    scores: Vec<f64>,
    classes: usize,
    targets: Vec<i64>,
    accuracy: f64,
    top_k: Vec<Option<f64>>,
    confusion: Vec<i64>,
    per_class: HashMap<String, Averages>,
    auroc: Option<f64>,
    auroc_each: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Averages {
    r#macro: f64,
    micro: f64,
    weighted: f64,
    each: Vec<f64>,
}

#[derive(Deserialize)]
struct Binary {
    scores: Vec<f64>,
    targets: Vec<i64>,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    auroc: f64,
    confusion: Vec<i64>,
}

#[derive(Deserialize)]
struct Regression {
    outputs: Vec<f64>,
    targets: Vec<f64>,
    width: usize,
    mse: f64,
    mae: f64,
    r2: Option<f64>,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("recorded/metrics.json")).unwrap()
}

#[track_caller]
fn close(own: f64, wanted: f64) {
    assert!((own - wanted).abs() <= 1e-10 * wanted.abs().max(1.0), "{own} is not {wanted}");
}

/// The value of all at once, which must be that of batches of 7, of parts merged in any order, and of a training that
/// stops and goes on. `equal` compares two values.
fn streamed<M: Metric>(
    new: impl Fn() -> M,
    output: &Tensor,
    target: &Tensor,
    equal: impl Fn(M::Value, M::Value),
) -> M {
    let mut whole = new();
    whole.update(output, target);

    let (mut batches, mut parts) = (new(), [new(), new(), new()]);
    for (i, (o, t)) in output.split(7, 0).iter().zip(target.split(7, 0)).enumerate() {
        batches.update(o, &t);
        parts[i % 2].update(o, &t);
        let mut resumed = new();
        resumed.load_state_dict(&batches.state_dict()).unwrap();
        batches = resumed;
    }
    equal(batches.compute(), whole.compute());
    let [even, mut odd, mut empty] = parts;
    odd.merge(&even);
    equal(odd.compute(), whole.compute());
    empty.merge(&odd);
    equal(empty.compute(), whole.compute());
    odd.reset();
    odd.update(output, target);
    equal(odd.compute(), whole.compute());
    whole
}

fn check<M: Metric<Value = f64>>(new: impl Fn() -> M, output: &Tensor, target: &Tensor, wanted: f64) -> M {
    let metric = streamed(new, output, target, close);
    close(metric.compute(), wanted);
    metric
}

#[test]
fn scores_of_classes() {
    for case in recorded().scores {
        let (n, classes) = (case.targets.len(), case.classes);
        let output = Tensor::from_vec(case.scores, [n, classes]);
        let target = Tensor::from_vec(case.targets, [n]);
        check(Accuracy::new, &output, &target, case.accuracy);
        for (k, wanted) in case.top_k.iter().enumerate() {
            if let Some(wanted) = *wanted {
                check(|| Accuracy::new().top_k(k + 1), &output, &target, wanted);
            }
        }
        let same = |a: Tensor, b: Tensor| assert_eq!(a.to_vec::<i64>(), b.to_vec::<i64>());
        let confusion = streamed(|| ConfusionMatrix::new(classes), &output, &target, same);
        assert_eq!(confusion.compute().to_vec::<i64>(), case.confusion);
        close(confusion.accuracy(), case.accuracy);

        let averages = [Average::Macro, Average::Micro, Average::Weighted];
        for (average, i) in averages.into_iter().zip(0..) {
            let wanted = |name: &str| {
                let of = &case.per_class[name];
                [of.r#macro, of.micro, of.weighted][i]
            };
            let precision = || Precision::new(classes).average(average);
            let recall = || Recall::new(classes).average(average);
            let f1 = || F1Score::new(classes).average(average);
            let each = [
                check(precision, &output, &target, wanted("precision")).per_class(),
                check(recall, &output, &target, wanted("recall")).per_class(),
                check(f1, &output, &target, wanted("f1")).per_class(),
            ];
            for (each, name) in each.into_iter().zip(["precision", "recall", "f1"]) {
                each.iter().zip(&case.per_class[name].each).for_each(|(own, wanted)| close(*own, *wanted));
            }
        }
        let last = F1Score::new(classes).average(Average::Class(classes - 1));
        check(|| last.clone(), &output, &target, case.per_class["f1"].each[classes - 1]);

        let mut auroc = AUROC::new();
        auroc.update(&output, &target);
        for (own, wanted) in auroc.per_class().into_iter().zip(case.auroc_each) {
            wanted.map_or_else(|| assert!(own.is_nan()), |wanted| close(own, wanted));
        }
        if let Some(wanted) = case.auroc {
            // Scikit-learn was given the softmax, which keeps the order within an item, not between items.
            check(AUROC::new, &output.softmax(1), &target, wanted);
        }
    }
}

#[test]
fn one_score() {
    for case in recorded().binary {
        let n = case.targets.len();
        let output = Tensor::from_vec(case.scores, [n]);
        let target = Tensor::from_vec(case.targets, [n]);
        let column = output.unsqueeze(1);
        for (output, target) in [
            (output.clone(), target.clone()),
            (column.clone(), target.clone()),
            (column, target.unsqueeze(1)),
            (output.clone(), target.to_dtype(DType::F64)),
            // Logits of them, and answers.
            (output.gt(0.5).to_dtype(DType::I64), target.clone()),
        ] {
            check(Accuracy::new, &output, &target, case.accuracy);
            check(|| Precision::new(2).average(Average::Class(1)), &output, &target, case.precision);
            check(|| Recall::new(2).average(Average::Class(1)), &output, &target, case.recall);
            check(|| F1Score::new(2).average(Average::Class(1)), &output, &target, case.f1);
            let mut confusion = ConfusionMatrix::new(2);
            confusion.update(&output, &target);
            assert_eq!(confusion.compute().to_vec::<i64>(), case.confusion);
            if output.dtype().is_float() {
                check(AUROC::new, &output, &target, case.auroc);
            }
        }
        let logits = &output - 0.5;
        check(|| Accuracy::new().threshold(0.0), &logits, &target, case.accuracy);
        check(AUROC::new, &logits, &target, case.auroc);
    }
}

#[test]
fn errors_of_numbers() {
    for case in recorded().regression {
        let shape = [case.targets.len() / case.width, case.width];
        let output = Tensor::from_vec(case.outputs, shape);
        let target = Tensor::from_vec(case.targets, shape);
        check(MeanSquaredError::new, &output, &target, case.mse);
        check(MeanAbsoluteError::new, &output, &target, case.mae);
        match case.r2 {
            Some(r2) => drop(check(R2Score::new, &output, &target, r2)),
            None => {
                let mut metric = R2Score::new();
                metric.update(&output, &target);
                assert!(metric.compute().is_nan());
            }
        }
        if case.width == 1 {
            check(MeanSquaredError::new, &output.squeeze(1), &target.squeeze(1), case.mse);
        }
    }
}

#[test]
fn losses_are_weighted_by_their_batches() {
    let mut mean = MeanMetric::new();
    for (loss, items) in [(1.0, 64), (2.0, 64), (7.0, 4)] {
        mean.update(loss, items);
    }
    assert_eq!(mean.compute(), (64.0 + 128.0 + 28.0) / 132.0);
    let mut other = MeanMetric::new();
    other.load_state_dict(&mean.state_dict()).unwrap();
    assert_eq!(other, mean);
    other.merge(&mean);
    assert_eq!(other.compute(), mean.compute());
    other.reset();
    assert!(other.compute().is_nan());
}

#[test]
fn classes_of_pixels() {
    // [n, classes, height] against [n, height].
    let output = tensor![[[5.0, 0.0], [1.0, 1.0], [2.0, 3.0]], [[0.0, 1.0], [2.0, 0.0], [1.0, 0.0]]];
    let target = tensor![[0, 2], [1, 1]];
    let mut metrics = [Accuracy::new(), Accuracy::new().top_k(2), Accuracy::new().top_k(3)];
    metrics.iter_mut().for_each(|metric| metric.update(&output, &target));
    assert_eq!(metrics.map(|metric| metric.compute()), [0.75, 1.0, 1.0]);
}

#[test]
fn ties_and_nan() {
    let mut top1 = Accuracy::new();
    let mut top2 = Accuracy::new().top_k(2);
    let output = tensor![[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [f64::NAN, 1.0, 2.0], [f64::NAN, 1.0, 2.0]];
    let target = tensor![0, 2, 2, 0];
    top1.update(&output, &target);
    top2.update(&output, &target);
    assert_eq!((top1.compute(), top2.compute()), (0.5, 0.5));
    let mut auroc = AUROC::new();
    auroc.update(&tensor![0.5, 0.5, -0.0, 0.0], &tensor![0, 1, 0, 1]);
    assert_eq!(auroc.compute(), 0.5);
    auroc.update(&tensor![f64::NAN], &tensor![0]);
    assert!(auroc.compute().is_nan());
}

#[test]
fn nothing_is_no_number() {
    let empty = (Tensor::zeros([0, 3]), Tensor::from_vec(Vec::<i64>::new(), [0]));
    let mut metrics: Vec<Box<dyn Metric<Value = f64>>> =
        vec![Box::new(Accuracy::new()), Box::new(F1Score::new(3)), Box::new(AUROC::new())];
    for metric in &mut metrics {
        metric.update(&empty.0, &empty.1);
        assert!(metric.compute().is_nan(), "{}", metric.name());
    }
    let mut r2 = R2Score::new();
    r2.update(&empty.0, &empty.0);
    assert!(r2.compute().is_nan());
    assert_eq!(ConfusionMatrix::new(2).compute().to_vec::<i64>(), [0; 4]);
}

#[test]
fn what_does_not_fit_is_refused_and_counts_nothing() {
    let refused = |metric: &mut dyn Metric<Value = f64>, output: &Tensor, target: &Tensor, part: &str| {
        let before = metric.state_dict();
        let message = try_call(|| metric.update(output, target)).unwrap_err().to_string();
        assert!(message.contains(part), "{part}: {message}");
        assert_eq!(metric.state_dict(), before);
    };
    let scores = tensor![[0.0, 1.0], [1.0, 0.0]];
    refused(&mut Accuracy::new(), &scores, &tensor![1, 0, 1], "[2, 2]");
    refused(&mut Accuracy::new(), &scores, &tensor![1, -1], "contain -1");
    refused(&mut Accuracy::new(), &scores, &tensor![1.0, 0.5], "contain 0.5");
    refused(&mut Accuracy::new().top_k(2), &tensor![0.1, 0.9], &tensor![1, 0], "top_k");
    refused(&mut Accuracy::new().top_k(2), &scores, &tensor![1, 2], "class 2");
    refused(&mut Precision::new(2), &tensor![0, 2], &tensor![0, 1], "class 2 of 2");
    refused(&mut AUROC::new(), &tensor![0, 1], &tensor![0, 1], "integers");
    refused(&mut MeanSquaredError::new(), &tensor![[1.0], [2.0]], &tensor![1.0, 2.0], "[2, 1]");
    let mut auroc = AUROC::new();
    auroc.update(&scores, &tensor![0, 1]);
    refused(&mut auroc, &tensor![0.5], &tensor![1], "after scores of 2");
    let message =
        try_call(|| ConfusionMatrix::new(2).merge(&ConfusionMatrix::new(3))).unwrap_err().to_string();
    assert!(message.contains("2 classes do not go with 3"), "{message}");
    assert!(F1Score::new(2).load_state_dict(&[1.0; 9]).is_err());
    assert!(AUROC::new().load_state_dict(&[2.0, 1.0]).is_err());
    assert!(ConfusionMatrix::new(2).load_state_dict(&[]).is_err());
}

#[test]
fn a_confusion_matrix_is_a_table() {
    let mut confusion = ConfusionMatrix::new(3);
    confusion.update(&tensor![0, 1, 1, 2], &tensor![0, 1, 2, 2]);
    assert_eq!(confusion.to_string(), "   0 1 2\n 0 1 0 0\n 1 0 1 0\n 2 0 1 1");
}
