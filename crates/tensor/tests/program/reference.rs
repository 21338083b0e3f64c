//! The reference: a view is a shape and, for each element in row-major order, its position in a memory. What a call
//! gives follows from the meaning of the call alone; none is a call that must be refused.

use flambeau_tensor::Index;

/// What a tensor must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) shape: Vec<usize>,
    pub(crate) at: Vec<usize>,
    pub(crate) memory: usize,
}

/// Views of more elements are not followed.
const LARGEST: u128 = 3000;

pub(crate) fn numel(shape: &[usize]) -> u128 {
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |n, &s| n.saturating_mul(s as u128)) }
}

/// A dimension counted from the front; 0 and −1 of none.
pub(crate) fn dim(d: isize, n: usize) -> Option<usize> {
    let n = n.max(1) as i128;
    let d = i128::from(d as i64);
    (-n..n).contains(&d).then(|| (if d < 0 { d + n } else { d }) as usize)
}

/// Distinct dimensions.
pub(crate) fn dims(list: &[isize], n: usize) -> Option<Vec<usize>> {
    let out: Vec<usize> = list.iter().map(|&d| dim(d, n)).collect::<Option<_>>()?;
    (0..out.len()).all(|i| !out[..i].contains(&out[i])).then_some(out)
}

/// Every index of a shape in row-major order.
pub(crate) fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let shape = shape.to_vec();
    (0..numel(&shape) as usize).map(move |mut i| {
        let mut index = vec![0; shape.len()];
        for d in (0..shape.len()).rev() {
            index[d] = i % shape[d];
            i /= shape[d];
        }
        index
    })
}

/// The shape that two broadcast to.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let n = a.len().max(b.len());
    let size = |s: &[usize], d: usize| (d + s.len()).checked_sub(n).map_or(1, |d| s[d]);
    (0..n)
        .map(|d| match (size(a, d), size(b, d)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}

impl View {
    /// The view of another shape whose element at `index` is this one's at `f(index)`. Too large ones have no elements.
    pub(crate) fn map(&self, shape: Vec<usize>, f: impl Fn(&[usize]) -> Vec<usize>) -> View {
        let at =
            if self.follows(&shape) { indices(&shape).map(|i| self.at(&f(&i))).collect() } else { vec![] };
        View { shape, at, memory: self.memory }
    }

    fn follows(&self, shape: &[usize]) -> bool {
        numel(shape) <= LARGEST && shape.len() <= 8
    }

    /// Whether its elements are known.
    pub(crate) fn is_followed(&self) -> bool {
        self.follows(&self.shape)
    }

    pub(crate) fn at(&self, index: &[usize]) -> usize {
        self.at[index.iter().zip(&self.shape).fold(0, |at, (&i, &n)| at * n + i)]
    }

    pub(crate) fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// The dimension, of a tensor that has one.
    fn some_dim(&self, d: isize) -> Option<usize> {
        dim(d, self.ndim()).filter(|_| self.ndim() > 0)
    }

    pub(crate) fn permute(&self, list: &[isize]) -> Option<View> {
        let order = dims(list, self.ndim()).filter(|order| order.len() == self.ndim())?;
        Some(self.map(order.iter().map(|&d| self.shape[d]).collect(), |i| {
            let mut j = vec![0; i.len()];
            order.iter().zip(i).for_each(|(&d, &i)| j[d] = i);
            j
        }))
    }

    pub(crate) fn transpose(&self, a: isize, b: isize) -> Option<View> {
        let mut order: Vec<isize> = (0..self.ndim() as isize).collect();
        let (a, b) = (dim(a, self.ndim())?, dim(b, self.ndim())?);
        if self.ndim() > 0 {
            order.swap(a, b);
        }
        self.permute(&order)
    }

    pub(crate) fn movedim(&self, from: isize, to: isize) -> Option<View> {
        let (from, to) = (dim(from, self.ndim())?, dim(to, self.ndim())?);
        let mut order: Vec<isize> = (0..self.ndim() as isize).collect();
        if self.ndim() > 0 {
            let moved = order.remove(from);
            order.insert(to, moved);
        }
        self.permute(&order)
    }

    /// Every `step`-th of `len` positions of a dimension from `start` on.
    fn cut(&self, d: usize, start: usize, len: usize, step: usize) -> View {
        let mut shape = self.shape.clone();
        shape[d] = len;
        self.map(shape, |i| {
            let mut j = i.to_vec();
            j[d] = start + i[d] * step;
            j
        })
    }

    pub(crate) fn narrow(&self, d: isize, start: usize, len: usize) -> Option<View> {
        let d = self.some_dim(d)?;
        start.checked_add(len).filter(|&end| end <= self.shape[d])?;
        Some(self.cut(d, start, len, 1))
    }

    pub(crate) fn slice(&self, d: isize, start: isize, end: isize, step: usize) -> Option<View> {
        let d = self.some_dim(d).filter(|_| step > 0)?;
        let (start, end) = bounds(self.shape[d], Some(start), Some(end));
        Some(self.cut(d, start, (end - start).div_ceil(step), step))
    }

    pub(crate) fn select(&self, d: isize, position: isize) -> Option<View> {
        let d = self.some_dim(d)?;
        let (size, position) = (self.shape[d] as i128, i128::from(position as i64));
        let position = if position < 0 { position + size } else { position };
        (0..size).contains(&position).then_some(())?;
        let mut shape = self.shape.clone();
        shape.remove(d);
        Some(self.map(shape, |i| {
            let mut j = i.to_vec();
            j.insert(d, position as usize);
            j
        }))
    }

    /// `x[…]` with numbers and ranges.
    pub(crate) fn index(&self, list: &[Index]) -> Option<View> {
        let (mut out, mut d) = (self.clone(), 0);
        for index in list {
            out.some_dim(d)?;
            match *index {
                Index::Position(at) => out = out.select(d, at)?,
                Index::Range(start, end) => {
                    let (start, end) = bounds(out.shape[d as usize], start, end);
                    out = out.cut(d as usize, start, end - start, 1);
                    d += 1;
                }
            }
        }
        Some(out)
    }

    pub(crate) fn unsqueeze(&self, d: isize) -> Option<View> {
        let mut shape = self.shape.clone();
        shape.insert(dim(d, self.ndim() + 1)?, 1);
        Some(View { shape, ..self.clone() })
    }

    pub(crate) fn squeeze(&self, list: &[isize]) -> Option<View> {
        let mut chosen = dims(list, self.ndim())?;
        if list.is_empty() {
            chosen = (0..self.ndim()).collect();
        }
        let kept = (0..self.ndim()).filter(|d| self.shape[*d] != 1 || !chosen.contains(d));
        Some(View { shape: kept.map(|d| self.shape[d]).collect(), ..self.clone() })
    }

    pub(crate) fn expand(&self, sizes: &[isize]) -> Option<View> {
        let skip = sizes.len().checked_sub(self.ndim())?;
        let size = |(d, &size): (usize, &isize)| {
            let old = d.checked_sub(skip).map(|d| self.shape[d]);
            match (usize::try_from(size), old) {
                (Err(_), old) => old.filter(|_| size == -1),
                (Ok(size), None | Some(1)) => Some(size),
                (Ok(size), Some(old)) => (size == old).then_some(old),
            }
        };
        let shape = sizes.iter().enumerate().map(size).collect::<Option<Vec<usize>>>()?;
        Some(self.map(shape, |i| {
            i[skip..].iter().zip(&self.shape).map(|(&i, &s)| if s == 1 { 0 } else { i }).collect()
        }))
    }

    pub(crate) fn diagonal(&self, offset: isize, a: isize, b: isize) -> Option<View> {
        let (a, b) = (self.some_dim(a)?, self.some_dim(b)?);
        (a != b).then_some(())?;
        let ahead = offset.unsigned_abs();
        let (down, right) = if offset < 0 { (ahead, 0) } else { (0, ahead) };
        let len = self.shape[a].saturating_sub(down).min(self.shape[b].saturating_sub(right));
        let rest: Vec<usize> = (0..self.ndim()).filter(|&d| d != a && d != b).collect();
        let shape = rest.iter().map(|&d| self.shape[d]).chain([len]).collect();
        Some(self.map(shape, |i| {
            let mut j = vec![0; self.ndim()];
            rest.iter().zip(i).for_each(|(&d, &i)| j[d] = i);
            (j[a], j[b]) = (i[rest.len()] + down, i[rest.len()] + right);
            j
        }))
    }

    pub(crate) fn unfold(&self, d: isize, size: usize, step: usize) -> Option<View> {
        let d = dim(d, self.ndim()).filter(|_| step > 0)?;
        let length = self.shape.get(d).copied().unwrap_or(1);
        let windows = length.checked_sub(size)? / step + 1;
        let mut shape = self.shape.clone();
        if let Some(length) = shape.get_mut(d) {
            *length = windows;
        }
        shape.push(size);
        Some(self.map(shape, |i| {
            let mut j = i[..self.ndim()].to_vec();
            if let Some(position) = j.get_mut(d) {
                *position = *position * step + i[self.ndim()];
            }
            j
        }))
    }

    pub(crate) fn reshape(&self, sizes: &[isize]) -> Option<View> {
        let free = sizes.iter().filter(|&&s| s == -1).count();
        (free <= 1 && sizes.iter().all(|&s| s >= -1)).then_some(())?;
        let given: Vec<usize> = sizes.iter().filter(|&&s| s != -1).map(|&s| s as usize).collect();
        let (n, rest) = (numel(&self.shape), numel(&given));
        match free {
            0 => n == rest,
            _ => rest > 0 && n.is_multiple_of(rest),
        }
        .then_some(())?;
        let shape = sizes.iter().map(|&s| if s == -1 { (n / rest) as usize } else { s as usize }).collect();
        Some(View { shape, ..self.clone() })
    }

    pub(crate) fn flatten(&self, start: isize, end: isize) -> Option<View> {
        let (s, e) = (dim(start, self.ndim())?, dim(end, self.ndim())?);
        (s <= e).then_some(())?;
        let mut shape = self.shape.clone();
        // What no size can be is refused, though nothing else is wrong with a tensor without elements.
        let merged = isize::try_from(numel(shape.get(s..=e).unwrap_or(&[]))).ok()? as usize;
        shape.splice(s..(e + 1).min(self.ndim()), [merged]);
        Some(View { shape, ..self.clone() })
    }

    /// Whether one stride for each dimension can say where the elements are.
    pub(crate) fn has_strides(&self) -> bool {
        let stride = |d: usize| {
            let mut one = vec![0; self.ndim()];
            one[d] = 1;
            if self.shape[d] > 1 { self.at(&one) as i64 - self.at[0] as i64 } else { 0 }
        };
        if self.at.is_empty() {
            return true;
        }
        let strides: Vec<i64> = (0..self.ndim()).map(stride).collect();
        let linear = |i: &[usize]| i.iter().zip(&strides).map(|(&i, s)| i as i64 * s).sum::<i64>();
        strides.iter().all(|&s| s >= 0)
            && indices(&self.shape).all(|i| self.at(&i) as i64 == self.at[0] as i64 + linear(&i))
    }

    /// Whether a dimension repeats one element.
    pub(crate) fn repeats(&self) -> bool {
        (0..self.ndim()).any(|d| {
            let mut one = vec![0; self.ndim()];
            one[d] = 1;
            self.shape[d] > 1 && self.at(&one) == self.at[0]
        })
    }

    /// Whether two elements share a position.
    pub(crate) fn overlaps(&self) -> bool {
        let mut at = self.at.clone();
        at.sort_unstable();
        at.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// The ends of a Python slice, the second not before the first.
fn bounds(size: usize, start: Option<isize>, end: Option<isize>) -> (usize, usize) {
    let clamp = |i: isize| {
        let i = i128::from(i as i64);
        (if i < 0 { i + size as i128 } else { i }).clamp(0, size as i128) as usize
    };
    let start = start.map_or(0, clamp);
    (start, end.map_or(size, clamp).max(start))
}
