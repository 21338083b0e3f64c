//! `#[derive(Module)]`: visits the fields of a struct in the order of their declaration. What can be a field,
//! and what is done with it, is decided by the traits of `flambeau-nn`; this crate knows only their names.
//!
//! Depend on `flambeau`, which exports the macro beside the trait.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Error, Member, Path, Result, parse_macro_input, parse_quote};

/// Implements `Module` for a struct: its fields are parameters, buffers, other modules, containers of these, or
/// plain settings, and are registered under their names as PyTorch does it.
///
/// Attributes of a field:
/// - `#[module(skip)]`: not a part of the module. A plain `Tensor` field needs this or does not compile.
///
/// Attributes of the struct:
/// - `#[module(extra_repr = path)]`: a function from `&Self` to `String` that gives what is printed between the
///   parentheses, such as `Self::options`;
/// - `#[module(type_name = path)]`: a function from `&Self` to `&'static str` that gives the name to print, by default
///   the struct's: `Conv<2>` prints as `Conv2d`;
/// - `#[module(crate = path)]`: where `Module` is found, by default `::flambeau::nn`.
///
/// Enums and unions are refused: what they register would change with their value.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => return Err(refusal(&data.enum_token)),
        Data::Union(data) => return Err(refusal(&data.union_token)),
    };
    let Options { krate, extra_repr, type_name } = Options::parse(&input.attrs)?;
    let parameters: Vec<&Ident> = input.generics.type_params().map(|parameter| &parameter.ident).collect();
    let mut generics = input.generics.clone();
    let mut visits = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        if skipped(&field.attrs)? {
            continue;
        }
        let (member, name) = match &field.ident {
            Some(ident) => (Member::from(ident.clone()), ident.unraw().to_string()),
            None => (Member::from(index), index.to_string()),
        };
        let ty = &field.ty;
        visits.push(quote!(<#ty as #krate::Field>::visit_field(&self.#member, #name, visitor);));
        // Bounds on the fields' types, not on the parameters: `PhantomData<T>` asks nothing of `T`.
        if mentions(ty.to_token_stream(), &parameters) {
            generics.make_where_clause().predicates.push(parse_quote!(#ty: #krate::Field));
        }
    }
    let extra_repr = extra_repr.map(|path| {
        quote! {
            fn extra_repr(&self) -> ::std::string::String {
                #path(self)
            }
        }
    });
    let type_name = type_name.map(|path| {
        quote! {
            fn type_name(&self) -> &'static str {
                #path(self)
            }
        }
    });
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Module for #name #type_generics #where_clause {
            #[allow(unused_variables)]
            fn visit<'__module>(&'__module self, visitor: &mut dyn #krate::Visitor<'__module>) {
                #(#visits)*
            }
            #extra_repr
            #type_name
        }
    })
}

fn refusal(token: &dyn ToTokens) -> Error {
    let message = "Module can be derived for structs only: make this a field of a struct under `#[module(skip)]`, \
                   or box the alternatives as `Box<dyn Layer>`";
    Error::new_spanned(token.to_token_stream(), message)
}

/// What `#[module(…)]` on the struct says.
struct Options {
    krate: Path,
    extra_repr: Option<Path>,
    type_name: Option<Path>,
}

impl Options {
    fn parse(attrs: &[Attribute]) -> Result<Self> {
        let mut options = Options { krate: parse_quote!(::flambeau::nn), extra_repr: None, type_name: None };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("module")) {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    options.krate = meta.value()?.call(Path::parse_mod_style)?;
                } else if meta.path.is_ident("extra_repr") {
                    options.extra_repr = Some(meta.value()?.call(Path::parse_mod_style)?);
                } else if meta.path.is_ident("type_name") {
                    options.type_name = Some(meta.value()?.call(Path::parse_mod_style)?);
                } else {
                    return Err(meta.error(
                        "unknown attribute: a struct takes `extra_repr = path`, `type_name = path` or `crate = path`",
                    ));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

fn skipped(attrs: &[Attribute]) -> Result<bool> {
    let mut skip = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("module")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("skip") {
                return Err(meta.error("unknown attribute: a field takes `skip`"));
            }
            skip = true;
            Ok(())
        })?;
    }
    Ok(skip)
}

/// Whether one of the identifiers occurs in the tokens of a type.
fn mentions(tokens: TokenStream, idents: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => idents.iter().any(|other| **other == ident),
        TokenTree::Group(group) => mentions(group.stream(), idents),
        _ => false,
    })
}
