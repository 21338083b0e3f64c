//! Folds: scikit-learn's, and what else they promise.

use flambeau_data::{Dataset, Fold, GroupKFold, KFold, StratifiedKFold, cross_validate};
use flambeau_tensor::Error;
use serde::Deserialize;

use crate::numbers;

/// See xtask/torch/record_folds.py.
#[derive(Deserialize)]
struct Case {
    kind: String,
    k: usize,
    labels: Vec<i64>,
    val: Vec<Vec<usize>>,
}

#[test]
fn indices_are_scikit_learns() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../recorded/folds.json")).unwrap();
    assert_eq!(cases.len(), 16);
    for Case { kind, k, labels, val } in cases {
        let folds = match kind.as_str() {
            "k" => KFold::new(k).unwrap().split(labels.len()),
            "stratified" => StratifiedKFold::new(k).unwrap().split(&labels),
            "group" => GroupKFold::new(k).unwrap().split(&labels),
            other => panic!("unknown kind {other}"),
        };
        let folds = folds.unwrap();
        assert_eq!(folds.iter().map(|f| f.val.clone()).collect::<Vec<_>>(), val, "{kind} {k} {labels:?}");
        for Fold { train, val } in folds {
            let rest: Vec<usize> = (0..labels.len()).filter(|i| !val.contains(i)).collect();
            assert_eq!(train, rest);
        }
    }
}

#[test]
fn shuffled_folds_hold_every_item_once() {
    let labels: Vec<usize> = (0..50).map(|i| usize::from(i < 20)).collect();
    let plain = KFold::new(4).unwrap();
    let stratified = StratifiedKFold::new(5).unwrap();
    for folds in [plain.shuffle(1).split(50).unwrap(), stratified.shuffle(1).split(&labels).unwrap()] {
        let mut all: Vec<usize> = folds.iter().flat_map(|f| f.val.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }
    for fold in stratified.shuffle(1).split(&labels).unwrap() {
        assert_eq!(fold.val.iter().filter(|&&i| labels[i] == 1).count(), 4);
    }
    assert_eq!(plain.shuffle(1).split(50).unwrap(), plain.shuffle(1).split(50).unwrap());
    assert_ne!(plain.shuffle(1).split(50).unwrap(), plain.shuffle(2).split(50).unwrap());
    assert_ne!(stratified.shuffle(1).split(&labels).unwrap(), stratified.split(&labels).unwrap());
}

#[test]
fn too_many_folds_are_an_error() {
    assert!(KFold::new(1).is_err());
    assert!(KFold::new(5).unwrap().split(4).is_err());
    assert!(StratifiedKFold::new(3).unwrap().split(&[0, 0, 1]).is_err());
    assert!(StratifiedKFold::new(2).unwrap().split::<i64>(&[]).is_err());
    let message = GroupKFold::new(3).unwrap().split(&[0, 0, 1, 1]).unwrap_err().to_string();
    assert!(message.contains("2 groups"), "{message}");
}

#[test]
fn cross_validation_trains_each_model_from_scratch_and_one_on_all() {
    let mut trained = Vec::new();
    let folds = KFold::new(3).unwrap().split(9).unwrap();
    let validation = cross_validate(
        numbers(9),
        &folds,
        |train| {
            trained.push(train.len());
            Ok(train.indices().to_vec())
        },
        |model, val| {
            assert!(val.indices().iter().all(|i| !model.contains(i)));
            Ok(val.indices()[0] as f64)
        },
    )
    .unwrap();
    // 0, 3, 6: the sample deviation is 3, the population's would be √6.
    assert_eq!(validation.scores(), [0.0, 3.0, 6.0]);
    assert_eq!((validation.mean(), validation.std()), (3.0, 3.0));
    assert_eq!(validation.to_string(), "3.0000 ± 3.0000 over 3 folds");
    assert_eq!(validation.retrain().unwrap(), (0..9).collect::<Vec<_>>());
    assert_eq!(trained, [6, 6, 6, 9]);
}

#[test]
fn folds_that_leak_and_failing_trainings_are_errors() {
    let run = |train: Vec<usize>, val: Vec<usize>| {
        let folds = [Fold { train, val }];
        cross_validate(numbers(4), &folds, |_| Ok(()), |(), _| Ok(0.0)).unwrap_err().to_string()
    };
    assert!(run(vec![0, 1], vec![1, 2]).contains("both trains and validates on item 1"));
    assert!(run(vec![0, 4], vec![1]).contains("index 4"));
    assert!(run(vec![0], vec![]).contains("0 to validate on"));
    assert!(cross_validate(numbers(4), &[], |_| Ok(()), |(), _| Ok(0.0)).is_err());
    let folds = KFold::new(2).unwrap().split(4).unwrap();
    let failed =
        cross_validate(numbers(4), &folds, |_| Err::<(), _>(Error::config("lr", "is 0")), |(), _| Ok(0.0));
    assert!(failed.unwrap_err().to_string().contains("lr"));
}
