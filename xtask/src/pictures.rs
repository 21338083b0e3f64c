//! `pictures`: measures, and draws the pictures of `docs/performance.md` and fills in its tables.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{self, Result, cargo};

const PAGE: &str = "docs/performance.md";
/// What is measured, by the arguments of `flambeau`; where the figures go: the names of files in `docs`, and of the part of
/// the page; and whether there is room in it for the table.
const SETS: &[(&[&str], &str, bool)] =
    &[(&["bench"], "roofline", true), (&["bench", "scaling"], "scaling", false)];

pub(crate) fn run(_: &[String]) -> Result {
    process::run(&mut cargo(["build", "--release", "-p", "flambeau-cli"]))?;
    let program = process::target("release", "flambeau")?;
    for (arguments, name, table) in SETS {
        let (json, svg) = (format!("docs/{name}.json"), format!("docs/{name}.svg"));
        let figures = said(&program, arguments, &["--json"])?;
        write(&process::root().join(&json), &figures)?;
        let said = said(&program, arguments, &["--from", &json, "--plot", &svg, "--markdown"])?;
        let kept: Vec<&str> = said.lines().filter(|line| *table || !line.starts_with('|')).collect();
        let page = process::root().join(PAGE);
        let text = std::fs::read_to_string(&page).map_err(|error| format!("{PAGE}: {error}"))?;
        let text = filled(&text, name, &kept.join("\n").replace("\n\n\n", "\n\n"))
            .ok_or_else(|| format!("{PAGE} has no part between `{}` and `{END}`", begin(name)))?;
        write(&page, &text)?;
    }
    Ok(())
}

/// What the program prints; its bar is shown.
fn said(program: &str, arguments: &[&str], options: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).args(options).current_dir(process::root()).stdin(Stdio::null());
    eprintln!("$ {}", process::shown(&command));
    process::output(&mut command)
}

#[allow(clippy::disallowed_methods, reason = "under version control")]
fn write(path: &Path, text: &str) -> Result {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

const END: &str = "<!-- end -->";

fn begin(name: &str) -> String {
    format!("<!-- {name}, by `cargo xtask pictures` -->")
}

/// The page with other text between the marks of a part.
fn filled(page: &str, name: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(&begin(name))?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{}\n\n{}\n\n{END}{after}", begin(name), text.trim()))
}

#[cfg(test)]
mod tests {
    use super::{begin, filled};

    #[test]
    fn only_the_part_between_its_marks_changes() {
        let page = |a: &str, b: &str| {
            let part = |name: &str, text: &str| format!("{}\n\n{text}\n\n<!-- end -->\n", begin(name));
            format!("# Title\n{}between\n{}after\n", part("a", a), part("b", b))
        };
        assert_eq!(filled(&page("1", "2"), "b", "3\n"), Some(page("1", "3")));
        assert_eq!(filled(&page("1", "2"), "a", "\n4"), Some(page("4", "2")));
        assert_eq!(filled(&page("1", "2"), "c", "5"), None);
    }
}
