//! Loaders of data without an index.

use flambeau_data::{IterableDataset, StreamLoader};
use flambeau_tensor::{Error, Result, Tensor};

use crate::{panic_message, targets};

/// The numbers from 0, and an error or a panic in place of one of them.
struct Count {
    len: i64,
    error: Option<i64>,
    panic: Option<i64>,
}

impl IterableDataset for Count {
    fn iter(&self, _epoch: u64) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + Send> {
        let (error, panic) = (self.error, self.panic);
        Box::new((0..self.len).map(move |i| {
            assert!(panic != Some(i), "the tape is torn");
            if error == Some(i) {
                return Err(Error::file("shard-0.tar", "ends in the middle of an entry"));
            }
            Ok((Tensor::from_vec(vec![i as f32], [1]), Tensor::from_vec(vec![i], [])))
        }))
    }
}

fn count(len: i64) -> Count {
    Count { len, error: None, panic: None }
}

#[test]
fn any_number_of_workers_gives_the_same_batches() {
    let epochs = |workers| -> Vec<Vec<f32>> {
        let loader = StreamLoader::new(count(23), 4).unwrap().map(|x, y| (&x + Tensor::rand([1]), y));
        let loader = loader.seed(1).num_workers(workers);
        (0..2).flat_map(|_| loader.iter().map(|(x, _)| x.to_vec::<f32>()).collect::<Vec<_>>()).collect()
    };
    let expected = epochs(0);
    assert_eq!(expected.len(), 12);
    for workers in 1..4 {
        assert_eq!(epochs(workers), expected, "{workers} workers");
    }
}

#[test]
fn the_last_batch_is_smaller_or_left_out() {
    let sizes = |len, drop_last| -> Vec<usize> {
        let loader = StreamLoader::new(count(len), 4).unwrap().drop_last(drop_last).num_workers(2);
        loader.iter().map(|(_, y)| y.numel()).collect()
    };
    assert_eq!(sizes(9, false), [4, 4, 1]);
    assert_eq!(sizes(9, true), [4, 4]);
    assert_eq!(sizes(8, false), [4, 4]);
    assert_eq!(sizes(0, false), [0; 0]);
}

#[test]
fn errors_and_panics_name_the_item_and_end_the_epoch() {
    for workers in 0..3 {
        let stream = Count { error: Some(9), ..count(20) };
        let mut batches = StreamLoader::new(stream, 4).unwrap().num_workers(workers).iter();
        assert_eq!(targets(batches.by_ref().take(2)), (0..8).collect::<Vec<_>>());
        let message = batches.try_next().unwrap_err().to_string();
        assert!(
            message.contains("shard-0.tar") && message.contains("item 9 of the stream, in batch 2"),
            "{message}"
        );
        assert!(batches.try_next().unwrap().is_none());

        let stream = Count { panic: Some(2), ..count(20) };
        let mut batches = StreamLoader::new(stream, 4).unwrap().num_workers(workers).iter();
        let message = panic_message(|| drop(batches.next()));
        assert!(message.contains("the tape is torn (item 2 of the stream"), "{message}");
    }
}

#[test]
fn goes_on_in_the_middle_of_an_epoch() {
    let make =
        || StreamLoader::new(count(30), 4).unwrap().map(|x, y| (&x + Tensor::rand([1]), y)).num_workers(2);
    let loader = make();
    loader.iter().for_each(drop);
    let mut batches = loader.iter();
    batches.nth(2);
    let state = loader.state_dict();
    assert_eq!((state.epoch, state.batch), (1, 3));
    let rest: Vec<Vec<f32>> = batches.map(|(x, _)| x.to_vec()).collect();
    assert_eq!((loader.state_dict().epoch, loader.state_dict().batch), (2, 0));

    let loader = make();
    loader.load_state_dict(state).unwrap();
    assert_eq!(loader.iter().map(|(x, _)| x.to_vec::<f32>()).collect::<Vec<_>>(), rest);
}

#[test]
fn an_early_end_stops_the_workers_of_an_endless_stream() {
    let loader = StreamLoader::new(count(i64::MAX), 4).unwrap().num_workers(3);
    assert_eq!(targets(loader.iter().take(3)), (0..12).collect::<Vec<_>>());
}
