//! What can be a field of a module, and how it is shown to a visitor.

use std::marker::PhantomData;

use flambeau_tensor::{DType, Tensor};

use crate::{Buffer, Module, Parameter, Training};

/// Sees the fields of one module, in the order of their declaration. It is shown modules as such and decides
/// itself whether to go into them.
///
/// Names have dots where a field holds several: the second entry of `blocks: Vec<Linear>` is `blocks.1`.
///
/// ```
/// use flambeau_nn::{Buffer, Linear, Module, Parameter, Training, Visitor};
///
/// #[derive(Default)]
/// struct Names(Vec<String>);
///
/// impl<'a> Visitor<'a> for Names {
///     fn parameter(&mut self, name: &str, _: &'a Parameter) {
///         self.0.push(name.to_owned());
///     }
/// }
///
/// let mut names = Names::default();
/// Linear::new(3, 2).visit(&mut names);
/// assert_eq!(names.0, ["weight", "bias"]);
/// ```
pub trait Visitor<'a> {
    /// A parameter.
    fn parameter(&mut self, _name: &str, _parameter: &'a Parameter) {}
    /// A buffer.
    fn buffer(&mut self, _name: &str, _buffer: &'a Buffer) {}
    /// A module within this one.
    fn module(&mut self, _name: &str, _module: &'a dyn Module) {}
    /// The mode of this module.
    fn training(&mut self, _training: &'a Training) {}
}

/// What can be a field of a module: a [`Parameter`], a [`Buffer`], [`Training`], any [`Module`] (also in a `Box`
/// or an `Arc`), an `Option`, `Vec`, array or tuple of these, and plain settings, which are not registered
/// (numbers, `bool`, text, `DType`, functions from a tensor to a tensor, `PhantomData`).
///
/// Anything else needs `#[module(skip)]` or does not compile. That is true of a plain [`Tensor`], too: were it
/// allowed, a weight that nobody trains or saves would look like any other.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a field of a module",
    label = "not a `Parameter`, `Buffer`, module or setting",
    note = "a tensor is a `Parameter` if it is learnt, a `Buffer` if it is only saved; put `#[module(skip)]` on a field \
            that is neither",
    note = "a struct of layers becomes a module by `#[derive(Module)]`; modules by name are a `ModuleDict`, shared ones an \
            `Arc`"
)]
pub trait Field: Send + Sync + 'static {
    /// Shows this field, or what it holds, to the visitor.
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>);
}

// So that the compiler complains of the field, not of the type being no module.
#[diagnostic::do_not_recommend]
impl<M: Module> Field for M {
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.module(name, self.as_module());
    }
}

impl Field for Parameter {
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.parameter(name, self);
    }
}

impl Field for Buffer {
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.buffer(name, self);
    }
}

impl Field for Training {
    fn visit_field<'a>(&'a self, _: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.training(self);
    }
}

impl<F: Field> Field for Option<F> {
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        if let Some(field) = self {
            field.visit_field(name, visitor);
        }
    }
}

impl<F: Field> Field for Vec<F> {
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visit_all(self, name, visitor);
    }
}

impl<F: Field, const N: usize> Field for [F; N] {
    fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visit_all(self, name, visitor);
    }
}

fn visit_all<'a, F: Field>(fields: &'a [F], name: &str, visitor: &mut dyn Visitor<'a>) {
    for (index, field) in fields.iter().enumerate() {
        field.visit_field(&format!("{name}.{index}"), visitor);
    }
}

macro_rules! tuple {
    ($($field:ident $index:tt),*) => {
        impl<$($field: Field),*> Field for ($($field,)*) {
            fn visit_field<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
                $(self.$index.visit_field(&format!("{name}.{}", $index), visitor);)*
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

macro_rules! setting {
    ($($t:ty),* $(,)?) => {
        $(impl Field for $t {
            fn visit_field<'a>(&'a self, _: &str, _: &mut dyn Visitor<'a>) {}
        })*
    };
}

setting!(bool, char, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, String, &'static str);
setting!((), DType, fn(&Tensor) -> Tensor);

impl<T: ?Sized + Send + Sync + 'static> Field for PhantomData<T> {
    fn visit_field<'a>(&'a self, _: &str, _: &mut dyn Visitor<'a>) {}
}
