//! Elements borrowed for writing.

use flambeau_tensor::{Tensor, no_grad, tensor};

#[test]
fn a_part_is_written_where_it_lies() {
    let x = Tensor::zeros([3, 4]);
    x.i((1.., 1..3)).slice_mut::<f32>().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(x.to_vec::<f32>(), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0]);
    x.i(0).slice_mut::<f32>().fill(7.0);
    assert_eq!(x.i(0).to_vec::<f32>(), [7.0; 4]);
    assert!(x.i((.., 0..0)).slice_mut::<f32>().is_empty());
}

#[test]
fn two_borrows_of_one_memory_are_refused() {
    let x = Tensor::zeros([3]);
    let held = x.slice_mut::<f32>();
    let error = x.try_slice_mut::<f32>().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("being written"), "{error}");
    drop(held);
    assert!(x.try_slice_mut::<f64>().is_err());
    assert!(x.expand([2, 3]).try_slice_mut::<f32>().is_err());
    assert!(x.shares_storage(&x.i(0)) && !x.shares_storage(&no_grad(|| x.copy())));
}

#[test]
fn a_graph_notices() {
    let x = tensor![1.0, 2.0].requires_grad_();
    let before = x.version();
    x.slice_mut::<f32>()[0] = 3.0;
    assert!(x.version() > before);
}
