//! Random and stratified splits, and the leak check.

use flambeau_data::{
    Dataset, LeakCheck, SealedTestSet, Subset, TensorDataset, digits, random_split, stratified_split,
};
use flambeau_tensor::Tensor;
use proptest::prelude::*;

use crate::{Items, numbers};

fn all_indices(parts: &[Subset]) -> Vec<usize> {
    let mut all: Vec<usize> = parts.iter().flat_map(|p| p.indices().to_vec()).collect();
    all.sort_unstable();
    all
}

proptest! {
    #[test]
    fn parts_by_length_are_disjoint_and_complete(a in 0_usize..300, b in 0_usize..300, c in 0_usize..300, seed: u64) {
        let n = a + b + c;
        let parts = random_split(Items(n), [a, b, c], seed).unwrap();
        prop_assert_eq!(parts.each_ref().map(Dataset::len), [a, b, c]);
        prop_assert_eq!(all_indices(&parts), (0..n).collect::<Vec<_>>());
        let again = random_split(Items(n), [a, b, c], seed).unwrap();
        prop_assert_eq!(parts.each_ref().map(Subset::indices), again.each_ref().map(Subset::indices));
    }

    #[test]
    fn parts_by_fraction_are_disjoint_and_complete(n in 0_usize..2000, cut in 0.0..=1.0_f64, seed: u64) {
        let (a, b) = (cut / 2.0, cut / 2.0);
        let parts = random_split(Items(n), [a, b, 1.0 - cut], seed).unwrap();
        prop_assert_eq!(all_indices(&parts), (0..n).collect::<Vec<_>>());
        prop_assert!((parts[0].len() as f64 - a * n as f64).abs() <= 1.0 + 1e-6);
    }
}

#[test]
fn fractions_round_as_pytorch_does() {
    // torch.utils.data.random_split(range(10), [0.33, 0.33, 0.34]) -> 4, 3, 3
    let parts = random_split(Items(10), [0.33, 0.33, 0.34], 0).unwrap();
    assert_eq!(parts.map(|p| p.len()), [4, 3, 3]);
}

#[test]
fn seeds_differ() {
    let [a, _] = random_split(Items(100), [50, 50], 0).unwrap();
    let [b, _] = random_split(Items(100), [50, 50], 1).unwrap();
    assert_ne!(a.indices(), b.indices());
    assert_ne!(a.indices(), (0..50).collect::<Vec<_>>());
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let message = random_split(Items(10), [5, 6], 0).unwrap_err().to_string();
    assert!(message.contains("[5, 6]") && message.contains("10 items"), "{message}");
    assert!(random_split(Items(10), [usize::MAX, 11], 0).is_err());
    for bad in [[0.5, 0.4], [1.5, -0.5], [f64::NAN, 1.0], [0.8, 0.8]] {
        let message = random_split(Items(10), bad, 0).unwrap_err().to_string();
        assert!(message.contains("add up to 1"), "{message}");
    }
}

proptest! {
    #[test]
    fn stratified_parts_keep_the_shares(labels in prop::collection::vec(0_u8..4, 0..200), cut in 0.0..=1.0_f64, seed: u64) {
        let fractions = [cut / 2.0, 1.0 - cut, cut / 2.0];
        let parts = stratified_split(Items(labels.len()), &labels, fractions, seed).unwrap();
        prop_assert_eq!(all_indices(&parts), (0..labels.len()).collect::<Vec<_>>());
        for class in 0..4 {
            let count = |indices: &[usize]| indices.iter().filter(|&&i| labels[i] == class).count() as f64;
            let all = labels.iter().filter(|&&l| l == class).count() as f64;
            for (part, fraction) in parts.iter().zip(fractions) {
                prop_assert!((count(part.indices()) - fraction * all).abs() <= 1.0 + 1e-6);
            }
        }
    }
}

#[test]
fn stratified_splits_are_shuffled_and_seeded() {
    let labels: Vec<usize> = (0..100).map(|i| i / 50).collect();
    let split =
        |seed| stratified_split(Items(100), &labels, [0.5, 0.5], seed).unwrap().map(|p| p.indices().to_vec());
    assert_eq!(split(0), split(0));
    assert_ne!(split(0), split(1));
    assert!(!split(0)[0].is_sorted());
    assert!(stratified_split(Items(99), &labels, [0.5, 0.5], 0).is_err());
    assert!(stratified_split(Items(100), &labels, [0.5, 0.6], 0).is_err());
    assert!(stratified_split(Items(0), &[0; 0], [0.5, 0.6], 0).is_err());
}

#[test]
fn clean_splits_pass_the_leak_check() {
    let [train, val, test] = random_split(digits(), [0.6, 0.2, 0.2], 0).unwrap();
    let test = SealedTestSet::new(test);
    let report = LeakCheck::new().add("train", &train).add("val", &val).add_sealed("test", &test).run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.to_string(), "no two parts share an item");
    assert_eq!(test.open().len(), 359);
}

#[test]
fn shared_items_are_found_through_subsets_of_subsets() {
    let [a, b] = random_split(numbers(10), [5, 5], 0).unwrap();
    let part = Subset::new(a.clone(), vec![3, 1]).unwrap().map(|x, y| (x + 100.0, y));
    let report = LeakCheck::new().add("a", &a).add("b", &b).add("part", &part).run();
    let found: Vec<_> = report.overlaps().iter().map(|o| (o.indices, o.same_item)).collect();
    assert_eq!(found, [([3, 0], true), ([1, 1], true)]);
    assert!(report.overlaps().iter().all(|o| o.parts == ["a", "part"]));
}

#[test]
fn equal_contents_are_found_across_data_sets() {
    let other_labels = TensorDataset::new(
        Tensor::from_vec(vec![7_f32, 50.0, 7.0], [3, 1]),
        Tensor::from_vec(vec![0_i64, 0, 0], [3]),
    );
    let other_dtype =
        TensorDataset::new(Tensor::from_vec(vec![7_f64], [1, 1]), Tensor::from_vec(vec![0_i64], [1]))
            .unwrap();
    let train = numbers(10);
    let report = LeakCheck::new()
        .add("train", &train)
        .add("test", &other_labels.unwrap())
        .add("f64", &other_dtype)
        .run();
    let found: Vec<_> = report.overlaps().iter().map(|o| (o.indices, o.same_item)).collect();
    assert_eq!(found, [([7, 0], false), ([7, 2], false)]);
    assert_eq!(
        report.to_string(),
        "train and test share 2 items (2 of them by content alone), such as train[7] and test[0]"
    );
}
