//! Complaints that say what was probably meant.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use toml::{Table, Value};

/// Reads tables one by one, so that an error says which: `model, layer 3 (Linear)`. The name is under the key `tag`.
pub(super) fn each_named<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
    place: &str,
    tag: &str,
) -> Result<Vec<T>, D::Error> {
    let read = |(i, table): (usize, Table)| {
        let name =
            table.get(tag).and_then(Value::as_str).map(|name| format!(" ({name})")).unwrap_or_default();
        Value::Table(table).try_into().map_err(|error: toml::de::Error| {
            Error::custom(format!("{place} {i}{name}: {}", clear(error.message())))
        })
    };
    Vec::<Table>::deserialize(deserializer)?.into_iter().enumerate().map(read).collect()
}

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

/// What a dotted key names, made if its table is there.
pub(super) fn place<'t>(root: &'t mut Value, key: &str) -> Result<&'t mut Value, String> {
    let mut place = root;
    for part in key.split('.') {
        let wrong = |message: &str| format!("{key}: {part:?} {message}");
        if part.is_empty() {
            return Err(format!("{key:?} is no key such as optimizer.lr"));
        }
        place = match place {
            Value::Table(table) => table.entry(part).or_insert_with(|| Value::Table(Table::new())),
            Value::Array(list) => {
                let length = list.len();
                let index = part.parse::<usize>().ok();
                let there = index.and_then(|index| list.get_mut(index));
                there.ok_or_else(|| wrong(&format!("is none of the {length} entries, which count from 0")))?
            }
            _ => return Err(wrong("is below a value that is no table")),
        };
    }
    Ok(place)
}
