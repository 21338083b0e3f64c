//! Initialisers with a structure: orthogonal, truncated, identity, Dirac, sparse.

use flambeau_tensor::{DType, Tensor};

use super::{in_place, normal_};

/// A (semi-)orthogonal matrix, drawn uniformly from all, times `gain`: of a tensor `[rows, …]` with its other dimensions
/// in one, the rows or the columns, whichever are fewer, are orthonormal. PyTorch's default gain is 1.
///
/// # Panics
/// When the tensor has fewer than two dimensions.
///
/// ```
/// use flambeau_nn::init;
/// use flambeau_tensor::Tensor;
///
/// let w = init::orthogonal_(&Tensor::zeros([3, 5]), 1.0);
/// let product = w.matmul(&w.t()).to_vec::<f32>();
/// assert!((product[0] - 1.0).abs() < 1e-5 && product[1].abs() < 1e-5);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.orthogonal_>; Saxe et al. 2013,
/// <https://arxiv.org/abs/1312.6120>
#[track_caller]
pub fn orthogonal_(tensor: &Tensor, gain: f64) -> Tensor {
    let shape = tensor.shape();
    assert!(shape.len() >= 2, "orthogonal_: shape {shape:?}; only two or more dimensions make a matrix");
    if tensor.numel() == 0 {
        return tensor.clone();
    }
    let (rows, columns) = (shape[0], tensor.numel() / shape[0]);
    let (few, many) = (rows.min(columns), rows.max(columns));
    in_place(tensor, || {
        let basis = orthonormal(&normal_(&Tensor::zeros([few, many]), 0.0, 1.0).to_dtype(DType::F64));
        let matrix = if rows > columns { basis.t() } else { basis };
        tensor.copy_(&(matrix * gain).reshape(shape));
    })
}

/// Rows made orthonormal one after the other (Gram–Schmidt, in blocks, each projection done twice against rounding).
/// For normal rows this is uniform, as is Q of a QR decomposition once R's diagonal is made positive.
fn orthonormal(rows: &Tensor) -> Tensor {
    const BLOCK: usize = 32;
    let (few, many) = (rows.size(0), rows.size(1));
    let mut done: Vec<Tensor> = Vec::new();
    for start in (0..few).step_by(BLOCK) {
        let mut block = rows.narrow(0, start, BLOCK.min(few - start));
        if !done.is_empty() {
            let before = Tensor::cat(&done, 0);
            for _ in 0..2 {
                block = &block - block.matmul(&before.t()).matmul(&before);
            }
        }
        let mut values = block.to_vec::<f64>();
        for i in 0..values.len() / many {
            let (before, row) = values.split_at_mut(i * many);
            let row = &mut row[..many];
            for other in before.chunks_exact(many).chain(before.chunks_exact(many)) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
            let norm = dot(row, row).sqrt();
            row.iter_mut().for_each(|v| *v /= norm);
        }
        let shape = [values.len() / many, many];
        done.push(Tensor::from_vec(values, shape));
    }
    Tensor::cat(&done, 0)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `N(mean, std²)`, with what falls outside of `[a, b]` drawn anew. PyTorch's defaults are 0, 1, -2 and 2; `a` and `b`
/// are values, not multiples of `std`.
///
/// # Panics
/// When `std` is negative, `a` is above `b`, or mean or `std` is not finite.
///
/// ```
/// use flambeau_nn::init;
/// use flambeau_tensor::Tensor;
///
/// let tensor = init::trunc_normal_(&Tensor::zeros([100]), 0.0, 1.0, -0.5, 0.5);
/// assert!(tensor.to_vec::<f32>().iter().all(|value| value.abs() <= 0.5));
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.trunc_normal_>
#[track_caller]
pub fn trunc_normal_(tensor: &Tensor, mean: f64, std: f64, a: f64, b: f64) -> Tensor {
    assert!(
        mean.is_finite() && std.is_finite() && std >= 0.0 && a <= b,
        "trunc_normal_: mean {mean}, std {std} and bounds {a} to {b}; the first two are finite, std ≥ 0 and a ≤ b"
    );
    if std == 0.0 {
        return in_place(tensor, || tensor.fill_(mean.clamp(a, b)));
    }
    // Clamped so that no bound is infinite; the values are clamped to theirs below.
    let [low, high] = [a, b].map(|bound| ((bound - mean) / std).clamp(-1e300, 1e300));
    // The tail on the left is that on the right, mirrored.
    let (sign, (low, high)) = if high < 0.0 { (-1.0, (-high, -low)) } else { (1.0, (low, high)) };
    let values = between(low, high, tensor.numel()).into_iter();
    let values: Vec<f64> = values.map(|z| (mean + std * sign * z).clamp(a, b)).collect();
    in_place(tensor, || tensor.copy_(&Tensor::from_vec(values, tensor.shape())))
}

/// `n` standard normal numbers within `[low, high]`, where `high` is not negative, by rejection from whichever
/// distribution is near enough that at least a quarter or so is kept (Robert 1995, <https://arxiv.org/abs/0907.4010>).
fn between(low: f64, high: f64, n: usize) -> Vec<f64> {
    let draw = |n: usize| Tensor::zeros([n]).to_dtype(DType::F64);
    let peak = low.max(0.0);
    // The rate of the exponential distribution that hugs the tail beyond `low`.
    let rate = (low + low.hypot(2.0)) / 2.0;
    let mut values = Vec::with_capacity(n);
    while values.len() < n {
        let left = n - values.len();
        let accept = super::uniform_(&draw(left), 0.0, 1.0).to_vec::<f64>();
        if low <= 0.0 && high - low > 2.5 {
            let all = normal_(&draw(left), 0.0, 1.0).to_vec::<f64>();
            values.extend(all.into_iter().filter(|z| (low..=high).contains(z)));
            continue;
        }
        let uniform = super::uniform_(&draw(left), 0.0, 1.0).to_vec::<f64>();
        let exponential = low > 0.0 && (high - low) * rate > 2.0;
        let pairs = uniform.into_iter().zip(accept).filter_map(|(u, accept)| {
            let (z, ratio) = if exponential {
                let z = low - (1.0 - u).ln() / rate;
                (z, (-(z - rate).powi(2) / 2.0).exp())
            } else {
                let z = low + (high - low) * u;
                (z, ((peak * peak - z * z) / 2.0).exp())
            };
            (z <= high && accept <= ratio).then_some(z)
        });
        values.extend(pairs);
    }
    values
}

/// The identity matrix: ones on the diagonal, zeros elsewhere, of any two sizes.
///
/// # Panics
/// When the tensor does not have two dimensions.
///
/// ```
/// use flambeau_nn::init;
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(init::eye_(&Tensor::zeros([2, 3])).to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.eye_>
#[track_caller]
pub fn eye_(tensor: &Tensor) -> Tensor {
    let &[rows, columns] = tensor.shape() else {
        panic!("eye_: shape {:?}; only two dimensions have a diagonal", tensor.shape());
    };
    let mut values = vec![0.0; rows * columns];
    (0..rows.min(columns)).for_each(|i| values[i * columns + i] = 1.0);
    in_place(tensor, || tensor.copy_(&Tensor::from_vec(values, [rows, columns])))
}

/// The weight of a convolution that passes its input on: a one in the middle of the kernel from each channel to the same
/// one, within each of the `groups` of output channels, as far as there are both. PyTorch's default is one group.
///
/// # Panics
/// When the tensor does not have 3 to 5 dimensions, or `groups` does not divide its first size.
///
/// ```
/// use flambeau_nn::init;
/// use flambeau_tensor::Tensor;
///
/// let weight = init::dirac_(&Tensor::ones([1, 2, 3]), 1);
/// assert_eq!(weight.to_vec::<f32>(), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.dirac_>
#[track_caller]
pub fn dirac_(tensor: &Tensor, groups: usize) -> Tensor {
    let shape = tensor.shape();
    assert!(
        (3..=5).contains(&shape.len()),
        "dirac_: shape {shape:?}; a convolution's weight has 3 to 5 dimensions"
    );
    assert!(
        groups > 0 && shape[0].is_multiple_of(groups),
        "dirac_: {groups} groups of the {} output channels of shape {shape:?}",
        shape[0]
    );
    let (kernel, per_group) = (&shape[2..], shape[0] / groups);
    let size: usize = kernel.iter().product();
    let middle = kernel.iter().fold(0, |at, &size| at * size + size / 2);
    let mut values = vec![0.0; tensor.numel()];
    if size > 0 {
        for (group, i) in (0..groups).flat_map(|g| (0..per_group.min(shape[1])).map(move |i| (g, i))) {
            values[((group * per_group + i) * shape[1] + i) * size + middle] = 1.0;
        }
    }
    in_place(tensor, || tensor.copy_(&Tensor::from_vec(values, shape)))
}

/// `N(0, std²)`, but zero at a share `sparsity` of the places of each column, rounded up. PyTorch's default `std` is
/// 0.01.
///
/// # Panics
/// When the tensor does not have two dimensions, or `sparsity` is not within 0 to 1.
///
/// ```
/// use flambeau_nn::init;
/// use flambeau_tensor::Tensor;
///
/// let weight = init::sparse_(&Tensor::zeros([10, 3]), 0.25, 0.01).to_vec::<f32>();
/// assert_eq!(weight.iter().filter(|&&value| value == 0.0).count(), 3 * 3);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.sparse_>; Martens 2010,
/// <https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf>
#[track_caller]
pub fn sparse_(tensor: &Tensor, sparsity: f64, std: f64) -> Tensor {
    let &[rows, columns] = tensor.shape() else {
        panic!("sparse_: shape {:?}; it takes two dimensions", tensor.shape());
    };
    assert!((0.0..=1.0).contains(&sparsity), "sparse_: sparsity {sparsity} is not within 0 to 1");
    let zeros = (sparsity * rows as f64).ceil() as usize;
    // In each column the rows with the smallest of as many random numbers.
    let order = Tensor::rand([rows, columns]).argsort(0, false).to_vec::<i64>();
    let mut values = normal_(&Tensor::zeros([rows, columns]), 0.0, std).to_vec::<f32>();
    for (at, &row) in order[..(zeros * columns).min(order.len())].iter().enumerate() {
        values[row as usize * columns + at % columns.max(1)] = 0.0;
    }
    in_place(tensor, || tensor.copy_(&Tensor::from_vec(values, [rows, columns])))
}
