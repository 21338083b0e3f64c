//! How a tensor prints: the text of PyTorch's `print(tensor)` under its default print options, as a pure function
//! of the shape, the values and what stands after them. Specified by `torch/_tensor_str.py`.

use flambeau_kernels::strided::numel;

/// Digits after the point.
const PRECISION: usize = 4;
/// Tensors of more elements are summarised.
const THRESHOLD: usize = 1000;
/// Items shown at each end of a dimension in a summary.
const EDGE_ITEMS: usize = 3;
/// Columns of a line.
const LINE_WIDTH: usize = 80;
/// What stands before the values.
const PREFIX: &str = "tensor(";

/// The values that will be shown, in row-major order (see [`shown`]).
pub(crate) enum Values<'a> {
    /// Any floating-point type, widened.
    Float(&'a [f64]),
    /// Any integer type, widened.
    Int(&'a [i64]),
    /// Truth values.
    Bool(&'a [bool]),
}

/// What PyTorch prints for a tensor of this shape.
///
/// `suffixes` come after the values in PyTorch's order: device, dtype (where it is not the default one of its kind),
/// `grad_fn` or `requires_grad`. What only a tensor without elements shows (its size, and the dtype of i64 and bool)
/// is added here.
///
/// # Panics
/// If the shape asks for more values than there are.
pub(crate) fn format_tensor(shape: &[usize], values: &Values, suffixes: &[String]) -> String {
    let mut out = String::from(PREFIX);
    let mut suffixes = suffixes.to_vec();
    let count = numel(shape);
    if count == 0 {
        out.push_str("[]");
        add_empty_suffixes(shape, values, &mut suffixes);
    } else {
        let summarize = count > THRESHOLD;
        let mut printer = Printer { values, style: Style::new(values), summarize, next: 0 };
        printer.write(shape, PREFIX.len(), &mut out);
    }
    add_suffixes(&mut out, &suffixes);
    out
}

/// The size of an empty tensor unless it is the plain (0,), and its dtype unless it is the default one.
fn add_empty_suffixes(shape: &[usize], values: &Values, suffixes: &mut Vec<String>) {
    let mut at = suffixes.iter().take_while(|suffix| suffix.starts_with("device=")).count();
    if shape.len() != 1 {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        suffixes.insert(at, format!("size=({})", sizes.join(", ")));
        at += 1;
    }
    let dtype = match values {
        Values::Float(_) => return,
        Values::Int(_) => "dtype=torch.int64",
        Values::Bool(_) => "dtype=torch.bool",
    };
    if !suffixes.iter().any(|suffix| suffix.starts_with("dtype=")) {
        suffixes.insert(at, dtype.to_string());
    }
}

/// Appends the suffixes, each on the current line if it fits there, and the closing parenthesis.
fn add_suffixes(out: &mut String, suffixes: &[String]) {
    // PyTorch counts two columns more than the line has, and so breaks it a little early.
    let mut column = match out.rfind('\n') {
        Some(newline) => out.len() - newline + 1,
        None => out.len() + 2,
    };
    for suffix in suffixes {
        if column + suffix.len() + 2 > LINE_WIDTH {
            out.push_str(",\n");
            out.push_str(&" ".repeat(PREFIX.len()));
            column = PREFIX.len() + suffix.len();
        } else {
            out.push_str(", ");
            column += suffix.len() + 2;
        }
        out.push_str(suffix);
    }
    out.push(')');
}

/// Indices along a dimension that a summary shows, and whether it leaves any out after the first `EDGE_ITEMS`.
fn shown_indices(size: usize, summarize: bool) -> (impl Iterator<Item = usize>, bool) {
    let cut = summarize && size > 2 * EDGE_ITEMS;
    let (head, tail) = if cut { (EDGE_ITEMS, size - EDGE_ITEMS) } else { (size, size) };
    ((0..head).chain(tail..size), cut)
}

/// Where the values that will be shown are in a tensor's memory, in row-major order: the ends of each dimension if there
/// are many, so that printing a large tensor does not read it.
pub(crate) fn shown(shape: &[usize], strides: &[usize], offset: usize) -> Vec<usize> {
    let mut at = vec![offset];
    if numel(shape) == 0 {
        return Vec::new();
    }
    for (&size, &stride) in shape.iter().zip(strides) {
        let indices: Vec<usize> = shown_indices(size, numel(shape) > THRESHOLD).0.collect();
        at = at.iter().flat_map(|at| indices.iter().map(move |i| at + i * stride)).collect();
    }
    at
}

/// How the values are written.
enum Notation {
    /// Integers and truth values: as they are.
    Plain,
    /// Floats that are all whole: `1.`
    Whole,
    /// `1.5000`
    Fixed,
    /// `1.5000e+00`
    Scientific,
}

/// A notation, and the width to which every value is padded on the left.
struct Style {
    notation: Notation,
    width: usize,
}

impl Style {
    /// The style for the values shown. The width of a float's column ignores zeros, infinities and NaNs.
    fn new(values: &Values) -> Self {
        let (notation, counted): (_, Vec<usize>) = match values {
            Values::Float(values) => {
                let counts = |i: &usize| values[*i].is_finite() && values[*i] != 0.0;
                let counted: Vec<usize> = (0..values.len()).filter(counts).collect();
                (notation_of(counted.iter().map(|&i| values[i])), counted)
            }
            Values::Int(values) => (Notation::Plain, (0..values.len()).collect()),
            Values::Bool(values) => (Notation::Plain, (0..values.len()).collect()),
        };
        let mut style = Self { notation, width: 1 };
        style.width = counted.iter().map(|&i| style.text(values, i).len()).fold(1, usize::max);
        style
    }

    /// One value, unpadded.
    fn text(&self, values: &Values, i: usize) -> String {
        match values {
            Values::Float(values) => self.float(values[i]),
            Values::Int(values) => values[i].to_string(),
            Values::Bool(values) => if values[i] { "True" } else { "False" }.to_string(),
        }
    }

    /// A float as Python's `format` writes it.
    fn float(&self, value: f64) -> String {
        if value.is_nan() {
            return "nan".to_string();
        }
        if value.is_infinite() {
            return if value > 0.0 { "inf" } else { "-inf" }.to_string();
        }
        match self.notation {
            Notation::Plain | Notation::Whole => format!("{value:.0}."),
            Notation::Fixed => format!("{value:.PRECISION$}"),
            Notation::Scientific => {
                // Rust writes the exponent 5 as "e5", Python as "e+05".
                let text = format!("{value:.PRECISION$e}");
                let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
                format!("{digits}e{sign}{exponent:0>2}")
            }
        }
    }
}

/// The notation for floats that are neither zero, infinite nor NaN.
fn notation_of(values: impl Iterator<Item = f64> + Clone) -> Notation {
    let sizes = values.map(f64::abs);
    let whole = sizes.clone().all(|size| size == size.ceil());
    let (min, max) = sizes.fold((f64::INFINITY, 0.0f64), |(min, max), size| (min.min(size), max.max(size)));
    // Without values these comparisons are all false.
    if max / min > 1000.0 || max > 1e8 || min < 1e-4 {
        Notation::Scientific
    } else if whole {
        Notation::Whole
    } else {
        Notation::Fixed
    }
}

/// Writes nested brackets.
struct Printer<'a> {
    values: &'a Values<'a>,
    style: Style,
    summarize: bool,
    /// How many values have been written.
    next: usize,
}

impl Printer<'_> {
    /// Writes the next part, of the given shape, which begins at column `indent`.
    fn write(&mut self, shape: &[usize], indent: usize, out: &mut String) {
        let (size, inner) = match shape {
            [] => return self.write_value(out),
            [size] => return self.write_row(*size, indent, out),
            [size, inner @ ..] => (*size, inner),
        };
        let separator = format!(",{}{}", "\n".repeat(inner.len()), " ".repeat(indent + 1));
        let (indices, cut) = shown_indices(size, self.summarize);
        out.push('[');
        for (position, _) in indices.enumerate() {
            if position > 0 {
                out.push_str(&separator);
            }
            if cut && position == EDGE_ITEMS {
                out.push_str("...");
                out.push_str(&separator);
            }
            self.write(inner, indent + 1, out);
        }
        out.push(']');
    }

    /// Writes one row, broken into lines of as many items as fit.
    fn write_row(&mut self, size: usize, indent: usize, out: &mut String) {
        let per_line = (LINE_WIDTH.saturating_sub(indent) / (self.style.width + 2)).max(1);
        let (indices, cut) = shown_indices(size, self.summarize);
        out.push('[');
        let mut items = 0;
        let mut separate = |out: &mut String| {
            if items > 0 && items % per_line == 0 {
                out.push_str(",\n");
                out.push_str(&" ".repeat(indent + 1));
            } else if items > 0 {
                out.push_str(", ");
            }
            items += 1;
        };
        for (position, _) in indices.enumerate() {
            if cut && position == EDGE_ITEMS {
                separate(out);
                out.push_str(" ...");
            }
            separate(out);
            self.write_value(out);
        }
        out.push(']');
    }

    fn write_value(&mut self, out: &mut String) {
        let text = self.style.text(self.values, self.next);
        self.next += 1;
        out.push_str(&" ".repeat(self.style.width.saturating_sub(text.len())));
        out.push_str(&text);
    }
}
