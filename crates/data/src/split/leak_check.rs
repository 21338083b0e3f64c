//! Items that are in more than one part.

use flambeau_tensor::{DType, Tensor};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{Dataset, SealedTestSet};

/// Looks for items that are in more than one of several parts of the data, such as training and test set.
///
/// Two items are the same if they stand at the same place of the same data set, or if their inputs have the same shape,
/// dtype and values (by a 128-bit hash; targets do not count: the same image under two labels leaks as well). It looks
/// at every item of every part once.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, LeakCheck, SealedTestSet, Subset, digits, random_split};
///
/// let [train, test] = random_split(digits(), [0.8, 0.2], 0)?;
/// let test = SealedTestSet::new(test);
/// assert!(LeakCheck::new().add("train", &train).add_sealed("test", &test).run().is_clean());
///
/// let leaky = Subset::new(digits(), (0..10).collect())?;
/// let report = LeakCheck::new().add("train", &digits()).add("val", &leaky).run();
/// assert_eq!(report.overlaps().len(), 10);
/// assert!(report.to_string().starts_with("train and val share 10 items"));
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Default)]
pub struct LeakCheck<'a> {
    parts: Vec<(String, &'a dyn Dataset)>,
}

impl<'a> LeakCheck<'a> {
    /// A check of no parts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part under a name.
    pub fn add(mut self, name: impl Into<String>, part: &'a dyn Dataset) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// Adds a sealed test set under a name. The seal stays whole: nothing but the report comes out.
    pub fn add_sealed<D: Dataset>(self, name: impl Into<String>, part: &'a SealedTestSet<D>) -> Self {
        self.add(name, part.peek())
    }

    /// Compares the parts.
    ///
    /// # Panics
    /// If a data set does for one of its items.
    pub fn run(&self) -> LeakReport {
        let mut by_origin = HashMap::<(usize, usize), Vec<(usize, usize)>>::new();
        let mut by_content = HashMap::<[u64; 2], Vec<(usize, usize)>>::new();
        let (mut overlaps, mut duplicates) = (Vec::new(), Vec::new());
        for (part, (_, dataset)) in self.parts.iter().enumerate() {
            for index in 0..dataset.len() {
                let origin = dataset.origin(index);
                let content = fingerprint(&dataset.get(index).0);
                let same = origin.and_then(|origin| by_origin.get(&origin)).into_iter().flatten();
                let equal = by_content.get(&content).into_iter().flatten();
                let mut found: Vec<(usize, usize, bool)> =
                    same.map(|&(p, i)| (p, i, true)).chain(equal.map(|&(p, i)| (p, i, false))).collect();
                if let Some(&(_, first, _)) = found.iter().filter(|&&(p, ..)| p == part).min_by_key(|f| f.1) {
                    let name = self.parts[part].0.clone();
                    duplicates.push(Duplicate { part: name, indices: [first, index] });
                }
                found.retain(|&(p, ..)| p != part);
                found.sort_unstable_by_key(|&(p, i, same)| (p, i, !same));
                found.dedup_by_key(|&mut (p, i, _)| (p, i));
                overlaps.extend(found.into_iter().map(|(first_part, first, same_item)| Overlap {
                    parts: [self.parts[first_part].0.clone(), self.parts[part].0.clone()],
                    indices: [first, index],
                    same_item,
                }));
                if let Some(origin) = origin {
                    by_origin.entry(origin).or_default().push((part, index));
                }
                by_content.entry(content).or_default().push((part, index));
            }
        }
        LeakReport { overlaps, duplicates }
    }
}

impl std::fmt::Debug for LeakCheck<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.parts.iter().map(|(name, _)| name)).finish()
    }
}

/// A hash of a tensor's shape, dtype and values.
fn fingerprint(x: &Tensor) -> [u64; 2] {
    let x = x.detach();
    let hash = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        (salt, x.shape(), x.dtype().to_string()).hash(&mut hasher);
        match x.dtype() {
            DType::F64 => x.view::<f64>().iter().for_each(|v| v.to_bits().hash(&mut hasher)),
            DType::I64 => x.view::<i64>().iter().for_each(|v| v.hash(&mut hasher)),
            DType::U8 => x.view::<u8>().iter().for_each(|v| v.hash(&mut hasher)),
            DType::Bool => x.view::<bool>().iter().for_each(|v| v.hash(&mut hasher)),
            // Exact for f32 and all narrower types.
            _ => x.to_dtype(DType::F32).view::<f32>().iter().for_each(|v| v.to_bits().hash(&mut hasher)),
        }
        hasher.finish()
    };
    [hash(0), hash(1)]
}

/// An item that two parts share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The names of the two parts.
    pub parts: [String; 2],
    /// The item's index in each.
    pub indices: [usize; 2],
    /// Whether it is one item of one data set; if not, it is another with an equal input.
    pub same_item: bool,
}

/// An item that is in one part more than once: no leak, but it counts twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The part's name.
    pub part: String,
    /// Where it is for the first time, and where again.
    pub indices: [usize; 2],
}

/// What a [`LeakCheck`] found.
#[derive(Clone, Debug)]
pub struct LeakReport {
    overlaps: Vec<Overlap>,
    duplicates: Vec<Duplicate>,
}

impl LeakReport {
    /// Whether no two parts share an item.
    pub fn is_clean(&self) -> bool {
        self.overlaps.is_empty()
    }

    /// Each item that its part has already, by content or because it is the same item.
    ///
    /// ```
    /// use flambeau_data::{LeakCheck, Subset, digits};
    /// let data = Subset::new(digits(), vec![4, 7, 4])?;
    /// let report = LeakCheck::new().add("train", &data).run();
    /// assert!(report.is_clean());
    /// assert_eq!(report.duplicates()[0].indices, [0, 2]);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Each pair of equal items of two parts.
    pub fn overlaps(&self) -> &[Overlap] {
        &self.overlaps
    }
}

impl std::fmt::Display for LeakReport {
    /// One line for each two parts that share items.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_clean() {
            return f.write_str("no two parts share an item");
        }
        let mut pairs: Vec<&[String; 2]> = self.overlaps.iter().map(|o| &o.parts).collect();
        pairs.sort_unstable();
        pairs.dedup();
        for (line, pair) in pairs.into_iter().enumerate() {
            let mut shared: Vec<&Overlap> = self.overlaps.iter().filter(|o| o.parts == *pair).collect();
            let [first, second] = shared[0].indices;
            shared.sort_unstable_by_key(|o| o.indices[1]);
            shared.dedup_by_key(|o| o.indices[1]);
            let equal = shared.iter().filter(|o| !o.same_item).count();
            let (newline, [a, b]) = (if line > 0 { "\n" } else { "" }, pair);
            let items = if shared.len() == 1 { "item" } else { "items" };
            write!(f, "{newline}{a} and {b} share {} {items}", shared.len())?;
            write!(f, " ({equal} of them by content alone), such as {a}[{first}] and {b}[{second}]")?;
        }
        Ok(())
    }
}
