//! A model as a table: what each layer puts out, how much it learns, and what it costs.

mod cost;

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use flambeau_tensor::{Tensor, no_grad};

use crate::functional::MultiheadAttentionOptions;
use crate::module::walk::{Key, Members, walk};
use crate::{Forward, Module, Training, trace};

/// A table of a model's layers; print it with `{}`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// A row for each call of a module in the order of the calls, then one for each module with parameters that
    /// was not called.
    pub rows: Vec<SummaryRow>,
    /// Numbers in all parameters, each tensor counted once.
    pub parameters: usize,
    /// Those of them that training changes.
    pub trainable: usize,
    /// The multiply-adds of all rows.
    pub multiply_adds: u64,
    /// Bytes of all parameters.
    pub parameter_bytes: usize,
    /// Bytes of the outputs of all calls that call no module themselves: about what training keeps for the backward
    /// pass.
    pub output_bytes: usize,
}

/// One call of a module.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SummaryRow {
    /// The dotted path, such as `features.0`; empty for the model itself.
    pub path: String,
    /// The module's type.
    pub type_name: &'static str,
    /// How many calls it is within.
    pub depth: usize,
    /// The shape of each tensor that came out; empty for a module that was not called.
    pub output_shapes: Vec<Vec<usize>>,
    /// Numbers in its own parameters, less those of the modules within.
    pub parameters: usize,
    /// Those of them that training changes.
    pub trainable: usize,
    /// The multiply-adds of the call, less those of the modules that it calls: matrix products, convolutions, averages,
    /// and the scaling of norms. What is looked up, compared or works number by number counts as 0, and so does what a
    /// module of one's own computes besides its layers.
    pub multiply_adds: u64,
    /// Bytes of the tensors that came out.
    pub output_bytes: usize,
    /// Whether a row before this one is of the same module.
    pub repeated: bool,
}

impl SummaryRow {
    fn new(path: &str, depth: usize, module: &dyn Module, repeated: bool) -> Self {
        let own = Members::of(module).parameters;
        let (parameters, trainable) = count(own.iter().map(|(_, parameter)| &***parameter));
        let (path, type_name) = (path.to_owned(), module.type_name());
        let (output_shapes, multiply_adds, output_bytes) = (Vec::new(), 0, 0);
        SummaryRow {
            path,
            type_name,
            depth,
            output_shapes,
            parameters,
            trainable,
            multiply_adds,
            output_bytes,
            repeated,
        }
    }
}

/// Runs a model on zeros of a shape, in evaluation mode and without gradients, and tabulates its layers. The
/// shape counts the samples too: `[1, 784]` is one of 784 numbers. The mode of each module is then as before.
///
/// # Panics
/// When the model does not take that shape.
///
/// ```
/// use flambeau_nn::{Linear, ReLU, Sequential, summary};
///
/// let model = Sequential::new((Linear::new(784, 200), ReLU::default(), Linear::new(200, 10)));
/// let summary = summary(&model, &[1, 784]);
/// assert_eq!(summary.parameters, 784 * 200 + 200 + 200 * 10 + 10);
/// assert_eq!(summary.rows[3].output_shapes, [[1, 10]]);
/// let table = "\
/// Layer (type)  Output shape  Parameters  Trainable  Multiply-adds  Memory
/// ------------------------------------------------------------------------
/// Sequential    [1, 10]               --         --             --    40 B
///   0 (Linear)  [1, 200]         157,000    157,000        156,800   800 B
///   1 (ReLU)    [1, 200]              --         --             --   800 B
///   2 (Linear)  [1, 10]            2,010      2,010          2,000    40 B
/// ------------------------------------------------------------------------
/// Total parameters: 159,010
/// Trainable parameters: 159,010
/// Multiply-adds: 158,800
/// Memory: 621.1 KiB of parameters, 1.6 KiB of outputs
/// ";
/// assert_eq!(summary.to_string(), table);
/// ```
///
/// Why images have convolutions: a layer of 500 numbers that are connected with each of 28 × 28 pixels has 392,000
/// weights. One of 32 maps whose numbers see 3 × 3 pixels has 288, shared by all places, and gives more numbers.
///
/// ```
/// use flambeau_nn::{Conv2d, Flatten, Linear, Sequential, summary};
///
/// let dense = summary(&Sequential::new((Flatten::default(), Linear::new(784, 500).bias(false))), &[1, 1, 28, 28]);
/// assert_eq!((dense.parameters, dense.multiply_adds), (392_000, 392_000));
/// let convolution = summary(&Conv2d::new(1, 32, 3).padding(1).bias(false), &[1, 1, 28, 28]);
/// assert_eq!((convolution.parameters, convolution.multiply_adds), (288, 288 * 28 * 28));
/// // ⌊(size + 2 · padding - kernel) / stride⌋ + 1
/// assert_eq!(convolution.rows[0].output_shapes, [[1, 32, 28 + 2 - 3 + 1, 28]]);
/// ```
pub fn summary<O: 'static>(model: &(impl Forward<Tensor, O> + ?Sized), input_shape: &[usize]) -> Summary {
    summary_of(model, &Tensor::zeros(input_shape))
}

/// As [`summary`], on an input that is given: for models of several inputs, or of another dtype than `f32`.
///
/// # Panics
/// When the model does not take that input.
pub fn summary_of<I: 'static, O: 'static>(model: &(impl Forward<I, O> + ?Sized), input: &I) -> Summary {
    let collected = Rc::new(RefCell::new(Collector::default()));
    let collector = collected.clone();
    let observation = trace::observe(move |call| collector.borrow_mut().see(call));
    let modes = Modes::eval(model.as_module());
    no_grad(|| model.call(input));
    drop(modes);
    drop(observation);

    let Collector { mut rows, seen, .. } = collected.take();
    // A call of others is followed by a row of greater depth.
    let deeper = |index: usize| rows.get(index + 1).is_some_and(|next| next.depth > rows[index].depth);
    let leaves = (0..rows.len()).filter(|&index| !deeper(index));
    let output_bytes = leaves.map(|index| rows[index].output_bytes).sum();
    for (path, module) in model.named_modules() {
        if seen.contains(&Key::of(module)) {
            continue;
        }
        let depth = path.split('.').count();
        rows.extend(Some(SummaryRow::new(&path, depth, module, false)).filter(|row| row.parameters > 0));
    }
    let (parameters, trainable) = count(model.parameters().iter());
    let parameter_bytes = model.parameters().iter().map(bytes_of).sum();
    let multiply_adds = rows.iter().fold(0, |sum: u64, row| sum.saturating_add(row.multiply_adds));
    Summary { rows, parameters, trainable, multiply_adds, parameter_bytes, output_bytes }
}

#[derive(Default)]
struct Collector {
    rows: Vec<SummaryRow>,
    seen: HashSet<Key>,
    /// The rows of the calls that run.
    open: Vec<usize>,
}

impl Collector {
    fn see(&mut self, call: &trace::Call<'_>) {
        match call.output {
            None => {
                let repeated = !self.seen.insert(Key::of(call.module));
                self.open.push(self.rows.len());
                self.rows.push(SummaryRow::new(call.path, call.depth, call.module, repeated));
            }
            Some(output) => {
                if let Some(row) = self.open.pop().and_then(|row| self.rows.get_mut(row)) {
                    let tensors = tensors(output);
                    row.output_shapes = shapes(&tensors);
                    row.output_bytes = tensors.into_iter().map(bytes_of).sum();
                    let inputs = shapes(&self::tensors(call.input));
                    row.multiply_adds = cost::multiply_adds(call.module, &inputs, &row.output_shapes);
                }
            }
        }
    }
}

/// The tensors of an input or output of one of the usual types.
fn tensors(value: &dyn Any) -> Vec<&Tensor> {
    type Two = (Tensor, Tensor);
    type Attention = (Tensor, Tensor, Tensor, MultiheadAttentionOptions);
    if let Some(tensor) = value.downcast_ref::<Tensor>() {
        vec![tensor]
    } else if let Some((a, b)) = value.downcast_ref::<Two>() {
        vec![a, b]
    } else if let Some((a, b, c)) = value.downcast_ref::<(Tensor, Tensor, Tensor)>() {
        vec![a, b, c]
    } else if let Some((a, (b, c))) = value.downcast_ref::<(Tensor, Two)>() {
        vec![a, b, c]
    } else if let Some((a, b)) = value.downcast_ref::<(Tensor, Option<Tensor>)>() {
        std::iter::once(a).chain(b).collect()
    } else if let Some((a, b, c, _)) = value.downcast_ref::<Attention>() {
        vec![a, b, c]
    } else if let Some(tensors) = value.downcast_ref::<Vec<Tensor>>() {
        tensors.iter().collect()
    } else {
        Vec::new()
    }
}

fn shapes(tensors: &[&Tensor]) -> Vec<Vec<usize>> {
    tensors.iter().map(|tensor| tensor.shape().to_vec()).collect()
}

fn bytes_of(tensor: &Tensor) -> usize {
    tensor.numel().saturating_mul(tensor.dtype().size())
}

/// The mode of each module, restored when dropped.
struct Modes<'m>(Vec<(&'m Training, bool)>);

impl<'m> Modes<'m> {
    fn eval(model: &'m dyn Module) -> Self {
        let mut modes = Vec::new();
        walk(model, &mut |_, _, members| {
            modes.extend(members.training.iter().map(|training| (*training, training.get())));
        });
        modes.iter().for_each(|(training, _)| training.set(false));
        Modes(modes)
    }
}

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|(training, mode)| training.set(*mode));
    }
}

/// The numbers in some tensors, and in those of them that training changes.
fn count<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> (usize, usize) {
    tensors.fold((0, 0), |(all, trainable), tensor| {
        let numel = tensor.numel();
        (all + numel, if tensor.requires_grad() { trainable + numel } else { trainable })
    })
}

const HEADER: [&str; 6] =
    ["Layer (type)", "Output shape", "Parameters", "Trainable", "Multiply-adds", "Memory"];

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = HEADER.map(str::to_owned);
        let rows: Vec<[String; 6]> = self.rows.iter().map(cells).collect();
        let all = || std::iter::once(&header).chain(&rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3, 4, 5].map(width);
        let line = "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1));
        for (index, row) in all().enumerate() {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                match column {
                    0 => write!(f, "{cell:width$}")?,
                    1 => write!(f, "  {cell:width$}")?,
                    _ => write!(f, "  {cell:>width$}")?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                writeln!(f, "{line}")?;
            }
        }
        writeln!(f, "{line}")?;
        writeln!(f, "Total parameters: {}", thousands(self.parameters as u64))?;
        writeln!(f, "Trainable parameters: {}", thousands(self.trainable as u64))?;
        writeln!(f, "Multiply-adds: {}", thousands(self.multiply_adds))?;
        let [parameters, outputs] = [self.parameter_bytes, self.output_bytes].map(bytes);
        writeln!(f, "Memory: {parameters} of parameters, {outputs} of outputs")
    }
}

fn cells(row: &SummaryRow) -> [String; 6] {
    let name = match row.path.as_str() {
        "" => row.type_name.to_owned(),
        path => format!("{path} ({})", row.type_name),
    };
    let shapes: Vec<String> = row.output_shapes.iter().map(|shape| format!("{shape:?}")).collect();
    let number = |count| if count == 0 { "--".to_owned() } else { thousands(count) };
    let (parameters, trainable) = match row.repeated && row.parameters > 0 {
        true => ("(again)".to_owned(), "(again)".to_owned()),
        false => (number(row.parameters as u64), number(row.trainable as u64)),
    };
    let memory = if shapes.is_empty() { "--".to_owned() } else { bytes(row.output_bytes) };
    let shapes = if shapes.is_empty() { "--".to_owned() } else { shapes.join(", ") };
    let name = format!("{}{name}", "  ".repeat(row.depth));
    [name, shapes, parameters, trainable, number(row.multiply_adds), memory]
}

/// Bytes in the unit that fits: `800 B`, `1.5 KiB`.
fn bytes(count: usize) -> String {
    let (mut number, mut units) = (count as f64, ["B", "KiB", "MiB", "GiB"].into_iter());
    let mut unit = units.next().unwrap_or_default();
    while number >= 1024.0 {
        let Some(next) = units.next() else { break };
        (number, unit) = (number / 1024.0, next);
    }
    if unit == "B" { format!("{count} B") } else { format!("{number:.1} {unit}") }
}

/// With a comma after each three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
