//! The step of an optimiser: one pass over all its parameters, their gradients and their state.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::strided::GRAIN;
use smallvec::SmallVec;

/// The most state tensors that a parameter has.
pub const MAX_STATE: usize = 3;

/// How one element changes: the rule of an optimiser, with the numbers of this step in it. Mark `update`
/// `#[inline(always)]`.
pub trait Update: Copy + Send + Sync {
    /// The fewest and the most state tensors that it is used with; loops are compiled for these numbers alone. Default: 0
    /// and [`MAX_STATE`].
    const STATES: [usize; 2] = [0, MAX_STATE];

    /// The new parameter and state from the old ones and the gradient. N is the number of state tensors.
    fn update<T: Float, const N: usize>(self, p: T, grad: T, state: [T; N]) -> (T, [T; N]);
}

/// A parameter with what its update needs, all of one length.
pub struct Piece<'a, T> {
    /// Which of the [`Updates`] is its own.
    pub update: usize,
    /// The parameter.
    pub p: &'a mut [T],
    /// Its gradient.
    pub grad: &'a [T],
    /// Its state, [`MAX_STATE`] slices at most.
    pub state: SmallVec<[&'a mut [T]; MAX_STATE]>,
}

impl<'a, T> Piece<'a, T> {
    /// The first `n` elements and the others.
    fn split_at(self, n: usize) -> (Self, Self) {
        let (p, rest) = self.p.split_at_mut(n);
        let (grad, grad_rest) = self.grad.split_at(n);
        let (state, state_rest) = self.state.into_iter().map(|s| s.split_at_mut(n)).unzip();
        let update = self.update;
        (Piece { update, p, grad, state }, Piece { update, p: rest, grad: grad_rest, state: state_rest })
    }
}

/// The updates of several parameters. All that is not a loop over elements sees them as this object, so that it is compiled
/// once for all rules.
pub trait Updates: Sync {
    /// Updates a piece.
    fn single(&self, piece: &mut Piece<'_, f32>);
    /// Updates a piece.
    fn double(&self, piece: &mut Piece<'_, f64>);
}
impl<U: Update> Updates for Vec<U> {
    fn single(&self, piece: &mut Piece<'_, f32>) {
        run(self[piece.update], piece);
    }
    fn double(&self, piece: &mut Piece<'_, f64>) {
        run(self[piece.update], piece);
    }
}

/// Updates all pieces, each with what [`Updates`] has for its type, as one job of the pool over equal shares of their
/// elements. Elements do not depend on each other, so neither do they on the number of threads.
///
/// # Panics
/// If the lengths within a piece differ, or its number of state tensors is not among the rule's
/// [`STATES`](Update::STATES).
pub fn step<T: Float>(pieces: Vec<Piece<'_, T>>, update: &(dyn Fn(&mut Piece<'_, T>) + Sync)) {
    for piece in &pieces {
        let n = piece.p.len();
        assert!(piece.grad.len() == n && piece.state.iter().all(|s| s.len() == n), "lengths differ");
    }
    let mut shares = deal(pieces);
    pool::chunks_mut(&mut shares, 1, |_, shares| {
        shares.iter_mut().flatten().for_each(update);
    });
}

/// Cuts the pieces into shares of [`GRAIN`] elements.
fn deal<T>(pieces: Vec<Piece<'_, T>>) -> Vec<Vec<Piece<'_, T>>> {
    if pieces.iter().map(|piece| piece.p.len()).sum::<usize>() <= GRAIN {
        return vec![pieces];
    }
    let mut shares = Vec::new();
    let (mut share, mut room) = (Vec::new(), GRAIN);
    for mut piece in pieces {
        while piece.p.len() >= room {
            let (first, rest) = piece.split_at(room);
            share.push(first);
            shares.push(std::mem::take(&mut share));
            (piece, room) = (rest, GRAIN);
        }
        room -= piece.p.len();
        share.push(piece);
    }
    shares.push(share);
    shares
}

fn run<T: Float, U: Update>(update: U, piece: &mut Piece<'_, T>) {
    fn with<T: Float, U: Update, const N: usize>(update: U, piece: &mut Piece<'_, T>) {
        if const { N < U::STATES[0] || N > U::STATES[1] } {
            panic!("{N} state tensors for a parameter; the rule takes {:?}", U::STATES);
        }
        let mut state = piece.state.iter_mut();
        let state: [&mut [T]; N] = std::array::from_fn(|_| match state.next() {
            Some(state) => &mut **state,
            None => &mut [],
        });
        dispatch(Pass { update, p: piece.p, grad: piece.grad, state });
    }
    match piece.state.len() {
        0 => with::<T, U, 0>(update, piece),
        1 => with::<T, U, 1>(update, piece),
        2 => with::<T, U, 2>(update, piece),
        3 => with::<T, U, 3>(update, piece),
        n => panic!("{n} state tensors for a parameter; there can be {MAX_STATE} at most"),
    }
}

struct Pass<'a, T, U, const N: usize> {
    update: U,
    p: &'a mut [T],
    grad: &'a [T],
    state: [&'a mut [T]; N],
}

/// Elements that are updated at a time: arrays of a known length need no checks of bounds.
const BLOCK: usize = 64;

impl<T: Float, U: Update, const N: usize> Kernel for Pass<'_, T, U, N> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Pass { update, p, grad, state } = self;
        let (blocks, last) = p.as_chunks_mut::<BLOCK>();
        let (grads, last_grad) = grad.as_chunks::<BLOCK>();
        // With loops: closures over arrays are not always inlined, and then nothing is vectorised.
        let mut state = state.map(|s| s.as_chunks_mut::<BLOCK>());
        for (b, (p, grad)) in blocks.iter_mut().zip(grads).enumerate() {
            // In the place of state that the rule does not have.
            let mut none = [[T::default(); BLOCK]; MAX_STATE];
            let [mut x, mut y, mut z] = none.each_mut();
            for (k, (blocks, _)) in state.iter_mut().enumerate() {
                *[&mut x, &mut y, &mut z][k] = &mut blocks[b];
            }
            block::<T, U, N>(update, p, grad, x, y, z);
        }
        let n = last.len();
        if n > 0 {
            let (mut p, mut grad) = ([T::default(); BLOCK], [T::default(); BLOCK]);
            let mut both = [[T::default(); BLOCK]; MAX_STATE];
            p[..n].copy_from_slice(last);
            grad[..n].copy_from_slice(last_grad);
            for k in 0..N {
                both[k][..n].copy_from_slice(state[k].1);
            }
            let [x, y, z] = both.each_mut();
            block::<T, U, N>(update, &mut p, &grad, x, y, z);
            last.copy_from_slice(&p[..n]);
            for k in 0..N {
                state[k].1.copy_from_slice(&both[k][..n]);
            }
        }
    }
}

/// The state's parts come one by one, so that the compiler knows that nothing overlaps.
#[inline(always)]
fn block<T: Float, U: Update, const N: usize>(
    update: U,
    p: &mut [T; BLOCK],
    grad: &[T; BLOCK],
    x: &mut [T; BLOCK],
    y: &mut [T; BLOCK],
    z: &mut [T; BLOCK],
) {
    for i in 0..BLOCK {
        let mut old = [T::default(); N];
        for (old, part) in old.iter_mut().zip([&*x, &*y, &*z]) {
            *old = part[i];
        }
        let new;
        (p[i], new) = update.update(p[i], grad[i], old);
        for (new, part) in new.into_iter().zip([&mut *x, &mut *y, &mut *z]) {
            part[i] = new;
        }
    }
}

/// Moves parameters along another tensor: an [`Update`] without state.
#[derive(Clone, Copy)]
pub enum Move {
    /// p + a·x
    Along(f64),
    /// p + w·(x − p)
    Toward(f64),
}

impl Update for Move {
    const STATES: [usize; 2] = [0, 0];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, x: T, state: [T; N]) -> (T, [T; N]) {
        let p = match self {
            Move::Along(a) => p + T::lit(a) * x,
            Move::Toward(w) => lerp(p, x, w),
        };
        (p, state)
    }
}

/// a + w·(b − a), calculated from the nearer end, as `torch.lerp`.
#[inline(always)]
pub fn lerp<T: Float>(a: T, b: T, w: f64) -> T {
    let (from, w) = if w < 0.5 { (a, w) } else { (b, w - 1.0) };
    from + T::lit(w) * (b - a)
}

/// The larger of two; NaN if there is one.
#[inline(always)]
#[allow(clippy::eq_op)]
pub fn maximum<T: Float>(a: T, b: T) -> T {
    if b > a || b != b { b } else { a }
}

/// Makes 0 of what is too small to count. Averages of gradients that have become 0 decay through subnormal numbers, with
/// which many processors calculate a hundred times as slowly. Where a root has `eps` added to it and the quotient is added
/// to a parameter, nothing so small can be seen, unless `eps` is far below the usual ones: then all counts.
#[derive(Clone, Copy, Debug)]
pub struct FlushToZero {
    /// The least number that counts, in multiples of the type's `MIN_POSITIVE`. A number and no condition, which would cost
    /// each element some instructions.
    least: f64,
}

impl FlushToZero {
    /// Of what cannot be seen beside `eps`.
    pub fn beside(eps: f64) -> Self {
        FlushToZero { least: if eps >= 1e-9 { 64.0 } else { 0.0 } }
    }

    #[inline(always)]
    fn least<T: Float>(self) -> T {
        T::MIN_POSITIVE * T::lit(self.least)
    }

    /// x, or 0 where it is so small.
    #[inline(always)]
    pub fn flush<T: Float>(self, x: T) -> T {
        unless_below(x, self.least())
    }

    /// A running mean of gradients, β·m + (1 − β)·g, calculated as PyTorch does; 0 where it is so small.
    #[inline(always)]
    pub fn mean<T: Float>(self, m: T, g: T, beta: f64) -> T {
        self.flush(lerp(m, g, 1.0 - beta))
    }

    /// A running mean of the gradients' squares, β·v + (1 − β)·g²; 0 where its root is so small.
    #[inline(always)]
    pub fn mean_square<T: Float>(self, v: T, g: T, beta: f64) -> T {
        let rest = T::lit(1.0 - beta);
        let g = unless_below(g, (self.least::<T>() / rest).sqrt());
        self.flush(T::lit(beta) * v + rest * g * g)
    }
}

#[inline(always)]
fn unless_below<T: Float>(x: T, least: T) -> T {
    if x.abs() < least { T::default() } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::with_num_threads;
    use smallvec::smallvec;

    /// p, a and b all differ after it, so a mix-up of slices or places shows.
    #[derive(Clone, Copy)]
    struct Mixed(f64);
    impl Update for Mixed {
        #[inline(always)]
        fn update<T: Float, const N: usize>(self, p: T, grad: T, state: [T; N]) -> (T, [T; N]) {
            let mut k = 0.0;
            let sum = state.iter().fold(p * grad, |sum, &s| sum + s);
            let state = state.map(|s| {
                k += 1.0;
                s + T::lit(k) * grad
            });
            (p + T::lit(self.0) * sum, state)
        }
    }

    #[test]
    fn any_cut_and_any_number_of_threads_gives_the_same() {
        let lengths = [0, 1, 63, 64, 65, GRAIN - 1, GRAIN, 3 * GRAIN + 7, 5];
        let whole = |seed: usize, n: usize| -> Vec<f32> {
            (0..n).map(|i| ((i * 7 + seed) % 101) as f32 / 101.0).collect()
        };
        let run = |threads, states: usize| {
            let mut data: Vec<_> = lengths
                .iter()
                .map(|&n| {
                    (whole(1, n), whole(2, n), (0..states).map(|k| whole(3 + k, n)).collect::<Vec<_>>())
                })
                .collect();
            let pieces = data.iter_mut().enumerate().map(|(i, (p, grad, state))| Piece {
                update: i,
                p,
                grad,
                state: state.iter_mut().map(|s| &mut s[..]).collect(),
            });
            let pieces = pieces.collect();
            let updates: Vec<_> = (0..lengths.len()).map(|i| Mixed(i as f64)).collect();
            with_num_threads(threads, || step(pieces, &|piece| updates.single(piece)));
            data
        };
        for states in 0..=MAX_STATE {
            let one = run(1, states);
            assert!(one == run(2, states) && one == run(3, states));
            for (i, (p, grad, state)) in one.iter().enumerate() {
                let n = p.len();
                let before: Vec<f32> = whole(1, n);
                let old: Vec<Vec<f32>> = (0..states).map(|k| whole(3 + k, n)).collect();
                for j in 0..n {
                    let sum = old.iter().fold(before[j] * grad[j], |sum, old| sum + old[j]);
                    assert_eq!(p[j], before[j] + i as f32 * sum, "piece {i}, element {j}");
                    assert!((0..states).all(|k| state[k][j] == old[k][j] + (k + 1) as f32 * grad[j]));
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_seen_beside_eps_is_nothing() {
        let (usual, none) = (FlushToZero::beside(1e-8), FlushToZero::beside(0.0));
        let subnormal = 1e-39f32;
        assert_eq!([subnormal, -subnormal, 0.0].map(|x| usual.flush(x)), [0.0; 3]);
        assert!(usual.flush(f32::NAN).is_nan());
        for x in [1e-36, -1e-36, 1.0, f32::NEG_INFINITY] {
            assert_eq!(usual.flush(x), x);
        }
        // Without an eps beside it, all counts; and f64 reaches further down.
        assert_eq!([subnormal, -subnormal].map(|x| none.flush(x)), [subnormal, -subnormal]);
        assert_eq!(usual.flush(1e-39f64), 1e-39);
        assert_eq!(
            (usual.mean_square(0.0f32, 1e-18, 0.999), usual.mean_square(2e-38f32, 0.0, 0.5)),
            (0.0, 0.0)
        );
        assert!(none.mean_square(0.0f32, 1e-18, 0.999) > 0.0);
        assert_eq!(usual.mean_square(4.0f32, 2.0, 0.5), 4.0);
        assert_eq!((usual.mean(1e-37f32, 0.0, 0.9), usual.mean(1.0f32, 3.0, 0.5)), (0.0, 2.0));
    }

    #[test]
    fn lerp_and_maximum_treat_ends_and_nan_as_pytorch() {
        assert_eq!(
            (lerp(1.0f32, 3.0, 0.0), lerp(1.0f32, 3.0, 1.0), lerp(1.0f64, 3.0, 0.25)),
            (1.0, 3.0, 1.5)
        );
        assert!(maximum(f32::NAN, 1.0).is_nan() && maximum(1.0, f32::NAN).is_nan());
        let (mut p, grad) = ([1.0f64, 2.0], [10.0, 20.0]);
        let pieces = vec![Piece { update: 0, p: &mut p, grad: &grad, state: smallvec![] }];
        step(pieces, &|piece| vec![Move::Along(0.5)].double(piece));
        assert_eq!(p, [6.0, 12.0]);
    }
}
