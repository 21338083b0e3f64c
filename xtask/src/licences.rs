//! Whether the licences of all dependencies let users pass the program on under MIT OR Apache-2.0.

use crate::process::{self, Result};

/// SPDX identifiers, with their exception where that is what makes them fit.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "MPL-2.0",
    "0BSD",
    // For data: the root certificates in webpki-roots.
    "CDLA-Permissive-2.0",
    // For fonts, which may be passed on inside a program: those of the pictures.
    "OFL-1.1",
    "Ubuntu-font-1.0",
    "Unlicense",
    "BSL-1.0",
];

pub(crate) fn check() -> Result {
    let metadata = process::metadata()?;
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = format!("{} {}", package["name"], package["version"]).replace('"', "");
        match package["license"].as_str().map(|licence| (licence, allowed(licence))) {
            Some((_, Ok(true))) => {}
            Some((licence, Ok(false))) => wrong.push(format!("{name}: {licence} is not on the list")),
            Some((licence, Err(error))) => wrong.push(format!("{name}: {licence:?}: {error}")),
            None => wrong.push(format!("{name}: states no licence")),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{} (list: xtask/src/licences.rs)", wrong.join("\n"))) }
}

/// Whether an SPDX expression can be met with allowed licences alone. AND binds tighter than OR; the old
/// spelling `MIT/Apache-2.0` means OR.
fn allowed(expression: &str) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().collect::<Vec<_>>().into_iter().peekable();
    let met = any(&mut words)?;
    match words.next() {
        None => Ok(met),
        Some(word) => Err(format!("unexpected {word:?}")),
    }
}

type Words<'a> = std::iter::Peekable<std::vec::IntoIter<&'a str>>;

fn any(words: &mut Words) -> Result<bool> {
    let mut met = all(words)?;
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words)?;
    }
    Ok(met)
}

fn all(words: &mut Words) -> Result<bool> {
    let mut met = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words)?;
    }
    Ok(met)
}

fn one(words: &mut Words) -> Result<bool> {
    let word = words.next().ok_or("ends too early")?;
    match word {
        "(" => {
            let met = any(words)?;
            words.next_if_eq(&")").map(|_| met).ok_or("a parenthesis stays open".into())
        }
        ")" | "OR" | "AND" | "WITH" => Err(format!("unexpected {word:?}")),
        _ if words.next_if_eq(&"WITH").is_some() => {
            let exception = words.next().ok_or("ends after WITH")?;
            Ok(ALLOWED.contains(&format!("{word} WITH {exception}").as_str()))
        }
        _ => Ok(ALLOWED.contains(&word)),
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn expressions() {
        for (expression, met) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT/Apache-2.0", true),
            ("GPL-2.0-only OR MIT", true),
            ("GPL-2.0-only AND MIT", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND LGPL-2.1-or-later", false),
            ("MIT OR Apache-2.0 AND LGPL-2.1-or-later", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0-only", true),
            ("GPL-2.0-only WITH Classpath-exception-2.0", false),
            ("((0BSD))", true),
        ] {
            assert_eq!(allowed(expression), Ok(met), "{expression}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "OR MIT", "MIT WITH", "()"] {
            assert!(allowed(expression).is_err(), "{expression:?}");
        }
    }
}
