//! Losses against their equations.

use flambeau_nn::{CrossEntropyLoss, Forward, Hooks, Module, functional as F};
use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{CrossEntropyOptions, Reduction};

const LOGITS: [[f32; 3]; 3] = [[2.0, -1.0, 0.5], [0.0, 0.0, 100.0], [1.0, 2.0, 3.0]];

fn logits() -> Tensor {
    Tensor::from_vec(LOGITS.concat(), [3, 3])
}

fn classes(classes: [i64; 3]) -> Tensor {
    Tensor::from_vec(classes.to_vec(), [3])
}

/// `-log softmax(x)[class]`, in f64.
fn expected(row: usize, class: usize) -> f64 {
    let row = LOGITS[row].map(f64::from);
    let max = row.iter().fold(f64::MIN, |max, x| max.max(*x));
    max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln() - row[class]
}

fn close(got: f32, expected: f64) {
    assert!((f64::from(got) - expected).abs() < 1e-5 * (1.0 + expected), "{got} for {expected}");
}

#[test]
fn cross_entropy_is_the_mean_of_the_negative_log_likelihoods() {
    let target = classes([0, 1, 2]);
    let each = [expected(0, 0), expected(1, 1), expected(2, 2)];
    let sum: f64 = each.iter().sum();
    close(CrossEntropyLoss::default().call(&logits(), &target).item(), sum / 3.0);
    close(CrossEntropyLoss::default().reduction(Reduction::Sum).call(&logits(), &target).item(), sum);
    let none = CrossEntropyLoss::default().reduction(Reduction::None).call(&logits(), &target);
    none.to_vec::<f32>().into_iter().zip(each).for_each(|(got, expected)| close(got, expected));
}

#[test]
fn ignored_samples_do_not_count_into_the_mean() {
    let mean = (expected(0, 0) + expected(2, 2)) / 2.0;
    close(CrossEntropyLoss::default().call(&logits(), &classes([0, -100, 2])).item(), mean);
    close(CrossEntropyLoss::default().ignore_index(1).call(&logits(), &classes([0, 1, 2])).item(), mean);
}

#[test]
fn forms_of_one_loss() {
    let target = classes([2, 0, 1]);
    let loss = CrossEntropyLoss::default();
    let value: f32 = loss.call(&logits(), &target).item();
    let options = CrossEntropyOptions::default();
    assert_eq!(F::cross_entropy(&logits(), &target, options).item::<f32>(), value);
    let logs = F::log_softmax(&logits(), 1);
    close(F::nll_loss(&logs, &target, Reduction::Mean, -100).item(), f64::from(value));
    assert_eq!(Forward::call(&loss, &(logits(), target.clone())).item::<f32>(), value);
    let hook = loss.register_forward_hook(|_, _: &(Tensor, Tensor), loss: &Tensor| Some(loss * 2.0));
    assert_eq!(loss.call(&logits(), &target).item::<f32>(), 2.0 * value);
    drop(hook);
    assert!(loss.parameters().is_empty());
}

#[test]
#[should_panic(expected = "target 3 is not a class")]
fn a_target_beyond_the_classes() {
    CrossEntropyLoss::default().call(&logits(), &classes([0, 3, 1]));
}
