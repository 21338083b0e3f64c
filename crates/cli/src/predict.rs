//! `flambeau predict`.

use flambeau::train::config::Config;
use flambeau::{Result, Tensor};
use std::path::Path;

use crate::args::PredictArgs;
use crate::console::say;
use crate::trained;

/// Rows of a table at a time.
const BATCH: usize = 1000;

/// Says what a model makes of files.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    let (config, model) = trained::open(&args.run)?;
    for file in &args.files {
        let name = file.display();
        if !is_table(file) {
            let output = config.predict(&model, &config.read_image(file, args.invert)?);
            tell(&name.to_string(), &output.select(0, 0), &config, args.top_k);
            continue;
        }
        let x = config.read_table(file)?;
        let mut number = 0;
        for x in x.split(BATCH, 0) {
            let output = config.predict(&model, &x);
            for i in 0..x.shape()[0] {
                number += 1;
                tell(&format!("{name}, row {number}"), &output.select(0, i as isize), &config, args.top_k);
            }
        }
    }
    Ok(())
}

fn is_table(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.ends_with(".csv") || name.ends_with(".csv.gz")
}

/// The likeliest classes with their probabilities, or the number.
fn tell(what: &str, output: &Tensor, config: &Config, top: usize) {
    let values = output.to_vec::<f32>();
    let classes = config.data.facts.as_ref().map(|facts| &facts.classes[..]).unwrap_or_default();
    if classes.is_empty() {
        let numbers: Vec<String> = values.iter().map(f32::to_string).collect();
        return say(format_args!("{what}: {}", numbers.join(" ")));
    }
    let mut ranked: Vec<(f32, &String)> = values.into_iter().zip(classes).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let Some((_, first)) = ranked.first() else { return };
    say(format_args!("{what}: {first}"));
    let width = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0);
    for (probability, class) in ranked.iter().take(top) {
        say(format_args!("  {class:<width$}  {:>6.2} %", 100.0 * probability));
    }
}
