//! Random parts, with or without the classes' shares kept.

use flambeau_tensor::{Error, Result, random};
use std::collections::BTreeMap;
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

/// Cuts `dataset` at random into disjoint parts in which every class has the share that it has in the whole.
///
/// `labels` holds the class of each item. Each class is cut as [`random_split`] cuts the whole, so that a part's
/// number of items of a class differs from the exact fraction by at most 1. The parts' items are in random order.
///
/// # Errors
/// [`Error::Config`] if there is not one label an item, or the fractions do not add up to 1.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, digits, stratified_split};
///
/// let labels = digits().targets().to_vec::<i64>();
/// let [train, test] = stratified_split(digits(), &labels, [0.8, 0.2], 0)?;
/// let (_, y) = test.batch(&(0..test.len()).collect::<Vec<_>>());
/// // 178 of the 1,797 digits are zeros.
/// assert_eq!(y.to_vec::<i64>().iter().filter(|&&y| y == 0).count(), 35);
/// assert_eq!(train.len() + test.len(), 1797);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn stratified_split<const PARTS: usize, L: Ord>(
    dataset: impl Dataset + 'static,
    labels: &[L],
    fractions: [f64; PARTS],
    seed: u64,
) -> Result<[Subset; PARTS]> {
    const { assert!(PARTS > 0, "a split needs at least one part") }
    if labels.len() != dataset.len() {
        let (labels, items) = (labels.len(), dataset.len());
        return Err(Error::config(
            "labels",
            format!("are {labels} for the {items} items of the data set; each needs one"),
        ));
    }
    // One order for all: each class is cut where it stands in it, and each part keeps it.
    let order = random::permutation(seed, STREAM, labels.len());
    let mut classes = BTreeMap::<&L, Vec<usize>>::new();
    for (place, &item) in order.iter().enumerate() {
        classes.entry(&labels[item]).or_default().push(place);
    }
    let mut parts = [const { Vec::new() }; PARTS];
    for places in classes.into_values() {
        let mut rest = places.as_slice();
        for (part, length) in parts.iter_mut().zip(f64::lengths(&fractions, places.len())?) {
            let (taken, left) = rest.split_at(length.min(rest.len()));
            part.extend_from_slice(taken);
            rest = left;
        }
    }
    // Refuses wrong fractions of no items too.
    f64::lengths(&fractions, 0)?;
    let dataset: Arc<dyn Dataset> = Arc::new(dataset);
    Ok(parts.map(|mut places| {
        places.sort_unstable();
        Subset::from_parts(Arc::clone(&dataset), places.into_iter().map(|p| order[p]).collect())
    }))
}
