//! What the commands share: programs started from the workspace's root, and their failures as one line.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command's outcome; the error is the line shown to the user.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}

/// `cargo ARGS`, to run in the workspace's root.
pub(crate) fn cargo<I: IntoIterator<Item: AsRef<OsStr>>>(args: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// The command as one would type it, with the environment that it adds.
pub(crate) fn shown(command: &Command) -> String {
    let vars = command
        .get_envs()
        .filter_map(|(key, value)| Some(format!("{}={:?}", key.to_string_lossy(), value?.to_string_lossy())));
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(|word| word.to_string_lossy().into());
    vars.chain(words).collect::<Vec<String>>().join(" ")
}

/// Runs it with its output shown.
pub(crate) fn run(command: &mut Command) -> Result {
    eprintln!("$ {}", shown(command));
    let status = command.status().map_err(|error| format!("`{}`: {error}", shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command))) }
}

/// Runs it and gives what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}`: {error}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("`{}` failed ({})", shown(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("`{}`: {error}", shown(command)))
}

/// A stream of a program that is read on its way to the terminal.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Runs it with its output shown, and gives the lines of one stream that contain `mark`.
pub(crate) fn run_keeping(command: &mut Command, stream: Stream, mark: &str) -> Result<Vec<String>> {
    eprintln!("$ {}", shown(command));
    let failed = |command: &Command, what: &dyn std::fmt::Display| format!("`{}` {what}", shown(command));
    match stream {
        Stream::Stdout => command.stdout(Stdio::piped()),
        Stream::Stderr => command.stderr(Stdio::piped()),
    };
    let mut child = command.spawn().map_err(|error| failed(command, &error))?;
    let piped: Box<dyn std::io::Read> = match stream {
        Stream::Stdout => Box::new(child.stdout.take().expect("piped above")),
        Stream::Stderr => Box::new(child.stderr.take().expect("piped above")),
    };
    let mut kept = Vec::new();
    let mut reader = BufReader::new(piped);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(|error| failed(command, &error))? > 0 {
        // A closed terminal must not stop the tests: their outcome is the exit status.
        let _ = match stream {
            Stream::Stdout => std::io::stdout().write_all(&line),
            Stream::Stderr => std::io::stderr().write_all(&line),
        };
        let text = String::from_utf8_lossy(&line);
        if text.contains(mark) {
            kept.push(text.trim().to_string());
        }
        line.clear();
    }
    let status = child.wait().map_err(|error| failed(command, &error))?;
    if status.success() { Ok(kept) } else { Err(failed(command, &format!("failed ({status})"))) }
}

/// Keeps the colours of a program that [`run_keeping`] puts behind a pipe, where a person is watching.
pub(crate) fn keep_colour(command: &mut Command) {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
}

/// Whether the program is on the search path.
pub(crate) fn installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Whether cargo-nextest is there; `cargo test` stands in for it.
pub(crate) fn has_nextest() -> bool {
    cargo(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Whether this is the build server, where a skipped test is a failure.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// A fresh temporary folder that goes away with the value.
pub(crate) struct TempDir(pub(crate) PathBuf);

impl TempDir {
    pub(crate) fn new(what: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("flambeau-{what}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Best effort: the system clears its temporary folder in the end.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What `cargo metadata` says of the workspace and all its dependencies.
pub(crate) fn metadata() -> Result<serde_json::Value> {
    let text = output(&mut cargo(["metadata", "--all-features", "--format-version", "1"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// Where cargo puts a program of the workspace.
pub(crate) fn target(profile: &str, program: &str) -> Result<String> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    Ok(format!("{folder}/{profile}/{program}{}", std::env::consts::EXE_SUFFIX))
}

/// The triple that the compiler builds for by itself.
pub(crate) fn host() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
    Ok(host.to_string())
}
