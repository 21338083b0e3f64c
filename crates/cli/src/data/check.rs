//! `flambeau data check`.

use flambeau::data::{Dataset, LeakCheck};
use flambeau::{Result, try_call};

use super::CheckArgs;
use crate::console::say;

/// How many pairs to print of each kind.
const SHOWN: usize = 10;

/// Whether no image is damaged or in more than one part. The test set stays sealed.
pub(super) fn run(args: &CheckArgs) -> Result<bool> {
    let config = args.set.config()?;
    let damaged = config.damaged()?;
    if !damaged.is_empty() {
        damaged.iter().take(SHOWN).for_each(say);
        more(damaged.len());
        return Ok(false);
    }
    let splits = config.load_as_is(args.seed)?;
    let check = LeakCheck::new()
        .add("training", &splits.train)
        .add("validation", &splits.val)
        .add_sealed("test", &splits.test);
    let report = try_call(|| check.run())?;
    say(format_args!(
        "{}: {} training, {} validation and the sealed test images",
        config.name,
        splits.train.len(),
        splits.val.len()
    ));
    for part in ["training", "validation", "test"] {
        let twice: Vec<_> = report.duplicates().iter().filter(|d| d.part == part).collect();
        say(format_args!("within {part}: {}", counted(twice.len())));
        for duplicate in twice.iter().take(SHOWN) {
            let [first, again] = duplicate.indices;
            say(format_args!("  {part}[{again}] is {part}[{first}] again"));
        }
        more(twice.len());
    }
    for line in report.to_string().lines() {
        say(format_args!("across parts: {line}"));
    }
    for overlap in report.overlaps().iter().take(SHOWN) {
        let ([a, b], [i, j]) = (&overlap.parts, overlap.indices);
        say(format_args!("  {b}[{j}] is {a}[{i}] again"));
    }
    more(report.overlaps().len());
    Ok(report.is_clean())
}

fn counted(n: usize) -> String {
    match n {
        0 => "no image twice".to_owned(),
        1 => "1 image again".to_owned(),
        n => format!("{n} images again"),
    }
}

fn more(n: usize) {
    if n > SHOWN {
        say(format_args!("  … and {} more", n - SHOWN));
    }
}
