//! `flambeau runs show`.

use flambeau::Result;
use serde_json::Value;
use std::fs;

use super::ShowArgs;
use super::read::{Run, find, number};
use super::settings::{dotted, shown};
use crate::columns;
use crate::console::say;
use crate::cv::FOLDS;

/// Evaluations shown; all are in metrics.jsonl.
const ROWS: usize = 15;

/// What is known of a run.
pub(super) fn run(args: &ShowArgs) -> Result<()> {
    let run = Run::read(&find(&args.run)?);
    say(run.path.display());
    let fact = |name: &str, value: String| {
        if !value.is_empty() {
            say(format_args!("  {name:<8}{value}"));
        }
    };
    fact("status", run.status());
    fact("damage", run.damage.join("; "));
    fact("data", run.data());
    fact("epochs", run.epochs());
    fact("begun", run.started());
    fact("took", run.took());
    let place = match ["best_epoch", "best_step"].map(|key| run.result.get(key).and_then(Value::as_u64)) {
        [Some(epoch), _] => format!(" in epoch {epoch}"),
        [None, Some(step)] => format!(" after step {step}"),
        [None, None] => String::new(),
    };
    let best = |best| format!("{} {}{place}", run.monitored(), number(best));
    let label = if run.result.contains_key("cv") { "mean" } else { "best" };
    fact(label, run.best().map_or_else(String::new, best));
    fact("last", values(run.result.get("last")));
    fact("test", values(run.result.get("test")));
    let caveat = run.result.get("caveat").and_then(Value::as_str);
    fact("", caveat.map_or_else(String::new, |caveat| format!("but {caveat}")));
    folds(&run);

    say("\nsettings");
    for (key, value) in dotted(&run.settings) {
        say(format_args!("  {} = {value}", shown(&key)));
    }
    evaluations(&run);
    Ok(())
}

/// Names and numbers in a line.
fn values(object: Option<&Value>) -> String {
    let pair = |(name, value): (&String, &Value)| format!("{name} {}", cell(value));
    object
        .and_then(Value::as_object)
        .map_or_else(String::new, |object| object.iter().map(pair).collect::<Vec<_>>().join("  "))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "NaN".into(),
        Value::Number(n) if n.is_f64() => number(n.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    }
}

/// Of a cross-validation.
fn folds(run: &Run) {
    let Ok(text) = fs::read_to_string(run.path.join(FOLDS)) else { return };
    let all = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let Some(folds) = all["folds"].as_array() else {
        say(format_args!("  {FOLDS} is damaged"));
        return;
    };
    say(format_args!(
        "\nfolds: mean {} and sample standard deviation {}",
        cell(&all["mean"]),
        cell(&all["std"])
    ));
    let columns = ["score", "best", "best_epoch", "epochs", "seconds"];
    let row = |(i, fold): (usize, &Value)| {
        let first = (i + 1).to_string();
        [first].into_iter().chain(columns.iter().map(|name| cell(&fold[name]))).collect()
    };
    let rows = folds.iter().enumerate().map(row).collect();
    columns::print(["fold"].into_iter().chain(columns), rows, &[0, 1, 2, 3, 4, 5]);
}

/// The last lines of the log.
fn evaluations(run: &Run) {
    let Some(columns) = run.metrics.last().and_then(Value::as_object) else { return };
    let last: Vec<&str> = columns.keys().map(String::as_str).filter(|name| *name != "epoch").collect();
    let columns: Vec<&str> = ["epoch"].into_iter().chain(last).collect();
    let skipped = run.metrics.len().saturating_sub(ROWS);
    say(if skipped > 0 {
        format!("\nthe last {ROWS} evaluations of {}", run.metrics.len())
    } else {
        "\nevaluations".into()
    });
    let whole = |name: &str, value: &Value| match value.as_f64() {
        // The epoch is logged as a number among others.
        Some(epoch) if name == "epoch" => format!("{epoch:.0}"),
        _ => cell(value),
    };
    let row = |line: &Value| columns.iter().map(|name| whole(name, &line[name])).collect();
    let rows = run.metrics.iter().skip(skipped).map(row).collect();
    let right: Vec<usize> = (0..columns.len()).collect();
    columns::print(columns.iter().copied(), rows, &right);
}
