//! Samplers.

use flambeau_data::{
    BatchSampler, DataLoader, DistributedSampler, RandomSampler, Sampler, SequentialSampler,
    SubsetRandomSampler, WeightedRandomSampler,
};

use crate::{numbers, panic_message, targets};

fn sorted(mut v: Vec<usize>) -> Vec<usize> {
    v.sort_unstable();
    v
}

#[test]
fn a_random_order_has_each_item_once_a_round() {
    let sampler = RandomSampler::new(10).seed(2);
    assert_ne!(sampler.sample(0), sampler.sample(1));
    let long = sampler.num_samples(25).sample(0);
    assert_eq!((long.len(), sampler.num_samples(25).len()), (25, 25));
    assert_eq!(sorted(long[..10].to_vec()), (0..10).collect::<Vec<_>>());
    assert_eq!(sorted(long[10..20].to_vec()), (0..10).collect::<Vec<_>>());
    assert_ne!(long[..10], long[10..20]);
    assert_eq!(sorted(sampler.num_samples(4).sample(3)).len(), 4);
}

#[test]
fn with_replacement_counts_are_binomial() {
    let drawn = RandomSampler::new(10).replacement(true).num_samples(10_000).sample(0);
    for item in 0..10 {
        let count = drawn.iter().filter(|&&i| i == item).count() as f64;
        // Five standard deviations.
        assert!((count - 1000.0).abs() < 150.0, "{item}: {count}");
    }
}

#[test]
fn weighted_counts_follow_the_weights() {
    let weights = [1.0, 0.0, 2.0, 5.0, 0.5];
    let (n, sum) = (40_000, 8.5);
    let sampler = WeightedRandomSampler::new(&weights, n).unwrap().seed(3);
    let drawn = sampler.sample(0);
    for (item, weight) in weights.into_iter().enumerate() {
        let (p, count) = (weight / sum, drawn.iter().filter(|&&i| i == item).count() as f64);
        let deviation = (n as f64 * p * (1.0 - p)).sqrt();
        assert!((count - n as f64 * p).abs() <= 5.0 * deviation, "{item}: {count}");
    }
    assert_eq!(drawn, sampler.sample(0));
    assert_ne!(drawn, sampler.sample(1));
    let once = WeightedRandomSampler::new(&weights, 4).unwrap().replacement(false).unwrap().sample(0);
    assert_eq!(sorted(once), [0, 2, 3, 4]);
}

#[test]
fn wrong_weights_are_errors() {
    for (weights, samples) in [(&[1.0, -1.0][..], 2), (&[f64::NAN], 2), (&[0.0], 1), (&[], 1), (&[1.0], 0)] {
        assert!(WeightedRandomSampler::new(weights, samples).is_err(), "{weights:?} {samples}");
    }
    assert!(WeightedRandomSampler::new(&[1.0, 0.0], 2).unwrap().replacement(false).is_err());
}

/// What torch.utils.data.distributed.DistributedSampler(range(n), replicas, rank, shuffle=False, drop_last=…) gives.
#[test]
fn shares_are_pytorchs() {
    let share = |n, replicas, rank, drop_last| {
        let sampler = DistributedSampler::new(n, replicas, rank).unwrap().shuffle(false).drop_last(drop_last);
        assert_eq!(sampler.sample(0).len(), sampler.len());
        sampler.sample(0)
    };
    assert_eq!(share(10, 4, 3, false), [3, 7, 1]);
    assert_eq!(share(10, 4, 1, true), [1, 5]);
    assert_eq!(share(2, 5, 4, false), [0]);
    assert_eq!(share(2, 5, 4, true), [0; 0]);
    assert_eq!(share(0, 5, 4, false), [0; 0]);
    assert!(DistributedSampler::new(10, 2, 2).is_err());
}

#[test]
fn shuffled_shares_make_up_the_data() {
    let shares = (0..3).flat_map(|rank| DistributedSampler::new(12, 3, rank).unwrap().seed(1).sample(4));
    assert_eq!(sorted(shares.collect()), (0..12).collect::<Vec<_>>());
}

#[test]
fn loaders_walk_in_a_samplers_order() {
    let loader = DataLoader::new(numbers(10), 2).unwrap().sampler(SubsetRandomSampler::new(vec![1, 3, 5, 7]));
    assert_eq!(loader.len(), 2);
    let mut seen = targets(&loader);
    seen.sort_unstable();
    assert_eq!(seen, [1, 3, 5, 7]);

    let batches = BatchSampler::new(SequentialSampler::new(5), 3, true).unwrap();
    let loader = DataLoader::new(numbers(10), 2).unwrap().batch_sampler(batches).num_workers(1);
    assert_eq!((loader.len(), loader.iter().len()), (1, 1));
    assert_eq!(targets(&loader), [0, 1, 2]);

    let outside = DataLoader::new(numbers(10), 2).unwrap().sampler(SequentialSampler::new(11));
    let message = panic_message(|| drop(outside.iter()));
    assert!(message.contains("index 10") && message.contains("10 items"), "{message}");
}
