//! Operands that are passed by value lend their memory to the result, and nobody who can still see them notices.

use flambeau_tensor::{Tensor, memory_stats, no_grad, tensor};
use std::sync::{Arc, Mutex};

#[test]
fn a_chain_of_temporaries_needs_one_block() {
    let (x, y) = (Tensor::ones([100_003]), Tensor::full([100_003], 0.5f32));
    let before = memory_stats().live;
    let z = 1.0 - (&x * 3.0 + &y - 1.0) / 2.0 * &x;
    assert_eq!(memory_stats().live, before + 1);
    assert!(z.to_vec::<f32>().iter().all(|&z| z == -0.25));
    assert!(x.to_vec::<f32>().iter().all(|&x| x == 1.0));
}

#[test]
fn what_others_see_stays() {
    let a = &tensor![1.0, 2.0] * 2.0;
    let (handle, detached, part) = (a.clone(), (&a * 1.0).detach(), a.i(1));
    assert_eq!((a.clone() + 1.0).to_vec::<f32>(), [3.0, 5.0]);
    drop(handle);
    // The view alone holds the memory now.
    assert_eq!((a + 1.0).to_vec::<f32>(), [3.0, 5.0]);
    assert_eq!((part.item::<f32>(), detached.to_vec::<f32>()), (4.0, vec![2.0, 4.0]));
    let (base, broadcast) = (&tensor![1.0, 2.0, 3.0] * 1.0, tensor![[1.0], [2.0]]);
    assert_eq!((base.slice(0, 1, 3, 1) * 2.0).to_vec::<f32>(), [4.0, 6.0]);
    assert_eq!((&base * 1.0 + broadcast).to_vec::<f32>(), [2.0, 3.0, 4.0, 3.0, 4.0, 5.0]);
    assert_eq!(base.to_vec::<f32>(), [1.0, 2.0, 3.0]);
    assert_eq!((tensor![1i64, 2] * 1 + 0.5).to_vec::<f32>(), [1.5, 2.5]);
}

#[test]
fn gradients_see_the_values_that_they_were_computed_from() {
    let x = tensor![0.5, -1.0].requires_grad_();
    let w = tensor![2.0, 3.0].requires_grad_();
    // exp saves its result, square and the products what they are computed from.
    let y = (x.exp() + 1.0) * &w;
    let z = ((&x * 2.0 - &w).square() / 4.0 + y) * 3.0;
    z.sum().backward();
    let [x0, w0] = [[0.5f32, -1.0], [2.0, 3.0]];
    for i in 0..2 {
        let (e, d) = (x0[i].exp(), 2.0 * x0[i] - w0[i]);
        let (dx, dw) = (3.0 * (d + e * w0[i]), 3.0 * (-d / 2.0 + e + 1.0));
        assert!((x.grad().unwrap().to_vec::<f32>()[i] - dx).abs() < 1e-5);
        assert!((w.grad().unwrap().to_vec::<f32>()[i] - dw).abs() < 1e-5);
    }
}

#[test]
fn results_have_the_history_that_they_should() {
    let x = tensor![2.0].requires_grad_();
    let y = &x * 3.0;
    assert!(!no_grad(|| y + 1.0).requires_grad());
    assert!((tensor![1.0].requires_grad_() + 1.0).requires_grad());
    // Nothing of the temporary needs a gradient, the other operand does.
    (tensor![4.0] * 1.0 * &x).backward();
    assert_eq!(x.grad().unwrap().item::<f32>(), 4.0);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let y = &x * 3.0;
    let told = seen.clone();
    let _handle = y.register_hook(move |gradient| {
        told.lock().unwrap().push(gradient.item::<f32>());
        None
    });
    (y * 5.0 + 1.0).backward();
    assert_eq!(*seen.lock().unwrap(), [5.0]);
    let y = (&x * 3.0 + 1.0) * 2.0;
    assert!(!y.is_leaf());
    y.backward();
    assert_eq!(x.grad().unwrap().item::<f32>(), 4.0 + 15.0 + 6.0);
}
