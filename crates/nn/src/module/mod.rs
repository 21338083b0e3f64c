//! The module system.

mod backward_hooks;
mod field;
mod forward;
mod hooks;
mod parameter;
mod pointer;
mod repr;
mod state_dict;
pub(crate) mod walk;

use std::any::Any;
use std::path::Path;

use flambeau_tensor::ops::to_dtype::Target;
use flambeau_tensor::{Error, Result, Tensor, raise};

pub use backward_hooks::Tensors;
pub use field::{Field, Visitor};
pub use forward::Forward;
pub(crate) use hooks::Registry;
pub use hooks::{HookContext, HookHandle, Hooks};
pub use parameter::{Buffer, Parameter, Training};
pub use state_dict::{IncompatibleKeys, StateDict};

use walk::{Members, walk};

/// What every layer and model can do, derived from its fields by `#[derive(Module)]`.
///
/// A field is registered under its name, so that `state_dict` has PyTorch's names; the entries of a `Vec`, array
/// or tuple under their number. See [`Field`] for what a field can be. Everything takes `&self`: values are
/// changed in place.
///
/// The computation is in [`Forward`], which one implements by hand.
///
/// ```
/// use flambeau_nn::{Forward, Linear, Module, Parameter};
/// use flambeau_tensor::Tensor;
///
/// #[derive(Module)]
/// # #[module(crate = flambeau_nn)]
/// struct Scaled {
///     linear: Linear,
///     scale: Parameter,
///     #[module(skip)]
///     last: Option<Tensor>, // neither learnt nor saved
/// }
///
/// let model = Scaled { linear: Linear::new(4, 2), scale: Parameter::new(Tensor::ones([2])), last: None };
/// assert_eq!(model.num_parameters(), 4 * 2 + 2 + 2);
/// // A module's own parameters come before those of its children, as in PyTorch.
/// assert_eq!(model.state_dict().keys().collect::<Vec<_>>(), ["scale", "linear.weight", "linear.bias"]);
/// # let _ = model.last;
/// ```
///
/// A module whose size is zero, such as `struct Square;`, shares its address with its neighbour, so hooks and
/// paths cannot tell two of them apart; give it a field of one byte where that matters.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html>
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "not a module",
    note = "a struct of layers becomes a module by `#[derive(Module)]`"
)]
pub trait Module: AsModule + Any + Send + Sync {
    // What the methods do is in functions of a `&dyn Module`: they are compiled once, the methods for each type.

    /// Shows each field to the visitor, in the order of declaration. The derive macro writes this.
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>);

    /// What [`repr`](Module::repr) prints between the parentheses, such as `in_features=3, out_features=2`; set
    /// by `#[module(extra_repr = function)]`. Empty by default.
    fn extra_repr(&self) -> String {
        String::new()
    }

    /// The name of the type without its path and generics, such as `Linear`.
    fn type_name(&self) -> &'static str {
        repr::short_name(std::any::type_name::<Self>())
    }

    /// The module that a pointer stands for.
    #[doc(hidden)]
    fn pointee(&self) -> Option<&dyn Module> {
        None
    }

    /// The module as text, a line for each layer, as PyTorch prints it.
    ///
    /// ```
    /// use flambeau_nn::{Linear, Module, ReLU, Sequential};
    ///
    /// let model = Sequential::new((Linear::new(784, 200), ReLU::default()));
    /// let lines = "\
    /// Sequential(
    ///   (0): Linear(in_features=784, out_features=200, bias=True)
    ///   (1): ReLU()
    /// )";
    /// assert_eq!(model.repr(), lines);
    /// ```
    fn repr(&self) -> String {
        repr::repr(self.as_module())
    }

    /// This module and all within it, parents before children, with their paths; the path of this one is empty.
    /// A module that is shared through an `Arc` comes once.
    fn named_modules(&self) -> Vec<(String, &dyn Module)> {
        walk::modules(self.as_module())
    }

    /// The modules directly within this one.
    fn named_children(&self) -> Vec<(String, &dyn Module)> {
        Members::of(self.as_module()).modules
    }

    /// All parameters with their names. A parameter that occurs more than once comes once, under its first name.
    fn named_parameters(&self) -> Vec<(String, Tensor)> {
        walk::parameters(self.as_module())
    }

    /// All parameters, each once: what an optimiser takes.
    fn parameters(&self) -> Vec<Tensor> {
        walk::unnamed(self.named_parameters())
    }

    /// All buffers with their names, also those that are not saved, each once.
    fn named_buffers(&self) -> Vec<(String, Tensor)> {
        walk::buffers(self.as_module())
    }

    /// All buffers, each once.
    fn buffers(&self) -> Vec<Tensor> {
        walk::unnamed(self.named_buffers())
    }

    /// How many numbers the parameters hold, each tensor counted once.
    fn num_parameters(&self) -> usize {
        walk::numel(&self.parameters())
    }

    /// All parameters and persistent buffers by name, shared with this module and without gradient. Tied
    /// parameters come under each of their names.
    fn state_dict(&self) -> StateDict {
        state_dict::of(self.as_module())
    }

    /// Copies the values of a `state_dict` into this module, in place. With `strict` the names must be the same
    /// on both sides; without, those in common are copied and the others are returned.
    ///
    /// # Errors
    /// [`Error::StateDict`] with all that does not fit: with `strict` the missing and the unexpected names, and
    /// in any case each tensor of another shape, or of an integer dtype where the module has floats or the other
    /// way round. Nothing is changed then. Floats of another width are converted, as in PyTorch.
    ///
    /// ```
    /// use flambeau_nn::{Linear, Module};
    ///
    /// let (teacher, student) = (Linear::new(3, 2), Linear::new(3, 2));
    /// student.load_state_dict(&teacher.state_dict(), true)?;
    /// assert_eq!(student.weight.to_vec::<f32>(), teacher.weight.to_vec::<f32>());
    ///
    /// let error = Linear::new(4, 2).load_state_dict(&teacher.state_dict(), true).unwrap_err();
    /// assert!(error.to_string().contains("weight has shape [2, 3], the module wants [2, 4]"));
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    fn load_state_dict(&self, dict: &StateDict, strict: bool) -> Result<IncompatibleKeys> {
        state_dict::load_into(self.as_module(), dict, strict)
    }

    /// Writes the `state_dict` to a safetensors file, as a whole or not at all; PyTorch reads it with
    /// `safetensors.torch.load_file`. On a `dyn Module` use `state_dict().save(path)`.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written.
    ///
    /// ```
    /// use flambeau_nn::{Linear, Module};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("layer.safetensors");
    /// let layer = Linear::new(3, 2);
    /// layer.save(&path)?;
    /// Linear::new(3, 2).load(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.state_dict().save(path)
    }

    /// Reads a safetensors file into this module, as [`load_state_dict`](Module::load_state_dict) does strictly.
    ///
    /// # Errors
    /// [`Error::File`] when the file is missing or corrupt, [`Error::StateDict`] when it does not fit. Nothing
    /// is changed then.
    fn load(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        let path = path.as_ref();
        match self.load_state_dict(&StateDict::load(path)?, true) {
            Ok(_) => Ok(()),
            Err(Error::StateDict(message)) => Err(Error::StateDict(format!("{}: {message}", path.display()))),
            Err(error) => Err(error),
        }
    }

    /// Sets training mode, here and in all modules within.
    fn train(&self) {
        set_training(self.as_module(), true);
    }

    /// Sets evaluation mode, here and in all modules within: dropout passes its input on, batch normalisation
    /// uses its running statistics.
    fn eval(&self) {
        set_training(self.as_module(), false);
    }

    /// Whether this module is in training mode: what its first [`Training`] field says, its own before those of
    /// the modules within. A module without any does not tell the modes apart and says true.
    fn is_training(&self) -> bool {
        walk::training(self.as_module()).unwrap_or(true)
    }

    /// Forgets the gradients of all parameters.
    fn zero_grad(&self) {
        for_each_parameter(self.as_module(), &|parameter| parameter.zero_grad());
    }

    /// Sets whether the parameters require a gradient.
    fn requires_grad_(&self, requires_grad: bool) {
        for_each_parameter(self.as_module(), &|parameter| parameter.set_requires_grad(requires_grad));
    }

    /// Makes training leave all parameters as they are: `requires_grad_(false)`.
    fn freeze(&self) {
        self.requires_grad_(false);
    }

    /// Lets training change the parameters again: `requires_grad_(true)`.
    fn unfreeze(&self) {
        self.requires_grad_(true);
    }

    /// Converts the floating-point parameters (with their gradients) and buffers to another dtype, or moves all to
    /// another device, in place: an optimiser that has them already goes on with them, and its state follows. Integer
    /// buffers keep their dtype, as in PyTorch. What shares memory with them, such as an earlier
    /// [`state_dict`](Module::state_dict) (not its [`copy`](StateDict::copy)), changes too. Returns this module.
    ///
    /// # Panics
    /// If the dtype is no float, or a parameter is in use at that moment.
    ///
    /// ```
    /// use flambeau_nn::{BatchNorm1d, Forward, Linear, Module, Sequential};
    /// use flambeau_tensor::{DType, Device, Tensor};
    ///
    /// let model = Sequential::new((Linear::new(3, 2), BatchNorm1d::new(2)));
    /// model.to(DType::F64).to(Device::best());
    /// assert_eq!(model.call(&Tensor::ones([4, 3]).to(DType::F64)).dtype(), DType::F64);
    /// ```
    ///
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.to>
    #[track_caller]
    fn to(&self, target: impl Into<Target>) -> &Self
    where
        Self: Sized,
    {
        convert(self.as_module(), target.into());
        self
    }

    /// Calls a function with each module within this one, children before parents, and this one at last.
    ///
    /// ```
    /// use flambeau_nn::{Linear, Module, ReLU, Sequential, init};
    ///
    /// let model = Sequential::new((Linear::new(8, 4), ReLU::default(), Linear::new(4, 2)));
    /// model.apply(&mut |module| {
    ///     if let Some(linear) = module.downcast_ref::<Linear>() {
    ///         init::kaiming_normal_(&linear.weight, init::FanMode::FanIn, init::Nonlinearity::ReLU);
    ///     }
    /// });
    /// ```
    fn apply(&self, f: &mut dyn FnMut(&dyn Module)) {
        apply(self.as_module(), f);
    }
}

impl dyn Module {
    /// Whether this is a module of type `M`.
    pub fn is<M: Module>(&self) -> bool {
        (self as &dyn Any).is::<M>()
    }

    /// This module as what it is, if that is `M`.
    pub fn downcast_ref<M: Module>(&self) -> Option<&M> {
        (self as &dyn Any).downcast_ref()
    }
}

impl std::fmt::Debug for dyn Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repr())
    }
}

#[track_caller]
fn convert(root: &dyn Module, target: Target) {
    let Target::DType(dtype) = target else {
        // There is one device.
        return;
    };
    if !dtype.is_float() {
        let message = format!("{dtype}: parameters have gradients, which only floats do; use F32 or F64");
        raise(Error::op("Module::to", message));
    }
    let tensors = root.parameters().into_iter().chain(root.buffers());
    tensors.filter(|tensor| tensor.dtype().is_float()).for_each(|tensor| drop(tensor.to_dtype_(dtype)));
}

fn set_training(root: &dyn Module, mode: bool) {
    walk(root, &mut |_, _, members| members.training.iter().for_each(|training| training.set(mode)));
}

fn for_each_parameter(root: &dyn Module, f: &dyn Fn(&Parameter)) {
    walk(root, &mut |_, _, members| members.parameters.iter().for_each(|(_, parameter)| f(parameter)));
}

fn apply(module: &dyn Module, f: &mut dyn FnMut(&dyn Module)) {
    for (_, child) in Members::of(module).modules {
        apply(child, f);
    }
    f(module);
}

/// Turns any module, also one behind a pointer, into a `&dyn Module`. Implemented for all modules.
pub trait AsModule {
    /// This module without its type; for a `Box` or `Arc` what it points to.
    fn as_module(&self) -> &dyn Module;
}

impl<M: Module> AsModule for M {
    fn as_module(&self) -> &dyn Module {
        self.pointee().unwrap_or(self)
    }
}
