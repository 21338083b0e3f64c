//! Cutting a data set into parts that never overlap.

use flambeau_tensor::{Error, Result, random};
use std::sync::Arc;

use crate::{Dataset, Subset};

/// Keeps the split's shuffle apart from the loaders', which count their epochs from 0 in the same generator.
const STREAM: u64 = 0x5b11_7000_0000_0000;

/// How large a part is: a number of items (`usize`) or a fraction of the whole (`f64`).
pub trait SplitSize: Copy + private::Sealed {
    /// The lengths of all parts of a data set of `total` items.
    #[doc(hidden)]
    fn lengths(sizes: &[Self], total: usize) -> Result<Vec<usize>>;
}

mod private {
    pub trait Sealed {}
    impl Sealed for usize {}
    impl Sealed for f64 {}
}

impl SplitSize for usize {
    fn lengths(sizes: &[Self], total: usize) -> Result<Vec<usize>> {
        if sizes.iter().try_fold(0_usize, |sum, &n| sum.checked_add(n)) == Some(total) {
            return Ok(sizes.to_vec());
        }
        Err(Error::config(
            "random_split",
            format!("the lengths {sizes:?} do not add up to the {total} items of the data set"),
        ))
    }
}

impl SplitSize for f64 {
    fn lengths(sizes: &[Self], total: usize) -> Result<Vec<usize>> {
        let valid =
            sizes.iter().all(|f| (0.0..=1.0).contains(f)) && (sizes.iter().sum::<f64>() - 1.0).abs() < 1e-9;
        if !valid {
            return Err(Error::config(
                "random_split",
                format!("the fractions {sizes:?} must lie between 0 and 1 and add up to 1"),
            ));
        }
        // As PyTorch does: round down, then give what is left to the first parts, one item each.
        let mut lengths: Vec<usize> = sizes.iter().map(|f| (f * total as f64).floor() as usize).collect();
        let left = total.saturating_sub(lengths.iter().sum());
        for i in 0..left {
            lengths[i % sizes.len()] += 1;
        }
        Ok(lengths)
    }
}

/// Cuts `dataset` at random into disjoint parts that together hold every item once.
///
/// The sizes are either numbers of items, which must add up to the data set's length, or fractions that add up to 1;
/// of fractions, each part's length is rounded down and the items left over go to the first parts. The same `seed`
/// gives the same parts on every machine.
///
/// Source: [`torch.utils.data.random_split`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.random_split).
///
/// # Errors
/// [`Error::Config`] if the lengths do not add up to the data set's length, or the fractions to 1.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, digits, random_split};
///
/// let [train, val, test] = random_split(digits(), [0.6, 0.2, 0.2], 0)?;
/// assert_eq!([train.len(), val.len(), test.len()], [1079, 359, 359]);
///
/// let [rest, held_out] = random_split(digits(), [1497, 300], 0)?;
/// assert_eq!([rest.len(), held_out.len()], [1497, 300]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn random_split<const PARTS: usize, S: SplitSize>(
    dataset: impl Dataset + 'static,
    sizes: [S; PARTS],
    seed: u64,
) -> Result<[Subset; PARTS]> {
    const { assert!(PARTS > 0, "a split needs at least one part") }
    let lengths = S::lengths(&sizes, dataset.len())?;
    let dataset: Arc<dyn Dataset> = Arc::new(dataset);
    let mut rest = random::permutation(seed, STREAM, dataset.len()).into_iter();
    Ok(std::array::from_fn(|part| {
        Subset::from_parts(Arc::clone(&dataset), rest.by_ref().take(lengths[part]).collect())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flambeau_tensor::Tensor;
    use proptest::prelude::*;

    struct Items(usize);

    impl Dataset for Items {
        fn len(&self) -> usize {
            self.0
        }
        fn get(&self, index: usize) -> (Tensor, Tensor) {
            let t = Tensor::from_vec(vec![index as i64], [1]);
            (t.clone(), t)
        }
    }

    fn all_indices(parts: &[Subset]) -> Vec<usize> {
        let mut all: Vec<usize> = parts.iter().flat_map(|p| p.indices().to_vec()).collect();
        all.sort_unstable();
        all
    }

    proptest! {
        #[test]
        fn parts_by_length_are_disjoint_and_complete(a in 0_usize..300, b in 0_usize..300, c in 0_usize..300, seed: u64) {
            let n = a + b + c;
            let parts = random_split(Items(n), [a, b, c], seed).unwrap();
            prop_assert_eq!(parts.each_ref().map(Dataset::len), [a, b, c]);
            prop_assert_eq!(all_indices(&parts), (0..n).collect::<Vec<_>>());
            let again = random_split(Items(n), [a, b, c], seed).unwrap();
            prop_assert_eq!(parts.each_ref().map(Subset::indices), again.each_ref().map(Subset::indices));
        }

        #[test]
        fn parts_by_fraction_are_disjoint_and_complete(n in 0_usize..2000, cut in 0.0..=1.0_f64, seed: u64) {
            let (a, b) = (cut / 2.0, cut / 2.0);
            let parts = random_split(Items(n), [a, b, 1.0 - cut], seed).unwrap();
            prop_assert_eq!(all_indices(&parts), (0..n).collect::<Vec<_>>());
            prop_assert!((parts[0].len() as f64 - a * n as f64).abs() <= 1.0 + 1e-6);
        }
    }

    #[test]
    fn fractions_round_as_pytorch_does() {
        // torch.utils.data.random_split(range(10), [0.33, 0.33, 0.34]) -> 4, 3, 3
        let parts = random_split(Items(10), [0.33, 0.33, 0.34], 0).unwrap();
        assert_eq!(parts.map(|p| p.len()), [4, 3, 3]);
    }

    #[test]
    fn seeds_differ() {
        let [a, _] = random_split(Items(100), [50, 50], 0).unwrap();
        let [b, _] = random_split(Items(100), [50, 50], 1).unwrap();
        assert_ne!(a.indices(), b.indices());
        assert_ne!(a.indices(), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn sizes_that_do_not_fit_are_errors() {
        let message = random_split(Items(10), [5, 6], 0).unwrap_err().to_string();
        assert!(message.contains("[5, 6]") && message.contains("10 items"), "{message}");
        assert!(random_split(Items(10), [usize::MAX, 11], 0).is_err());
        for bad in [[0.5, 0.4], [1.5, -0.5], [f64::NAN, 1.0], [0.8, 0.8]] {
            let message = random_split(Items(10), bad, 0).unwrap_err().to_string();
            assert!(message.contains("add up to 1"), "{message}");
        }
    }
}
