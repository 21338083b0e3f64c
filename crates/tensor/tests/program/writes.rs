//! Indices that are tensors, and writes.

use super::reference::{View, broadcast, numel};
use super::{Bytes, State, at};
use flambeau_tensor::{Index, Tensor, try_call};

impl State {
    /// Indices that are tensors, as the call and as (shape, values).
    #[allow(clippy::type_complexity)]
    fn positions(c: &mut Bytes) -> (Vec<Option<Tensor>>, Vec<Option<(Vec<usize>, Vec<i64>)>>) {
        let list: Vec<_> = (0..1 + c.below(3))
            .map(|_| {
                let shape = [vec![], vec![1], vec![3], vec![2, 1], vec![2, 3], vec![0]]
                    [c.below(8).checked_sub(2)?]
                .clone();
                let values = (0..numel(&shape)).map(|_| c.int() as i64).collect();
                Some((shape, values))
            })
            .collect();
        let tensor =
            |(shape, values): &(Vec<usize>, Vec<i64>)| Tensor::from_vec(values.clone(), shape.clone());
        (list.iter().map(|index| index.as_ref().map(tensor)).collect(), list)
    }

    /// What `x.index` picks out; outer none where this reference leaves it open.
    fn picked(r: &View, list: &[Option<(Vec<usize>, Vec<i64>)>]) -> Option<Option<View>> {
        if list.len() > r.ndim() {
            return Some(None);
        }
        let given: Vec<usize> = (0..list.len()).filter(|&d| list[d].is_some()).collect();
        let Some((&first, &last)) = given.first().zip(given.last()) else { return Some(Some(r.clone())) };
        let mut common = vec![];
        for (shape, _) in list.iter().flatten() {
            match broadcast(&common, shape) {
                Some(shape) => common = shape,
                None => return Some(None),
            }
        }
        let neighbours = last - first + 1 == given.len();
        let place = if neighbours { first } else { 0 };
        let rest: Vec<usize> = (0..r.ndim()).filter(|d| !given.contains(d)).collect();
        let mut shape: Vec<usize> = rest.iter().map(|&d| r.shape[d]).collect();
        shape.splice(place..place, common.clone());
        // Where nothing is picked, what is out of range may be found or not.
        if shape.contains(&0) {
            return None;
        }
        for (d, index) in list.iter().enumerate() {
            let size = r.shape[d] as i64;
            if index.as_ref().is_some_and(|(_, values)| values.iter().any(|v| !(-size..size).contains(v))) {
                return Some(None);
            }
        }
        Some(Some(r.map(shape, |i| {
            let (chosen, others) =
                (&i[place..place + common.len()], [&i[..place], &i[place + common.len()..]].concat());
            let mut j = vec![0; r.ndim()];
            rest.iter().zip(others).for_each(|(&d, i)| j[d] = i);
            for &d in &given {
                let (shape, values) = list[d].as_ref().unwrap_or_else(|| unreachable!("given"));
                let skip = common.len() - shape.len();
                let at = shape
                    .iter()
                    .zip(&chosen[skip..])
                    .fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i });
                let value = values[at];
                j[d] = (if value < 0 { value + r.shape[d] as i64 } else { value }) as usize;
            }
            j
        })))
    }

    pub(super) fn index_tensors(&mut self, c: &mut Bytes, x: &Tensor, r: &View) {
        let (tensors, list) = State::positions(c);
        let refs: Vec<Option<&Tensor>> = tensors.iter().map(Option::as_ref).collect();
        let got = try_call(|| x.index(&refs)).map_err(|error| error.to_string());
        let call = format!("index {list:?}");
        match State::picked(r, &list) {
            // No index at all gives the tensor itself.
            Some(want) if list.iter().all(Option::is_none) => self.outcome(call, got, want),
            Some(want) => self.copied(call, got, want),
            None => self.calls.push(call),
        }
    }

    /// Writes, and looks at every tensor afterwards.
    pub(super) fn write(&mut self, c: &mut Bytes, x: &Tensor, r: &View) {
        let value = c.int() as i64 % 1000;
        let kind = c.below(5);
        // (the call, whether it worked, what is written: positions and values, or none if it must be refused)
        let (call, done, want): (String, bool, Option<Vec<(usize, i64)>>) = match kind {
            0 => {
                let all = r.at.iter().map(|&at| (at, value)).collect();
                (format!("fill_ {value}"), try_call(|| x.fill_(value as f64)).is_ok(), Some(all))
            }
            1 => {
                let list: Vec<Index> = (0..1 + c.below(3)).map(|_| c.index()).collect();
                let done = try_call(|| at(x, &list).fill_(value as f64)).is_ok();
                let Some(part) = r.index(&list) else {
                    assert!(!done, "set {list:?}\nafter {}", self.calls.join("\n"));
                    return;
                };
                if self.refuses(&part) != Some(false) {
                    return self.refused(format!("set {list:?}"), done, &part);
                }
                (format!("set {list:?} {value}"), done, Some(part.at.iter().map(|&at| (at, value)).collect()))
            }
            2 if !r.overlaps() || r.repeats() => {
                let all =
                    r.at.iter().map(|&at| (at, self.memories[r.memory][at].wrapping_add(value))).collect();
                (format!("add_ {value}"), try_call(|| x.add_(value)).is_ok(), Some(all))
            }
            3 if !r.overlaps() || r.repeats() => {
                let (y, s) = self.tensors[c.below(self.tensors.len())].clone();
                let fits = s.ndim() <= r.ndim() && broadcast(&r.shape, &s.shape).as_ref() == Some(&r.shape);
                let sizes: Vec<isize> = r.shape.iter().map(|&n| n as isize).collect();
                let from = fits.then(|| s.expand(&sizes)).flatten();
                let all = from.map(|from| r.at.iter().copied().zip(self.values(&from)).collect());
                (format!("copy_ {:?}", s.shape), try_call(|| x.copy_(&y)).is_ok(), all)
            }
            4 if !r.overlaps() || r.repeats() => {
                let (tensors, list) = State::positions(c);
                let refs: Vec<Option<&Tensor>> = tensors.iter().map(Option::as_ref).collect();
                let add = c.below(2) == 1;
                let want = State::picked(r, &list);
                // Too many dimensions or elements: what is written would be lost to the reference.
                if want.as_ref().is_some_and(|part| part.as_ref().is_some_and(|part| !part.is_followed())) {
                    return;
                }
                let done = try_call(|| x.index_put_(&refs, &Tensor::scalar(value), add)).is_ok();
                let Some(want) = want else { return };
                let mut memory = self.memories[r.memory].clone();
                let write = |part: View| -> Vec<(usize, i64)> {
                    for &at in &part.at {
                        memory[at] = if add { memory[at].wrapping_add(value) } else { value };
                    }
                    part.at.iter().map(|&at| (at, memory[at])).collect()
                };
                (format!("index_put_ {list:?} {value} {add}"), done, want.map(write))
            }
            _ => return,
        };
        if kind != 1 && want.is_some() && self.refuses(r) != Some(false) {
            return self.refused(call, done, r);
        }
        self.calls.push(call);
        assert_eq!(done, want.is_some(), "after {}", self.calls.join("\n"));
        for (at, value) in want.into_iter().flatten() {
            self.memories[r.memory][at] = value;
        }
        self.tensors.iter().for_each(|(x, view)| self.check(x, view));
    }

    /// Whether a write into this view is refused; none where it has no elements, and nothing is to be seen.
    fn refuses(&self, r: &View) -> Option<bool> {
        if r.at.is_empty() { None } else { Some(r.repeats()) }
    }

    fn refused(&mut self, call: String, done: bool, r: &View) {
        self.calls.push(call);
        assert!(!done || r.at.is_empty(), "a write into {r:?}\nafter {}", self.calls.join("\n"));
        self.tensors.iter().for_each(|(x, view)| self.check(x, view));
    }
}
