//! Modules behind a pointer are what they point to: they add no level to names and paths.

use std::sync::Arc;

use flambeau_tensor::Tensor;

use super::{Forward, Module, Visitor};

macro_rules! pointer {
    ($pointer:ident) => {
        impl<M: Module + ?Sized> Module for $pointer<M> {
            fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                (**self).visit(visitor);
            }

            fn extra_repr(&self) -> String {
                (**self).extra_repr()
            }

            fn type_name(&self) -> &'static str {
                (**self).type_name()
            }

            fn pointee(&self) -> Option<&dyn Module> {
                Some((**self).as_module())
            }
        }

        impl<I: 'static, O: 'static, M: Forward<I, O> + ?Sized> Forward<I, O> for $pointer<M> {
            fn forward(&self, input: &I) -> O {
                (**self).forward(input)
            }

            #[track_caller]
            fn call(&self, input: &I) -> O {
                (**self).call(input)
            }

            #[track_caller]
            fn forward_relu(&self, input: &I) -> Option<O> {
                (**self).forward_relu(input)
            }

            fn scale_and_shift(&self, ndim: usize) -> Option<[Tensor; 2]> {
                (**self).scale_and_shift(ndim)
            }

            #[track_caller]
            fn forward_scaled(
                &self,
                input: &I,
                after: &dyn Fn(usize) -> Option<[Tensor; 2]>,
                relu: bool,
            ) -> Option<O> {
                (**self).forward_scaled(input, after, relu)
            }

            fn is_relu(&self) -> bool {
                (**self).is_relu()
            }

            fn commutes_with_relu(&self) -> bool {
                (**self).commutes_with_relu()
            }
        }
    };
}

pointer!(Box);
pointer!(Arc);
