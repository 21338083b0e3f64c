//! Loaders: what an epoch shows, and saved states.

use flambeau_data::{DataLoader, Dataset, LoaderState};
use flambeau_tensor::Tensor;
use proptest::prelude::*;

use crate::{Items, numbers, targets};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn an_epoch_shows_every_item_once(n in 1_usize..200, batch_size in 1_usize..50, seed: u64) {
        let loader = DataLoader::new(numbers(n), batch_size).unwrap().shuffle(true).seed(seed);
        let batches: Vec<_> = loader.iter().collect();
        prop_assert_eq!(batches.len(), loader.len());
        for (x, y) in &batches {
            let inputs: Vec<i64> = x.to_vec::<f32>().iter().map(|&v| v as i64).collect();
            prop_assert_eq!(inputs, y.to_vec::<i64>());
        }
        let mut seen: Vec<i64> = batches.iter().flat_map(|(_, y)| y.to_vec::<i64>()).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..n as i64).collect::<Vec<_>>());
    }
}

#[test]
fn order_depends_on_seed_and_epoch_alone() {
    let make = |seed| DataLoader::new(numbers(100), 7).unwrap().shuffle(true).seed(seed);
    let (a, b, other) = (make(3), make(3), make(4));
    let (a0, a1) = (targets(&a), targets(&a));
    assert_ne!(a0, a1, "epochs must differ");
    assert_eq!([a0.clone(), a1.clone()], [targets(&b), targets(&b)]);
    assert_ne!(a0, targets(&other));
    a.set_epoch(1);
    assert_eq!(targets(&a), a1);
    assert_eq!(a.epoch(), 2);
}

#[test]
fn without_shuffle_the_order_is_the_datas() {
    let loader = DataLoader::new(numbers(5), 2).unwrap();
    assert_eq!(loader.len(), 3);
    for _ in 0..2 {
        let sizes: Vec<usize> = loader.iter().map(|(x, _)| x.shape()[0]).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert_eq!(targets(&loader), [0, 1, 2, 3, 4]);
    }
}

#[test]
fn drop_last_leaves_out_the_remainder() {
    let loader = DataLoader::new(numbers(5), 2).unwrap().drop_last(true);
    assert_eq!((loader.len(), loader.iter().len()), (2, 2));
    assert_eq!(targets(&loader), [0, 1, 2, 3]);
    assert!(DataLoader::new(numbers(5), 6).unwrap().drop_last(true).is_empty());
}

#[test]
fn a_loader_without_batches_is_an_error() {
    let message = DataLoader::new(numbers(5), 0).unwrap_err().to_string();
    assert!(message.contains("batch_size"), "{message}");
    assert!(DataLoader::new(numbers(0), 2).is_err());
}

#[test]
fn batches_outlive_their_loader() {
    let batches = DataLoader::new(numbers(4), 2).unwrap().iter();
    let handle = std::thread::spawn(move || batches.count());
    assert_eq!(handle.join().unwrap(), 2);
}

/// Noise on every item, so that the generator must go on at the same place too.
fn noisy_loader(workers: usize) -> DataLoader {
    let data = Items(47).map(|x, y| (&x + Tensor::rand([1]), y));
    DataLoader::new(data, 5).unwrap().shuffle(true).seed(9).num_workers(workers)
}

#[test]
fn a_killed_training_goes_on_with_the_same_batches() {
    let bits = |(x, y): (Tensor, Tensor)| (x.to_vec::<f32>(), y.to_vec::<i64>());
    let whole: Vec<_> = {
        let loader = noisy_loader(0);
        (0..3).flat_map(|_| loader.iter().map(bits).collect::<Vec<_>>()).collect()
    };
    assert_eq!(whole.len(), 30);
    for workers in 0..3 {
        for killed_after in [0, 1, 9, 10, 11, 17, 20] {
            // The state goes through text, as into a checkpoint, and everything else is lost.
            let (mut seen, saved) = {
                let loader = noisy_loader(workers);
                let mut seen = Vec::new();
                while seen.len() < killed_after {
                    for batch in &loader {
                        seen.push(bits(batch));
                        if seen.len() == killed_after {
                            break;
                        }
                    }
                }
                (seen, serde_json::to_string(&loader.state_dict()).unwrap())
            };
            let loader = noisy_loader((workers + 1) % 3);
            let state: LoaderState = serde_json::from_str(&saved).unwrap();
            loader.load_state_dict(state).unwrap();
            assert_eq!(loader.state_dict(), state);
            while seen.len() < whole.len() {
                seen.extend(loader.iter().map(bits));
            }
            assert_eq!(seen, whole, "{workers} workers, killed after {killed_after}");
        }
    }
}

#[test]
fn a_state_of_another_loader_is_an_error() {
    let state = noisy_loader(0).state_dict();
    let message = noisy_loader(0).seed(1).load_state_dict(state).unwrap_err().to_string();
    assert!(message.contains("seed 9"), "{message}");
    let other = DataLoader::new(numbers(47), 6).unwrap().seed(9);
    let message = other.load_state_dict(state).unwrap_err().to_string();
    assert!(message.contains("batch size"), "{message}");
    assert!(noisy_loader(0).load_state_dict(LoaderState { batch: 10, ..state }).is_err());
}
