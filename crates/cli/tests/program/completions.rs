//! Completions, in a shell that is there.

use crate::{fail, skip, succeed};
use std::process::Command;

#[test]
fn every_shell_has_a_script() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(dir.path(), &format!("completions {shell}"));
        assert!(script.contains("flambeau") && script.contains("weight-decay"), "{shell}");
    }
    fail(dir.path(), "completions tcsh", &["tcsh", "bash"]);
    fail(dir.path(), "completions", &["SHELL"]);
}

/// What bash offers for a line.
fn complete(script: &std::path::Path, line: &str) -> Option<Vec<String>> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let (last, before) = (words.len() - 1, words.len().checked_sub(2)?);
    let program = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={last}; \
         complete -p flambeau >/dev/null || exit 3; \
         _flambeau flambeau {} {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.join(" "),
        words[last],
        words[before],
    );
    let output = Command::new("bash").args(["--norc", "-c", &program]).output().ok()?;
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(ToOwned::to_owned).filter(|line| !line.is_empty()).collect())
}

#[test]
fn bash_completes() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("flambeau.bash");
    std::fs::write(&script, succeed(dir.path(), "completions bash")).unwrap();
    for (line, offered) in [
        ("flambeau tr", &["train"][..]),
        ("flambeau runs ", &["list", "show", "compare", "plot", "delete"]),
        ("flambeau cv --fo", &["--folds"]),
        ("flambeau cv --str", &["--stratified"]),
        ("flambeau completions ", &["bash", "zsh", "fish", "elvish", "powershell"]),
    ] {
        let Some(got) = complete(&script, line) else { return skip("completions in bash: there is no bash") };
        for word in offered {
            assert!(got.iter().any(|own| own == word), "{line}: no {word} in {got:?}");
        }
    }
}
