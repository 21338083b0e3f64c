//! Values as Python writes them, for what layers print.

use std::fmt::Debug;

/// A number: 1e-05, where Rust writes 1e-5.
pub(crate) fn float(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// A bool.
pub(crate) fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// A tuple.
pub(crate) fn tuple<T: Debug>(values: &[T]) -> String {
    match values {
        [one] => format!("({one:?},)"),
        _ => format!("({})", values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ")),
    }
}

/// One number for each dimension: a tuple, or one that all are equal to.
pub(crate) fn sizes<const N: usize>(sizes: [usize; N]) -> String {
    match sizes[..] {
        [first, ref rest @ ..] if rest.iter().all(|size| *size == first) => first.to_string(),
        _ => tuple(&sizes),
    }
}
