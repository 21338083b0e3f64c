//! Settings by dotted keys.

use std::collections::BTreeMap;
use toml::{Table, Value};

/// A file's settings, such as `optimizer.lr` and `model.1.out_features`, each as TOML writes it.
pub(super) fn dotted(settings: &Table) -> BTreeMap<Vec<Part>, String> {
    let mut all = BTreeMap::new();
    let mut path = vec![];
    for (key, value) in settings {
        walk(value, &mut path, Part::Name(key.clone()), &mut all);
    }
    all
}

/// Of a key. Numbers sort as numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Number(usize),
    Name(String),
}

/// A key as it is shown.
pub(super) fn shown(key: &[Part]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|part| match part {
            Part::Number(number) => number.to_string(),
            Part::Name(name) => name.clone(),
        })
        .collect();
    parts.join(".")
}

fn walk(value: &Value, path: &mut Vec<Part>, part: Part, all: &mut BTreeMap<Vec<Part>, String>) {
    path.push(part);
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| walk(value, path, Part::Name(key.clone()), all));
        }
        Value::Array(values) if values.iter().any(Value::is_table) => {
            values.iter().enumerate().for_each(|(i, value)| walk(value, path, Part::Number(i), all));
        }
        Value::String(text) => {
            all.insert(path.clone(), text.replace(char::is_control, " "));
        }
        value => {
            all.insert(path.clone(), value.to_string());
        }
    }
    path.pop();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_numbered_and_lists_are_values() {
        let text =
            "a = 1\nb = [1, 2]\n[c]\nd = \"x\"\n[[model]]\nlayer = \"ReLU\"\n[[model]]\nlayer = \"Tanh\"";
        let dotted = dotted(&toml::from_str(text).unwrap());
        let lines: Vec<String> =
            dotted.iter().map(|(key, value)| format!("{} {value}", shown(key))).collect();
        assert_eq!(lines, ["a 1", "b [1, 2]", "c.d x", "model.0.layer ReLU", "model.1.layer Tanh"]);
    }
}
