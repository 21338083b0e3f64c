//! Complaints that say what was probably meant.

/// Serde's message for an unknown name, with the nearest known one.
pub(super) fn clear(message: &str) -> String {
    let message = message.replace('\n', " ");
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((given, known)) if message.starts_with("unknown") => {
            let what = message.split('`').next().unwrap_or_default();
            format!("{what}`{given}`{}", suggest(given, known))
        }
        _ => message,
    }
}

/// What to say after an unknown name: the nearest known one, or all of them if none is near.
pub(super) fn suggest(given: &str, known: &[&str]) -> String {
    let distance = |name: &&&str| strsim::damerau_levenshtein(&given.to_lowercase(), &name.to_lowercase());
    // The beginning of a name stands for it, however long the rest.
    let begun = known.iter().find(|name| name.to_lowercase().starts_with(&given.to_lowercase()));
    let nearest = known.iter().min_by_key(distance);
    let near = begun.or(nearest.filter(|name| distance(name) <= given.len().div_ceil(2).max(1)));
    match near {
        Some(name) => format!("; did you mean `{name}`?"),
        None if known.is_empty() => "; there are none to give here".into(),
        None => format!("; known are `{}`", known.join("`, `")),
    }
}
