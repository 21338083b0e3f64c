//! Data sets made of others.

use flambeau_data::{ConcatDataset, DataLoader, Dataset, Subset, TensorDataset};
use flambeau_tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Items, numbers, panic_message, targets};

fn pairs(n: usize) -> TensorDataset {
    let x = Tensor::from_vec((0..2 * n).map(|v| v as f32).collect(), [n, 2]);
    let y = Tensor::from_vec((0..n as i64).collect(), [n]);
    TensorDataset::new(x, y).unwrap()
}

/// The same items without an own `batch`.
struct OneByOne(TensorDataset);

impl Dataset for OneByOne {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> (Tensor, Tensor) {
        self.0.get(index)
    }
}

#[test]
fn batch_equals_stacked_items() {
    let (x, y) = pairs(5).batch(&[4, 0, 4]);
    let (x1, y1) = OneByOne(pairs(5)).batch(&[4, 0, 4]);
    assert_eq!(x.shape(), [3, 2]);
    assert_eq!(x1.shape(), [3, 2]);
    assert_eq!(x.to_vec::<f32>(), [8., 9., 0., 1., 8., 9.]);
    assert_eq!(x1.to_vec::<f32>(), x.to_vec::<f32>());
    assert_eq!(y1.to_vec::<i64>(), y.to_vec::<i64>());
}

#[test]
fn subset_of_a_subset_maps_twice() {
    let outer = Subset::new(Subset::new(pairs(10), vec![9, 7, 5, 3]).unwrap(), vec![3, 0]).unwrap();
    assert_eq!(outer.batch(&[0, 1]).1.to_vec::<i64>(), [3, 9]);
    assert_eq!(outer.get(1).1.item::<i64>(), 9);
    assert_eq!(format!("{outer:?}"), "Subset(2 of 4 items)");
}

#[test]
fn misfits_are_errors() {
    let x = Tensor::from_vec(vec![0f32; 6], [3, 2]);
    let y = Tensor::from_vec(vec![0i64; 2], [2]);
    let message = TensorDataset::new(x.clone(), y).unwrap_err().to_string();
    assert!(message.contains("[3, 2]") && message.contains("[2]"), "{message}");
    assert!(TensorDataset::new(x, Tensor::from_vec(vec![1f32], [])).is_err());
    let message = Subset::new(pairs(3), vec![0, 3]).unwrap_err().to_string();
    assert!(message.contains("index 3") && message.contains("3 items"), "{message}");
}

#[test]
fn joined_sets_count_on() {
    let joined = numbers(3).concat(Items(0)).concat(Items(2));
    assert_eq!(joined.len(), 5);
    assert_eq!(joined.batch(&[0, 2]).1.to_vec::<i64>(), [0, 2]);
    assert_eq!(joined.batch(&[3, 4]).1.to_vec::<i64>(), [0, 1]);
    assert_eq!(joined.batch(&[4, 1, 3]).1.to_vec::<i64>(), [1, 1, 0]);
    assert!(panic_message(|| drop(joined.get(5))).contains("item 5 of a ConcatDataset of 5 items"));
    assert!(ConcatDataset::new(Vec::new()).is_err());
}

#[test]
fn filter_and_map_compose() {
    let odd = numbers(10).filter(|_, y| y.item::<i64>() % 2 == 1).map(|x, y| (x * 10.0, y));
    assert_eq!(odd.len(), 5);
    let (x, y) = odd.batch(&[4, 0]);
    assert_eq!(x.to_vec::<f32>(), [90.0, 10.0]);
    assert_eq!(y.to_vec::<i64>(), [9, 1]);
}

#[test]
fn a_cache_asks_once_for_each_item() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let cached = Items(20).map(move |x, y| {
        counter.fetch_add(1, Ordering::SeqCst);
        (x, y)
    });
    let loader = DataLoader::new(cached.cache(), 3).unwrap().num_workers(3);
    for _ in 0..3 {
        assert_eq!(targets(&loader), (0..20).collect::<Vec<_>>());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 20);
}
