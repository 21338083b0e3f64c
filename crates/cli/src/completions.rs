//! `flambeau completions`.

use clap::Args;
use clap_complete::{Shell, generate};
use flambeau::{Error, Result};
use std::io::Write;

use crate::args::command;

/// Print a script that lets a shell complete flambeau's commands and options
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  flambeau completions bash > ~/.local/share/bash-completion/completions/flambeau
  flambeau completions zsh > ~/.zfunc/_flambeau    (with `fpath+=~/.zfunc` before compinit in ~/.zshrc)
  flambeau completions fish > ~/.config/fish/completions/flambeau.fish
  flambeau completions elvish >> ~/.config/elvish/rc.elv
  flambeau completions powershell >> $PROFILE";

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut command(), "flambeau", &mut script);
    // Half a script would be worse than none.
    let written = std::io::stdout().write_all(&script);
    written.map_err(|e| Error::config("completions", format!("cannot be written ({e})")))
}
