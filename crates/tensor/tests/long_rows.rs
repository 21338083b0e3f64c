//! Reductions of rows so long that each is cut into parts.

use flambeau_tensor::{Tensor, manual_seed, set_num_threads};

/// As the elements of every row one after another, and with the same bits on any number of threads.
#[test]
fn rows_are_reduced_by_any_number_of_threads() {
    manual_seed(0);
    for (rows, len) in [(1, 100_000), (3, 40_960), (5, 41_000), (4, 32_769)] {
        let x = Tensor::rand([rows, len]);
        let elements = x.to_vec::<f32>();
        let by_row = |f: fn(&[f32]) -> f32| elements.chunks(len).map(f).collect::<Vec<f32>>();
        let sums = by_row(|row| row.iter().map(|&v| f64::from(v)).sum::<f64>() as f32);
        let largest = by_row(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        set_num_threads(1);
        let alone = x.sum_dim(1, false).to_vec::<f32>();
        for (got, want) in alone.iter().zip(sums) {
            assert!((got - want).abs() < 1e-5 * want, "a sum of {len}: {got}, not {want}");
        }
        // The last element of a row in the middle, which lies in its last, short part.
        let mut with_nan = elements.clone();
        with_nan[(rows / 2 + 1) * len - 1] = f32::NAN;
        let with_nan = Tensor::from_vec(with_nan, [rows, len]);
        for threads in [1, 2, 3] {
            set_num_threads(threads);
            assert_eq!(x.sum_dim(1, false).to_vec::<f32>(), alone, "{rows} rows of {len}");
            assert_eq!(x.amax(1, false).to_vec::<f32>(), largest, "{rows} rows of {len}");
            let nans = with_nan.amax(1, false).to_vec::<f32>();
            for (row, (got, want)) in nans.iter().zip(&largest).enumerate() {
                assert!(
                    if row == rows / 2 { got.is_nan() } else { got == want },
                    "row {row} of {len}: {got}"
                );
            }
        }
    }
}
