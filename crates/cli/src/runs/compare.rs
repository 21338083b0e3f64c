//! `flambeau runs compare`.

use flambeau::Result;
use serde_json::Value;
use std::collections::BTreeSet;

use super::CompareArgs;
use super::read::{Run, find, number};
use super::settings::{dotted, shown};
use crate::columns;
use crate::console::say;

/// A column a run.
pub(super) fn run(args: &CompareArgs) -> Result<()> {
    let paths = args.runs.iter().map(|run| find(run)).collect::<Result<Vec<_>>>()?;
    let runs: Vec<Run> = paths.iter().map(|path| Run::read(path)).collect();
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    let unique = names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let shown_paths = || paths.iter().map(|path| path.display().to_string()).collect();
    let names: Vec<String> = if unique { names } else { shown_paths() };

    let settings: Vec<_> = runs.iter().map(|run| dotted(&run.settings)).collect();
    let keys: BTreeSet<_> = settings.iter().flat_map(|settings| settings.keys()).collect();
    let mut rows = vec![];
    for key in keys {
        let values: Vec<Option<&String>> = settings.iter().map(|settings| settings.get(key)).collect();
        if values.iter().any(|value| *value != values[0]) {
            let values = values.into_iter().map(|value| value.cloned().unwrap_or_else(|| "–".into()));
            rows.push([shown(key)].into_iter().chain(values).collect());
        }
    }
    let head = |first: &str| [first.to_owned()].into_iter().chain(names.clone()).collect::<Vec<_>>();
    if rows.is_empty() {
        say("the settings are the same\n");
    } else {
        columns::print(head("setting"), rows, &[]);
        say("");
    }

    let mut rows = vec![];
    let mut row = |name: String, value: &dyn Fn(&Run) -> String| {
        let values: Vec<String> = runs.iter().map(value).collect();
        if values.iter().any(|value| !value.is_empty()) {
            let or_none = |value: String| if value.is_empty() { "–".into() } else { value };
            rows.push([name].into_iter().chain(values.into_iter().map(or_none)).collect());
        }
    };
    row("status".into(), &Run::status);
    row("epochs".into(), &Run::epochs);
    row("took".into(), &Run::took);
    let monitored: BTreeSet<String> = runs.iter().map(Run::monitored).collect();
    for name in monitored {
        let best =
            |run: &Run| run.best().filter(|_| run.monitored() == name).map_or_else(String::new, number);
        row(format!("best {name}"), &best);
    }
    let test = |run: &Run| run.result.get("test").and_then(Value::as_object).cloned().unwrap_or_default();
    let names: BTreeSet<String> =
        runs.iter().flat_map(|run| test(run).into_iter().map(|(name, _)| name)).collect();
    for name in names {
        let value = |run: &Run| test(run).get(&name).and_then(Value::as_f64).map_or_else(String::new, number);
        row(format!("test {name}"), &value);
    }
    columns::print(head("result"), rows, &[]);
    for run in runs.iter().filter(|run| !run.damage.is_empty()) {
        say(format_args!("\n{}: {}", run.name, run.damage.join("; ")));
    }
    Ok(())
}
