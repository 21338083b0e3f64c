//! Programs of views, copies and writes, read from bytes, run on tensors and on a naive reference: every result must be
//! the reference's, every call that it refuses an error, and no call a panic. The fuzz target (`fuzz/`) finds the
//! bytes by what code they reach, `tests/layout.rs` takes random ones.

mod reference;
mod writes;

use flambeau_tensor::{DType, Index, Tensor, try_call};
use reference::{View, dim, dims, indices, numel};

/// Bytes to choose by; zeros after the end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    fn below(&mut self, n: usize) -> usize {
        self.byte() as usize % n.max(1)
    }

    /// Mostly small numbers around 0, now and then one that overflows.
    fn int(&mut self) -> isize {
        match self.byte() {
            252.. => [isize::MIN, isize::MAX, 1 << 40, -(1 << 40)][self.below(4)],
            b => (b % 12) as isize - 5,
        }
    }

    fn size(&mut self) -> usize {
        match self.byte() {
            252.. => [usize::MAX, isize::MAX as usize, 1 << 62, 1 << 33][self.below(4)],
            b => (b % 7) as usize,
        }
    }

    fn ints(&mut self, n: usize) -> Vec<isize> {
        (0..n).map(|_| self.int()).collect()
    }

    /// What indexes a dimension.
    fn index(&mut self) -> Index {
        match self.below(6) {
            0 => Index::Range(None, None),
            1 => (..=self.int()).into(),
            2 => (self.int()..=self.int()).into(),
            3 => Index::Range(Some(self.int()), Some(self.int())),
            4 => Index::Range(Some(self.int()), None),
            _ => Index::Position(self.int()),
        }
    }
}

/// `x.i` with a list.
fn at(x: &Tensor, list: &[Index]) -> Tensor {
    match list.to_vec().as_slice() {
        [a] => x.i(a.clone()),
        [a, b] => x.i((a.clone(), b.clone())),
        [a, b, c] => x.i((a.clone(), b.clone(), c.clone())),
        [a, b, c, d, ..] => x.i((a.clone(), b.clone(), c.clone(), d.clone())),
        [] => x.clone(),
    }
}

/// The tensors of a program, and what they must be.
struct State {
    tensors: Vec<(Tensor, View)>,
    memories: Vec<Vec<i64>>,
    /// The calls, for messages.
    calls: Vec<String>,
}

/// Runs the program that the bytes say, and panics where a tensor is not what it must be.
pub(crate) fn run(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let shape: Vec<usize> = (0..bytes.below(5)).map(|_| bytes.below(6)).collect();
    let mut state = State { tensors: Vec::new(), memories: Vec::new(), calls: vec![format!("{shape:?}")] };
    let n = numel(&shape) as i64;
    let values: Vec<i64> = (0..n).map(|i| 10 * i + 1).collect();
    state.own(Tensor::from_vec(values.clone(), shape.clone()), shape, values);
    let mut calls = 0;
    while !bytes.0.is_empty() && calls < 40 {
        state.step(&mut bytes);
        calls += 1;
    }
}

impl State {
    /// A tensor of its own memory.
    fn own(&mut self, x: Tensor, shape: Vec<usize>, values: Vec<i64>) {
        self.memories.push(values.clone());
        let view = View { shape, at: (0..values.len()).collect(), memory: self.memories.len() - 1 };
        self.keep(x, view);
    }

    fn values(&self, view: &View) -> Vec<i64> {
        view.at.iter().map(|&at| self.memories[view.memory][at]).collect()
    }

    fn check(&self, x: &Tensor, view: &View) {
        let (got, want) = (x.to_vec::<i64>(), self.values(view));
        assert!(
            x.shape() == view.shape && got == want,
            "{:?} {got:?}, the reference {:?} {want:?}\nafter {}",
            x.shape(),
            view.shape,
            self.calls.join("\n")
        );
    }

    /// Checks a tensor and keeps it, in the place of an older one if there are many.
    fn keep(&mut self, x: Tensor, view: View) {
        self.check(&x, &view);
        if self.tensors.len() >= 5 {
            self.tensors.remove(1);
        }
        self.tensors.push((x, view));
    }

    /// Compares a call with what the reference says of it.
    fn outcome(&mut self, call: String, got: Result<Tensor, String>, want: Option<View>) {
        self.calls.push(call);
        let said = want.as_ref().map(|view| &view.shape);
        assert!(
            got.is_ok() == want.is_some() || want.as_ref().is_some_and(|view| !view.is_followed()),
            "{got:?}, the reference {said:?}\nafter {}",
            self.calls.join("\n")
        );
        if let (Ok(x), Some(view)) = (got, want)
            && view.is_followed()
        {
            self.keep(x, view);
        }
    }

    fn step(&mut self, c: &mut Bytes) {
        let (x, r) = self.tensors[c.below(self.tensors.len())].clone();
        let run = |f: &dyn Fn() -> Tensor| try_call(f).map_err(|error| error.to_string());
        match c.below(24) {
            0 => {
                // Half of them orders, the rest anything.
                let mut order: Vec<isize> = (0..r.ndim() as isize).collect();
                match c.below(2) {
                    0 => (0..order.len()).for_each(|i| order.swap(i, c.below(r.ndim()))),
                    _ => order = c.ints(r.ndim()),
                }
                self.outcome(format!("permute {order:?}"), run(&|| x.permute(&order[..])), r.permute(&order));
            }
            1 => {
                let (a, b) = (c.int(), c.int());
                self.outcome(format!("transpose {a} {b}"), run(&|| x.transpose(a, b)), r.transpose(a, b));
            }
            2 => {
                let (a, b) = (c.int(), c.int());
                self.outcome(format!("movedim {a} {b}"), run(&|| x.movedim(a, b)), r.movedim(a, b));
            }
            3 => {
                let (d, start, len) = (c.int(), c.size(), c.size());
                let got = run(&|| x.narrow(d, start, len));
                self.outcome(format!("narrow {d} {start} {len}"), got, r.narrow(d, start, len));
            }
            4 => {
                let (d, start, end, step) = (c.int(), c.int(), c.int(), c.size());
                let got = run(&|| x.slice(d, start, end, step));
                self.outcome(format!("slice {d} {start} {end} {step}"), got, r.slice(d, start, end, step));
            }
            5 => {
                let (d, at) = (c.int(), c.int());
                self.outcome(format!("select {d} {at}"), run(&|| x.select(d, at)), r.select(d, at));
            }
            6 => {
                let d = c.int();
                self.outcome(format!("unsqueeze {d}"), run(&|| x.unsqueeze(d)), r.unsqueeze(d));
            }
            7 => {
                let n = c.below(3);
                let list = c.ints(n);
                self.outcome(format!("squeeze {list:?}"), run(&|| x.squeeze(&list[..])), r.squeeze(&list));
            }
            8 => {
                // Sizes that fit, or nearly.
                let mut sizes: Vec<isize> = (0..c.below(3)).map(|_| c.int()).collect();
                for &size in &r.shape {
                    sizes.push(match c.below(8) {
                        0 => -1,
                        1 => c.int(),
                        _ if size == 1 => c.size().min(1 << 40) as isize,
                        _ => size as isize,
                    });
                }
                self.outcome(format!("expand {sizes:?}"), run(&|| x.expand(&sizes[..])), r.expand(&sizes));
            }
            9 => {
                let (offset, a, b) = (c.int(), c.int(), c.int());
                let got = run(&|| x.diagonal(offset, a, b));
                self.outcome(format!("diagonal {offset} {a} {b}"), got, r.diagonal(offset, a, b));
            }
            10 => {
                let (d, size, step) = (c.int(), c.size(), c.size());
                let got = run(&|| x.unfold(d, size, step));
                self.outcome(format!("unfold {d} {size} {step}"), got, r.unfold(d, size, step));
            }
            11 => {
                let sizes = self.sizes(c, &r);
                let want = r.reshape(&sizes).filter(View::has_strides);
                self.outcome(format!("view {sizes:?}"), run(&|| x.view_as_shape(&sizes[..])), want);
            }
            12 => {
                let sizes = self.sizes(c, &r);
                let want = r.reshape(&sizes);
                self.reshaped(format!("reshape {sizes:?}"), run(&|| x.reshape(&sizes[..])), want);
            }
            13 => {
                let (start, end) = (c.int(), c.int());
                let want = r.flatten(start, end);
                self.reshaped(format!("flatten {start} {end}"), run(&|| x.flatten(start, end)), want);
            }
            14 | 15 => {
                let list: Vec<Index> = (0..1 + c.below(4)).map(|_| c.index()).collect();
                self.outcome(format!("i {list:?}"), run(&|| at(&x, &list)), r.index(&list));
            }
            16 => self.index_tensors(c, &x, &r),
            17 => {
                let (d, n) = (c.int(), c.below(5));
                let list = c.ints(n);
                let index = Tensor::from_vec(list.iter().map(|&i| i as i64).collect(), [n]);
                let size = |d: usize| r.shape.get(d).copied().unwrap_or(1);
                let d_ = dim(d, r.ndim()).filter(|&d| {
                    list.iter().all(|&i| (0..size(d) as isize).contains(&i)) && (r.ndim() > 0 || n == 1)
                });
                let want = d_.map(|d| {
                    let mut shape = r.shape.clone();
                    shape.iter_mut().skip(d).take(1).for_each(|size| *size = n);
                    r.map(shape, |i| {
                        let mut j = i.to_vec();
                        j.iter_mut().skip(d).take(1).for_each(|j| *j = list[*j] as usize);
                        j
                    })
                });
                self.copied(format!("index_select {d} {list:?}"), run(&|| x.index_select(d, &index)), want);
            }
            18 => {
                let n = c.below(3);
                let list = c.ints(n);
                let want = dims(&list, r.ndim()).map(|flipped| {
                    r.map(r.shape.clone(), |i| {
                        let flip = |(d, &i): (usize, &usize)| {
                            if flipped.contains(&d) { r.shape[d] - 1 - i } else { i }
                        };
                        i.iter().enumerate().map(flip).collect()
                    })
                });
                self.copied(format!("flip {list:?}"), run(&|| x.flip(&list[..])), want);
            }
            19 => {
                let (d, other) = (c.int(), c.below(self.tensors.len()));
                self.cat(d, (&x, &r), other);
            }
            20 => self.compute(c, &x, &r),
            _ => self.write(c, &x, &r),
        }
    }

    /// Sizes of a shape that is likely to fit.
    fn sizes(&self, c: &mut Bytes, r: &View) -> Vec<isize> {
        if c.below(4) == 0 {
            let n = c.below(5);
            return c.ints(n);
        }
        let (mut left, mut sizes) = (r.at.len(), Vec::new());
        for _ in 0..c.below(4) {
            let size = 1 + c.below(6);
            if left.is_multiple_of(size) {
                sizes.push(size as isize);
                left /= size;
            }
        }
        sizes.insert(c.below(sizes.len() + 1), if c.below(3) == 0 { -1 } else { left as isize });
        sizes
    }

    /// A view if strides allow one, else a copy.
    fn reshaped(&mut self, call: String, got: Result<Tensor, String>, want: Option<View>) {
        match want {
            Some(view) if !view.has_strides() => self.copied(call, got, Some(view)),
            want => self.outcome(call, got, want),
        }
    }

    /// A tensor of its own, with a view's values: dense, in whichever order of the dimensions.
    fn copied(&mut self, call: String, got: Result<Tensor, String>, want: Option<View>) {
        let (Ok(x), Some(view)) = (&got, &want) else { return self.outcome(call, got, want) };
        if !view.is_followed() {
            return;
        }
        let values = self.values(view);
        let place = |i: Vec<usize>| i.iter().zip(x.strides()).map(|(i, s)| i * s).sum();
        let at: Vec<usize> = indices(&view.shape).map(place).collect();
        let mut memory = vec![None; values.len()];
        for (&at, value) in at.iter().zip(values) {
            let place = memory.get_mut(at).filter(|place| place.is_none());
            *place.unwrap_or_else(|| panic!("{call} is not dense after {}", self.calls.join("\n"))) =
                Some(value);
        }
        self.memories.push(memory.into_iter().flatten().collect());
        let view = View { shape: view.shape.clone(), at, memory: self.memories.len() - 1 };
        self.outcome(call, got, Some(view));
    }

    fn cat(&mut self, d: isize, (x, r): (&Tensor, &View), other: usize) {
        let (y, s) = self.tensors[other].clone();
        let fits = dim(d, r.ndim()).filter(|&d| {
            let rest = |v: &View| [&v.shape[..d], &v.shape[(d + 1).min(v.ndim())..]].concat();
            r.ndim() > 0
                && r.ndim() == s.ndim()
                && rest(r) == rest(&s)
                && r.shape[d].checked_add(s.shape[d]).is_some_and(|n| n <= isize::MAX as usize)
        });
        // Flat tensors without elements join with anything, as in PyTorch: a rule of its own.
        if r.shape == [0] || s.shape == [0] || r.at.len() + s.at.len() > 2000 {
            return;
        }
        let got = try_call(|| Tensor::cat(&[x.clone(), y], d)).map_err(|error| error.to_string());
        self.calls.push(format!("cat {d} with {:?}", s.shape));
        assert_eq!(got.is_ok(), fits.is_some(), "{got:?}\nafter {}", self.calls.join("\n"));
        if let (Ok(y), Some(d)) = (got, fits) {
            let (first, second) = (self.values(r), self.values(&s));
            let mut shape = r.shape.clone();
            shape[d] += s.shape[d];
            let flat = |v: &View, i: &[usize]| i.iter().zip(&v.shape).fold(0, |at, (&i, &n)| at * n + i);
            let value = |i: Vec<usize>| {
                let Some(over) = i[d].checked_sub(r.shape[d]) else { return first[flat(r, &i)] };
                let mut i = i;
                i[d] = over;
                second[flat(&s, &i)]
            };
            let values = indices(&shape).map(value).collect();
            self.own(y, shape, values);
        }
    }

    /// Loops over strides must give what loops over dense memory give.
    fn compute(&mut self, c: &mut Bytes, x: &Tensor, r: &View) {
        let values = self.values(r);
        let dense = Tensor::from_vec(values.clone(), r.shape.clone());
        let calls = self.calls.join("\n");
        let tripled: Vec<i64> = values.iter().map(|v| v.wrapping_mul(3)).collect();
        assert_eq!((x * 2 + x).to_vec::<i64>(), tripled, "x * 2 + x\nafter {calls}");
        assert_eq!(
            x.to_dtype(DType::F64).to_vec::<f64>(),
            dense.to_dtype(DType::F64).to_vec::<f64>(),
            "{calls}"
        );
        assert_eq!(x.sum().item::<i64>(), values.iter().fold(0, |a: i64, &b| a.wrapping_add(b)), "{calls}");
        // Nothing at all can be of any size, which a sum over the empty dimension would have to hold.
        let small = r.shape.iter().try_fold(1usize, |n, &s| n.checked_mul(s.max(1)));
        if r.ndim() > 0 && small.is_some_and(|n| n < 1 << 20) {
            let d = c.below(r.ndim()) as isize;
            assert_eq!(x.sum_dim(d, true).to_vec::<i64>(), dense.sum_dim(d, true).to_vec::<i64>(), "{calls}");
            assert_eq!(x.cumsum(d).to_vec::<i64>(), dense.cumsum(d).to_vec::<i64>(), "{calls}");
        }
    }
}
