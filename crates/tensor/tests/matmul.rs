//! Batches of matrix products: the same whoever computes them.

use flambeau_tensor::{DType, Tensor, manual_seed, set_num_threads};

/// A batch equals its products one by one, on any number of threads and with sizes that are 0.
#[test]
fn a_batch_is_its_products_one_by_one() {
    manual_seed(0);
    for ([m, k, n], batches) in [
        ([5, 7, 3], vec![40]),
        ([64, 32, 48], vec![3, 5]),
        ([64, 32, 48], vec![2]),
        ([300, 20, 280], vec![12]),
        ([4, 0, 3], vec![9]),
        ([0, 4, 3], vec![9]),
        ([4, 4, 0], vec![9]),
        ([4, 4, 4], vec![0]),
    ] {
        let shape = |rows, columns| batches.iter().copied().chain([rows, columns]).collect::<Vec<usize>>();
        let (a, b) = (Tensor::randn(shape(m, k)), Tensor::randn(shape(k, n)));
        let count: usize = batches.iter().product();
        set_num_threads(1);
        let alone = a.matmul(&b);
        let flat = |x: &Tensor, rows: usize, columns: usize| x.reshape([count, rows, columns]);
        for i in 0..count {
            let one = flat(&a, m, k).i(i as isize).matmul(&flat(&b, k, n).i(i as isize));
            let same = flat(&alone, m, n).i(i as isize).to_vec::<f32>() == one.to_vec::<f32>();
            assert!(same, "product {i} of {batches:?}, {m}×{k}×{n}");
        }
        for threads in [2, 3] {
            set_num_threads(threads);
            assert_eq!(a.matmul(&b).to_vec::<f32>(), alone.to_vec::<f32>(), "{batches:?}, {m}×{k}×{n}");
            // One matrix for all.
            let first = flat(&b, k, n).narrow(0, 0, count.min(1));
            if count > 0 && batches.len() == 1 {
                let repeated = a.matmul(&first);
                assert_eq!(repeated.i(0).to_vec::<f32>(), alone.i(0).to_vec::<f32>());
            }
        }
    }
}

/// Along rows of any length and distance, on any number of threads: the same bits for the same sizes.
#[test]
fn products_along_rows_do_not_depend_on_where_they_lie() {
    manual_seed(0);
    for [m, k, n] in [[300, 512, 280], [260, 1024, 270], [1, 800, 701], [1, 512, 40], [3, 512, 300]] {
        let (a, b) = (Tensor::randn([m, k]), Tensor::randn([n, k + 1]).narrow(1, 0, k));
        set_num_threads(1);
        let alone = a.matmul(&b.contiguous().t());
        let want = a.to_dtype(DType::F64).matmul(&b.to_dtype(DType::F64).t());
        let error = (&want - &alone.to_dtype(DType::F64)).abs().max().item::<f64>();
        assert!(error < 1e-3, "{m}×{k}×{n}: {error}");
        for threads in [1, 2, 3] {
            set_num_threads(threads);
            for b in [&b, &b.contiguous()] {
                assert_eq!(a.matmul(&b.t()).to_vec::<f32>(), alone.to_vec::<f32>(), "{m}×{k}×{n}");
            }
        }
    }
}
