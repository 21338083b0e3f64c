//! The `flambeau` program: trains networks, uses them, and looks at data.
//!
//! Glue only: what it does comes from the library, and each command is a file. It must not hold what a user's own
//! training loop would want.

mod args;
mod bench;
mod canvas;
mod columns;
mod completions;
mod config;
mod console;
mod curves;
mod cv;
mod data;
mod eval;
mod font;
mod interrupt;
mod picture;
mod predict;
mod progress;
mod run_folder;
mod runs;
mod settings;
mod table;
mod train;
mod trained;

use flambeau::Error;
use std::process::ExitCode;

use args::{Command, ConfigCommand, NoCommand};
use run_folder::Status;

/// Wrong input, of any kind.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == bench::WORKER) {
        return bench::work(words);
    }
    let done = match args::parse(std::env::args_os()) {
        Ok(Command::Train(args)) => train::run(&args).map_err(|e| flagged(e, args.config.is_none())),
        Ok(Command::Eval(args)) => eval::run(&args).map(|()| Status::Finished),
        // 1 where the data are unsound, as for a test that fails.
        Ok(Command::Data(command)) => match data::run(command) {
            Ok(sound) => return ExitCode::from(u8::from(!sound)),
            Err(e) => Err(flagged(e, true)),
        },
        Ok(Command::Predict(args)) => predict::run(&args).map(|()| Status::Finished),
        Ok(Command::Config(ConfigCommand::New(args))) => config::new(&args).map(|()| Status::Finished),
        Ok(Command::Summary(args)) => config::summary(&args).map(|()| Status::Finished),
        Ok(Command::Cv(args)) => cv::run(&args),
        Ok(Command::Runs(command)) => runs::run(command).map(|()| Status::Finished),
        Ok(Command::Bench(args)) => bench::run(args).map(|()| Status::Finished),
        Ok(Command::Completions(args)) => completions::run(&args).map(|()| Status::Finished),
        Err(NoCommand::Shown(text)) => {
            console::say(text.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(NoCommand::Wrong(message)) => {
            console::complain(message);
            return ExitCode::from(WRONG);
        }
    };
    match done {
        Ok(Status::Finished) => ExitCode::SUCCESS,
        Ok(Status::Interrupted) => ExitCode::from(interrupt::EXIT_CODE),
        Ok(Status::Diverged) => ExitCode::from(WRONG),
        Err(e) => {
            console::complain(e);
            ExitCode::from(WRONG)
        }
    }
}

/// Where no file is read, a key of it is known by the name of its flag.
fn flagged(error: Error, no_file: bool) -> Error {
    match error {
        Error::Config { field, message } if no_file && field == "data.dir" => {
            Error::config("--data-dir", message)
        }
        other => other,
    }
}
