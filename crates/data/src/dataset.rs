//! What a data set is.

use flambeau_tensor::Tensor;
use std::sync::Arc;

use crate::item;
use crate::transforms::{Transform, Transformed};
use crate::{Cache, ConcatDataset, Map, Subset};

/// A finite collection of (input, target) pairs, reached by index.
///
/// Implement [`len`](Self::len) and [`get`](Self::get); [`batch`](Self::batch) then works, and is worth overriding
/// where many items can be had at once for less than one by one. Loaders call from several threads, hence
/// `Send + Sync`.
///
/// An item that cannot be had, such as a damaged file, is an error: hand it to [`raise`](crate::raise). A
/// [`DataLoader`](crate::DataLoader) adds which item it was; [`try_call`](flambeau_tensor::try_call) gives it as a
/// `Result`.
///
/// In a loader, what `get` draws at random (`Tensor::rand`, say) comes from a generator seeded with the loader's seed,
/// the epoch and the item's index, whichever thread it runs on.
///
/// Source: [`torch.utils.data.Dataset`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Dataset).
///
/// # Examples
/// The squares, computed when asked for:
/// ```
/// use flambeau_data::Dataset;
/// use flambeau_tensor::Tensor;
///
/// struct Squares;
///
/// impl Dataset for Squares {
///     fn len(&self) -> usize {
///         100
///     }
///     fn get(&self, index: usize) -> (Tensor, Tensor) {
///         let x = index as f32;
///         (Tensor::from_vec(vec![x], [1]), Tensor::from_vec(vec![x * x], [1]))
///     }
/// }
///
/// let (x, y) = Squares.batch(&[2, 3]);
/// assert_eq!(x.shape(), [2, 1]);
/// assert_eq!(y.to_vec::<f32>(), [4.0, 9.0]);
/// ```
pub trait Dataset: Send + Sync {
    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The input and the target of one item, without a batch dimension.
    ///
    /// # Panics
    /// If `index` is not less than [`len`](Self::len).
    fn get(&self, index: usize) -> (Tensor, Tensor);

    /// The inputs and the targets of many items, each stacked along a new first dimension.
    ///
    /// # Panics
    /// If `indices` is empty, an index is not less than [`len`](Self::len), or the items differ in shape or dtype.
    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        default_collate(item::each(indices, |i| self.get(i)))
    }

    /// Applies `f` to each item when it is asked for, for augmentation, say.
    ///
    /// ```
    /// use flambeau_data::{Dataset, digits};
    ///
    /// let bright = digits().map(|x, y| (x * 2.0, y));
    /// let (x, _) = digits().get(0);
    /// assert_eq!(bright.get(0).0.to_vec::<f32>(), (x * 2.0).to_vec::<f32>());
    /// ```
    fn map<F>(self, f: F) -> Map<Self, F>
    where
        Self: Sized,
        F: Fn(Tensor, Tensor) -> (Tensor, Tensor) + Send + Sync,
    {
        Map::new(self, f)
    }

    /// Applies a transform to each input when it is asked for.
    ///
    /// ```
    /// use flambeau_data::transforms::RandomCrop;
    /// use flambeau_data::{Dataset, digits};
    ///
    /// let shifted = digits().transform(RandomCrop::new(8).padding(1));
    /// assert_eq!(shifted.get(0).0.shape(), [1, 8, 8]);
    /// ```
    fn transform<T: Transform>(self, transform: T) -> Transformed<Self, T>
    where
        Self: Sized,
    {
        Transformed::new(self, transform)
    }

    /// The items of which `keep` says so. Looks at each item once, now.
    ///
    /// ```
    /// use flambeau_data::{Dataset, digits};
    ///
    /// let zeros = digits().filter(|_x, y| y.item::<i64>() == 0);
    /// assert_eq!(zeros.len(), 178);
    /// ```
    fn filter(self, mut keep: impl FnMut(&Tensor, &Tensor) -> bool) -> Subset
    where
        Self: Sized + 'static,
    {
        let kept = (0..self.len()).filter(|&i| {
            let (x, y) = self.get(i);
            keep(&x, &y)
        });
        let kept = kept.collect();
        Subset::from_parts(Arc::new(self), kept)
    }

    /// Keeps each item in memory once it has been asked for. What comes before it is computed once; put random
    /// augmentation after it.
    ///
    /// ```
    /// use flambeau_data::{Dataset, digits};
    ///
    /// let data = digits().map(|x, y| (x.sqrt(), y)).cache().map(|x, y| (&x + x.rand_like() * 0.1, y));
    /// assert_eq!(data.len(), 1797);
    /// ```
    fn cache(self) -> Cache<Self>
    where
        Self: Sized,
    {
        Cache::new(self)
    }

    /// These items and then those of `other`.
    ///
    /// ```
    /// use flambeau_data::{Dataset, digits};
    /// assert_eq!(digits().concat(digits()).len(), 2 * 1797);
    /// ```
    fn concat(self, other: impl Dataset + 'static) -> ConcatDataset
    where
        Self: Sized + 'static,
    {
        ConcatDataset::from_parts(vec![Arc::new(self), Arc::new(other)])
    }

    /// An item's identity: the address of the data set that holds it and its index there, where known.
    #[doc(hidden)]
    fn origin(&self, _index: usize) -> Option<(usize, usize)> {
        None
    }
}

impl<D: Dataset + ?Sized> Dataset for Arc<D> {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn get(&self, index: usize) -> (Tensor, Tensor) {
        (**self).get(index)
    }
    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        (**self).batch(indices)
    }
    fn origin(&self, index: usize) -> Option<(usize, usize)> {
        (**self).origin(index)
    }
}

/// Stacks the inputs and the targets of items along a new first dimension: how loaders make a batch of items unless
/// told otherwise.
/// [`torch.utils.data.default_collate`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.default_collate).
///
/// # Panics
/// If there is no item, or the items differ in shape or dtype.
///
/// ```
/// use flambeau_data::default_collate;
/// use flambeau_tensor::tensor;
///
/// let (x, y) = default_collate(vec![(tensor![1.0, 2.0], tensor!(0)), (tensor![3.0, 4.0], tensor!(1))]);
/// assert_eq!((x.shape(), y.shape()), (&[2, 2][..], &[2, 1][..]));
/// ```
#[track_caller]
pub fn default_collate(items: Vec<(Tensor, Tensor)>) -> (Tensor, Tensor) {
    let (inputs, targets): (Vec<_>, Vec<_>) = items.into_iter().unzip();
    (Tensor::stack(&inputs, 0), Tensor::stack(&targets, 0))
}
