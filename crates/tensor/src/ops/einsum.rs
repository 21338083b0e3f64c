//! Sums of products in Einstein's notation.

use crate::door::Calls;
use crate::op::unwrap;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Error, Result, Tensor};

/// An index of an equation: a letter, or a dimension that `...` stands for, counted from the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Label {
    Ellipsis(std::cmp::Reverse<usize>),
    Letter(char),
}

/// A tensor whose dimensions have distinct labels.
struct Term {
    x: Tensor,
    labels: Vec<Label>,
}

fn wrong<T>(why: String) -> Result<T> {
    Err(Error::op("einsum", why))
}

/// The labels of one operand or of the result; `dots` is how many dimensions `...` stands for.
fn labels(subscripts: &str, dots: usize) -> Result<Vec<Label>> {
    let mut labels = Vec::new();
    let mut rest = subscripts;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            if labels.iter().any(|l| matches!(l, Label::Ellipsis(_))) {
                return wrong(format!("two ellipses in {subscripts:?}"));
            }
            labels.extend((0..dots).rev().map(|d| Label::Ellipsis(std::cmp::Reverse(d))));
            rest = after;
        } else if c.is_ascii_alphabetic() {
            labels.push(Label::Letter(c));
            rest = &rest[1..];
        } else {
            return wrong(format!("{c:?} in {subscripts:?}; subscripts are letters and \"...\""));
        }
    }
    Ok(labels)
}

/// How many dimensions `...` stands for in an operand.
fn dots(subscripts: &str, x: &Tensor) -> Result<usize> {
    let letters = subscripts.chars().filter(char::is_ascii_alphabetic).count();
    match x.ndim().checked_sub(letters) {
        Some(left) if left == 0 || subscripts.contains("...") => Ok(left),
        _ => wrong(format!("the subscripts {subscripts:?} for an operand of shape {:?}", x.shape())),
    }
}

impl Term {
    /// Labels an operand; a label that comes twice takes the diagonal.
    fn new(x: &Tensor, labels: &[Label]) -> Result<Term> {
        let mut term = Term { x: x.clone(), labels: Vec::new() };
        for (d, &label) in labels.iter().enumerate() {
            // Dimensions already merged have moved this one to the front of the rest.
            let at = term.labels.len();
            let Some(first) = term.labels.iter().position(|&l| l == label) else {
                term.labels.push(label);
                continue;
            };
            let (n, m) = (term.x.shape()[first], term.x.shape()[at]);
            if n != m {
                return wrong(format!(
                    "{:?} repeats an index over sizes {n} and {m} (dimension {d})",
                    x.shape()
                ));
            }
            let order = [first, at].into_iter().chain((0..term.x.ndim()).filter(|&i| i != first && i != at));
            let front = term.x.permute(order.collect::<Vec<_>>());
            let mut shape = vec![n.saturating_mul(n)];
            shape.extend(&front.shape()[2..]);
            // In a row of all pairs, the equal ones are evenly spaced.
            let diagonal = front.reshape(shape).slice(0, 0, isize::MAX, n + 1);
            let back = (1..=first).chain([0]).chain(first + 1..diagonal.ndim());
            term.x = diagonal.permute(back.collect::<Vec<_>>());
        }
        Ok(term)
    }

    fn size(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&l| l == label).map(|d| self.x.shape()[d])
    }

    /// Sums over the labels that `keep` refuses.
    fn sum(self, keep: impl Fn(Label) -> bool) -> Term {
        let dims: Vec<usize> = (0..self.labels.len()).filter(|&d| !keep(self.labels[d])).collect();
        if dims.is_empty() {
            return self;
        }
        let x = self.x.sum_dim(dims, false);
        Term { x, labels: self.labels.into_iter().filter(|&l| keep(l)).collect() }
    }

    /// Removes dimensions of size 1, which broadcast.
    fn squeeze(self) -> Term {
        let kept = |d: &usize| self.x.shape()[*d] != 1;
        let dims: Vec<usize> = (0..self.labels.len()).filter(kept).collect();
        let shape: Vec<usize> = dims.iter().map(|&d| self.x.shape()[d]).collect();
        Term { x: self.x.reshape(shape), labels: dims.iter().map(|&d| self.labels[d]).collect() }
    }

    /// The dimensions in this order; those that are missing with size 1.
    fn arrange(&self, labels: &[Label]) -> Tensor {
        let present =
            labels.iter().filter_map(|l| self.labels.iter().position(|m| m == l)).collect::<Vec<_>>();
        let shape: Vec<usize> = labels.iter().map(|&l| self.size(l).unwrap_or(1)).collect();
        self.x.permute(present).reshape(shape)
    }
}

/// The product of two terms, summed over what is in both and not kept: a batched matrix product.
fn multiply(a: Term, b: Term, keep: impl Fn(Label) -> bool + Copy) -> Result<Term> {
    let (a_has, b_has) = (a.labels.clone(), b.labels.clone());
    // Sums of small integers are i64, the product has the operands' dtype.
    let factor = |of: Term, others: &[Label]| {
        let dtype = of.x.dtype();
        let sum = of.sum(|l| keep(l) || others.contains(&l));
        Term { x: sum.x.to_dtype(dtype), ..sum }
    };
    let (a, b) = (factor(a, &b_has), factor(b, &a_has));
    let pick = |of: &Term, f: &dyn Fn(Label) -> bool| {
        of.labels.iter().copied().filter(|&l| f(l)).collect::<Vec<_>>()
    };
    let batch = pick(&a, &|l| b_has.contains(&l) && keep(l));
    let summed = pick(&a, &|l| b_has.contains(&l) && !keep(l));
    let left = pick(&a, &|l| !b_has.contains(&l));
    let right = pick(&b, &|l| !a_has.contains(&l));
    let sizes = |t: &Term, of: &[Label]| of.iter().map(|&l| t.size(l).unwrap_or(1)).collect::<Vec<_>>();
    for &l in batch.iter().chain(&summed) {
        if a.size(l) != b.size(l) {
            let name = match l {
                Label::Letter(letter) => letter.to_string(),
                Label::Ellipsis(_) => "...".to_owned(),
            };
            let (shapes, sizes) =
                ([a.x.shape(), b.x.shape()], [a.size(l), b.size(l)].map(|n| n.unwrap_or(1)));
            return wrong(format!(
                "the index {name} runs over sizes {} and {} in operands of shapes {:?} and {:?}; transpose one, or use \
                 two letters",
                sizes[0], sizes[1], shapes[0], shapes[1]
            ));
        }
    }
    let [nb, nl, ns] =
        [&batch, &left, &summed].map(|of| sizes(&a, of).into_iter().fold(1, usize::saturating_mul));
    let nr = sizes(&b, &right).into_iter().fold(1, usize::saturating_mul);
    let rows = a.arrange(&[&batch[..], &left, &summed].concat()).reshape([nb, nl, ns]);
    let columns = b.arrange(&[&batch[..], &summed, &right].concat()).reshape([nb, ns, nr]);
    let shape = [sizes(&a, &batch), sizes(&a, &left), sizes(&b, &right)].concat();
    Ok(Term { x: rows.matmul(&columns).reshape(shape), labels: [batch, left, right].concat() })
}

fn einsum(equation: &str, operands: &[Tensor]) -> Result<Tensor> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match equation.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (&equation[..], None),
    };
    let inputs: Vec<&str> = inputs.split(',').collect();
    if inputs.len() != operands.len() {
        return wrong(format!("{equation:?} is for {} operands, not {}", inputs.len(), operands.len()));
    }
    let mut terms = Vec::new();
    let (mut seen, mut widest) = (Vec::new(), 0);
    for (subscripts, x) in inputs.iter().zip(operands) {
        let dots = dots(subscripts, x)?;
        widest = widest.max(dots);
        let labels = labels(subscripts, dots)?;
        terms.push(Term::new(x, &labels)?);
        seen.extend(labels);
    }
    let output = match output {
        Some(output) => labels(output, widest)?,
        // Dimensions of the ellipsis, then letters that come once, in alphabetical order.
        None => {
            let once =
                |l: &Label| matches!(l, Label::Ellipsis(_)) || seen.iter().filter(|&m| m == l).count() == 1;
            let mut output: Vec<Label> = seen.iter().copied().filter(once).collect();
            output.sort_unstable();
            output.dedup();
            output
        }
    };
    for (i, l) in output.iter().enumerate() {
        if !seen.contains(l) || output[..i].contains(l) {
            return wrong(format!("{l:?} of the result of {equation:?} appears twice, or in no operand"));
        }
    }
    let mut left = terms.into_iter().map(Term::squeeze).collect::<Vec<_>>().into_iter();
    let Some(mut product) = left.next() else { return wrong("no operands".into()) };
    while let Some(next) = left.next() {
        let later = left.as_slice();
        product =
            multiply(product, next, |l| output.contains(&l) || later.iter().any(|t| t.labels.contains(&l)))?;
    }
    Ok(product.sum(|l| output.contains(&l)).arrange(&output))
}

impl Tensor {
    /// Sums of products: each operand's dimensions are named by letters, those that the result does not name are summed
    /// over. `"ij,jk->ik"` is the matrix product, `"ii->i"` the diagonal, `"...ij->...ji"` a transposition; without `->`
    /// the result has the letters that come once, in alphabetical order. Contracted from left to right; dimensions of
    /// size 1 broadcast.
    /// [`torch.einsum`](https://docs.pytorch.org/docs/stable/generated/torch.einsum.html).
    ///
    /// # Panics
    /// If the equation is malformed or does not fit the operands, or their dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let (a, b) = (tensor![[1.0, 2.0], [3.0, 4.0]], tensor![1.0, 1.0]);
    /// assert_eq!(Tensor::einsum("ij,j->i", &[a, b]).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[Tensor]) -> Tensor {
        unwrap(einsum(equation, operands))
    }
}

pub(crate) const CALLS: Calls = &[("einsum", |a| {
    let (equation, operands): (&str, Vec<Tensor>) = (a.get("equation")?, a.rest("operands")?);
    a.done(Tensor::einsum(equation, &operands))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let two = |a: &[usize], b: &[usize]| [normal(0, a), normal(1, b)];
    macro_rules! cases {
        ($($equation:literal, $names:literal, $inputs:expr;)*) => {
            vec![$(sample(concat!("torch.einsum('", $equation, "', ", $names, ")"), $inputs, |x| Tensor::einsum($equation, x))),*]
        };
    }
    cases! {
        "i->", "x0", [normal(0, &[4])];
        "iji->j", "x0", [normal(1, &[3, 2, 3])];
        "iijj->ij", "x0", [normal(2, &[2, 2, 3, 3])];
        "ij->ji", "x0", [normal(3, &[2, 3])];
        "ij,jk", "x0, x1", two(&[2, 3], &[3, 4]);
        "ba , ca -> cb", "x0, x1", two(&[2, 3], &[4, 3]);
        "ijk,ik->j", "x0, x1", two(&[2, 3, 4], &[2, 4]);
        "...ij,...j->...i", "x0, x1", two(&[2, 1, 3, 4], &[5, 4]);
        "i...,i...->...", "x0, x1", two(&[2, 3, 1], &[2, 4]);
        "ij,jk->k", "x0, x1", two(&[2, 1], &[3, 2]);
        "i,j,ij->", "x0, x1, x2", [normal(4, &[2]), normal(5, &[3]), normal(6, &[2, 3])];
        "ij,jk->ik", "x0, x1", [integers(7, 9, &[2, 3]), integers(8, 9, &[3, 2])];
    }
}
