//! A model as a table: what each layer puts out and how much it learns.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use flambeau_tensor::{Tensor, no_grad};

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
    /// Whether a row before this one is of the same module.
    pub repeated: bool,
}

impl SummaryRow {
    fn new(path: &str, depth: usize, module: &dyn Module, repeated: bool) -> Self {
        let own = Members::of(module).parameters;
        let (parameters, trainable) = count(own.iter().map(|(_, parameter)| &***parameter));
        let (path, type_name) = (path.to_owned(), module.type_name());
        SummaryRow { path, type_name, depth, output_shapes: Vec::new(), parameters, trainable, repeated }
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
/// Layer (type)  Output shape  Parameters  Trainable
/// -------------------------------------------------
/// Sequential    [1, 10]               --         --
///   0 (Linear)  [1, 200]         157,000    157,000
///   1 (ReLU)    [1, 200]              --         --
///   2 (Linear)  [1, 10]            2,010      2,010
/// -------------------------------------------------
/// Total parameters: 159,010
/// Trainable parameters: 159,010
/// ";
/// assert_eq!(summary.to_string(), table);
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
    for (path, module) in model.named_modules() {
        if seen.contains(&Key::of(module)) {
            continue;
        }
        let depth = path.split('.').count();
        rows.extend(Some(SummaryRow::new(&path, depth, module, false)).filter(|row| row.parameters > 0));
    }
    let (parameters, trainable) = count(model.parameters().iter());
    Summary { rows, parameters, trainable }
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
                    row.output_shapes = shapes(output);
                }
            }
        }
    }
}

/// The shapes of an output of one of the usual types.
fn shapes(output: &dyn Any) -> Vec<Vec<usize>> {
    type Two = (Tensor, Tensor);
    let tensors: Vec<&Tensor> = if let Some(tensor) = output.downcast_ref::<Tensor>() {
        vec![tensor]
    } else if let Some((a, b)) = output.downcast_ref::<Two>() {
        vec![a, b]
    } else if let Some((a, b, c)) = output.downcast_ref::<(Tensor, Tensor, Tensor)>() {
        vec![a, b, c]
    } else if let Some((a, (b, c))) = output.downcast_ref::<(Tensor, Two)>() {
        vec![a, b, c]
    } else if let Some(tensors) = output.downcast_ref::<Vec<Tensor>>() {
        tensors.iter().collect()
    } else {
        Vec::new()
    };
    tensors.into_iter().map(|tensor| tensor.shape().to_vec()).collect()
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

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["Layer (type)", "Output shape", "Parameters", "Trainable"].map(str::to_owned);
        let rows: Vec<[String; 4]> = self.rows.iter().map(cells).collect();
        let all = || std::iter::once(&header).chain(&rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [w0, w1, w2, w3] = [0, 1, 2, 3].map(width);
        let line = "-".repeat(w0 + w1 + w2 + w3 + 6);
        for (index, [layer, shape, parameters, trainable]) in all().enumerate() {
            writeln!(f, "{layer:w0$}  {shape:w1$}  {parameters:>w2$}  {trainable:>w3$}")?;
            if index == 0 {
                writeln!(f, "{line}")?;
            }
        }
        writeln!(f, "{line}")?;
        writeln!(f, "Total parameters: {}", thousands(self.parameters))?;
        writeln!(f, "Trainable parameters: {}", thousands(self.trainable))
    }
}

fn cells(row: &SummaryRow) -> [String; 4] {
    let name = match row.path.as_str() {
        "" => row.type_name.to_owned(),
        path => format!("{path} ({})", row.type_name),
    };
    let shapes: Vec<String> = row.output_shapes.iter().map(|shape| format!("{shape:?}")).collect();
    let number = |count| if count == 0 { "--".to_owned() } else { thousands(count) };
    let (parameters, trainable) = match row.repeated && row.parameters > 0 {
        true => ("(again)".to_owned(), "(again)".to_owned()),
        false => (number(row.parameters), number(row.trainable)),
    };
    let shapes = if shapes.is_empty() { "--".to_owned() } else { shapes.join(", ") };
    [format!("{}{name}", "  ".repeat(row.depth)), shapes, parameters, trainable]
}

/// With a comma after each three digits.
fn thousands(number: usize) -> String {
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
