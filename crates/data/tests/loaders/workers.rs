//! Loaders with threads: the same batches, errors, early ends.

use flambeau_data::{DataLoader, Dataset, raise};
use flambeau_tensor::{Error, Tensor, memory_stats};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::{Items, numbers, panic_message, targets};

const WORKERS: [usize; 4] = [0, 1, 2, 3];

/// Noise that a data set adds, and a duration that depends on the item, so that threads overtake each other.
fn noisy(n: usize) -> impl Dataset {
    Items(n).map(|x, y| {
        std::thread::sleep(Duration::from_micros(300 * (y.item::<i64>() as u64 % 4)));
        (&x + Tensor::rand([1]), y)
    })
}

fn epochs(loader: &DataLoader) -> Vec<Vec<f32>> {
    (0..2).flat_map(|_| loader.iter().map(|(x, _)| x.to_vec::<f32>()).collect::<Vec<_>>()).collect()
}

#[test]
fn any_number_of_workers_gives_the_same_batches() {
    let make = |workers| {
        DataLoader::new(noisy(53), 4).unwrap().shuffle(true).seed(5).num_workers(workers).prefetch_factor(3)
    };
    let expected = epochs(&make(0));
    assert_eq!(expected.len(), 28);
    for workers in WORKERS {
        assert_eq!(epochs(&make(workers)), expected, "{workers} workers");
    }
    let other = epochs(&make(2).seed(6));
    assert_ne!(other, expected);
}

#[test]
fn noise_depends_on_the_epoch_and_a_cache_keeps_it() {
    let plain = DataLoader::new(noisy(8), 8).unwrap();
    let [first, second] = [plain.iter().next().unwrap().0, plain.iter().next().unwrap().0];
    assert_ne!(first.to_vec::<f32>(), second.to_vec::<f32>());

    let cached = || DataLoader::new(noisy(8).cache(), 8).unwrap();
    let loader = cached();
    let [first, second] = [loader.iter().next().unwrap().0, loader.iter().next().unwrap().0];
    assert_eq!(first.to_vec::<f32>(), second.to_vec::<f32>());
    let later = cached();
    later.set_epoch(7);
    assert_eq!(later.iter().next().unwrap().0.to_vec::<f32>(), first.to_vec::<f32>());
}

#[test]
fn loading_draws_nothing_from_the_callers_generator() {
    let drawn = |load: bool| {
        flambeau_tensor::random::fork_rng(1, || {
            if load {
                DataLoader::new(noisy(8), 4).unwrap().iter().for_each(drop);
            }
            Tensor::rand([4]).to_vec::<f32>()
        })
    };
    assert_eq!(drawn(true), drawn(false));
}

/// Fails at item 13, in the way given.
fn broken(fail: fn()) -> impl Dataset {
    Items(40).map(move |x, y| {
        if y.item::<i64>() == 13 {
            fail();
        }
        (x, y)
    })
}

#[test]
fn a_panic_is_raised_at_the_caller_with_the_items_index() {
    for workers in WORKERS {
        let loader = DataLoader::new(broken(|| panic!("no such luck")), 5).unwrap().num_workers(workers);
        let mut batches = loader.iter();
        assert_eq!(targets(batches.by_ref().take(2)), (0..10).collect::<Vec<_>>());
        let message = panic_message(|| drop(batches.next()));
        assert!(message.contains("no such luck"), "{message}");
        assert!(message.contains("item 13 of the data set, in batch 2 of epoch 0"), "{message}");
        // The loader is not the worse for it.
        assert_eq!(targets(batches), (15..40).collect::<Vec<_>>());
    }
}

#[test]
fn an_error_keeps_its_kind() {
    let damaged = || raise(Error::file("images/13.png", "is cut off after 12 bytes"));
    for workers in WORKERS {
        let loader = DataLoader::new(broken(damaged), 5)
            .unwrap()
            .shuffle(true)
            .collate_fn(flambeau_data::default_collate);
        let loader = loader.num_workers(workers);
        let mut batches = loader.iter();
        let error = loop {
            match batches.try_next() {
                Ok(batch) => assert!(batch.is_some(), "no error with {workers} workers"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, Error::File { path, .. } if path.ends_with("13.png")), "{error:?}");
        assert!(error.to_string().contains("after 12 bytes (item 13 of the data set, in batch"), "{error}");
    }
    let message = panic_message(|| {
        for (x, _) in &DataLoader::new(broken(damaged), 5).unwrap().num_workers(2) {
            drop(x);
        }
    });
    assert!(message.contains("images/13.png") && message.contains("item 13"), "{message}");
}

#[test]
fn items_that_do_not_fit_together_name_the_batch() {
    let ragged = Items(6).map(|x, y| (if y.item::<i64>() == 4 { x.squeeze(0) } else { x }, y));
    let mut batches = DataLoader::new(ragged, 3).unwrap().num_workers(1).iter();
    assert!(batches.try_next().is_ok());
    let message = batches.try_next().unwrap_err().to_string();
    assert!(message.contains("batch 1 of epoch 0, items [3, 4, 5]"), "{message}");
}

/// Counts the items that were asked for.
struct Counted(Arc<AtomicUsize>);

impl Dataset for Counted {
    fn len(&self) -> usize {
        1000
    }
    fn get(&self, index: usize) -> (Tensor, Tensor) {
        self.0.fetch_add(1, Ordering::SeqCst);
        Items(1000).get(index)
    }
}

#[test]
fn no_more_is_fetched_ahead_than_was_asked_for() {
    let asked = Arc::new(AtomicUsize::new(0));
    let loader = DataLoader::new(Counted(asked.clone()), 10).unwrap().num_workers(2).prefetch_factor(2);
    let mut batches = loader.iter();
    batches.next();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(asked.load(Ordering::SeqCst), 10 * (1 + 2 * 2));
}

#[test]
fn an_early_end_stops_the_workers() {
    for workers in WORKERS {
        for taken in [0, 1, 3] {
            let asked = Arc::new(AtomicUsize::new(0));
            let loader = DataLoader::new(Counted(asked.clone()), 10).unwrap().num_workers(workers);
            for (i, batch) in loader.iter().enumerate() {
                drop(batch);
                if i == taken {
                    break;
                }
            }
            // All threads have ended: nobody else holds the data.
            let after = asked.load(Ordering::SeqCst);
            drop(loader);
            assert_eq!(Arc::strong_count(&asked), 1);
            assert!(after < 200, "{after} items");
        }
    }
}

#[test]
fn a_drop_waits_for_one_item_and_not_for_a_batch() {
    let slow = Items(100).map(|x, y| {
        std::thread::sleep(Duration::from_millis(30));
        (x, y)
    });
    let batches = DataLoader::new(slow, 100).unwrap().num_workers(2).iter();
    std::thread::sleep(Duration::from_millis(5));
    let start = std::time::Instant::now();
    drop(batches);
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}

#[test]
fn two_iterations_at_once_do_not_disturb_each_other() {
    let loader = DataLoader::new(noisy(30), 4).unwrap().shuffle(true).num_workers(2);
    let (first, second) = (loader.iter(), loader.iter());
    let pairs: Vec<_> = first.zip(second).collect();
    let (first, second): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    loader.set_epoch(0);
    assert_eq!(targets(&loader), targets(first));
    assert_eq!(targets(&loader), targets(second));
}

#[test]
fn memory_of_batches_is_used_again() {
    let loader = DataLoader::new(numbers(64_000), 1000).unwrap().num_workers(1);
    let held = || {
        let stats = memory_stats();
        stats.live_bytes + stats.cached_bytes
    };
    let mut peak = [0; 4];
    for epoch in &mut peak {
        for batch in &loader {
            drop(batch);
            *epoch = held().max(*epoch);
        }
    }
    // Other tests run at the same time; 4 KB and 8 KB a batch would be 750 KB an epoch.
    assert!(peak[3] - peak[1] < 700_000, "{peak:?}");
}
