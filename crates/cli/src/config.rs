//! `flambeau config new` and `flambeau summary`.

use flambeau::io::atomic_write;
use flambeau::train::config::{Config, TEMPLATES};
use flambeau::{Error, Result};

use crate::args::{NewConfigArgs, SummaryArgs};
use crate::console::say;
use crate::train::show;

/// Prints a template, or writes it to a file that is not there yet.
pub(crate) fn new(args: &NewConfigArgs) -> Result<()> {
    let names: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
    let Some((_, text)) = TEMPLATES.iter().find(|(name, _)| *name == args.name) else {
        return Err(Error::config(&args.name, format!("is no template; there are {}", names.join(", "))));
    };
    let Some(out) = &args.out else {
        say(text.trim_end());
        return Ok(());
    };
    if out.exists() {
        return Err(Error::file(out, "is there already; choose another name"));
    }
    atomic_write(out, |file| file.write_all(text.as_bytes()))
}

/// Shows the model of a file.
pub(crate) fn summary(args: &SummaryArgs) -> Result<()> {
    let config = Config::read(&args.config)?;
    let input = config.load()?.input;
    show(&config.build(&input)?, &input);
    Ok(())
}
