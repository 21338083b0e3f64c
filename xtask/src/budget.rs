//! How many crates a user must build: the peers' most frequent complaint after installation is compile time.

use std::collections::BTreeSet;

use crate::process::{self, Result, cargo};

/// A package, built without its optional features or with its default ones, and the most external crates.
const BUDGETS: &[(&str, &[&str], usize)] =
    &[("flambeau", &["--no-default-features"], 60), ("flambeau-cli", &[], 300)];

pub(crate) fn check() -> Result {
    for (package, features, most) in BUDGETS {
        let tree = ["tree", "-p", package, "-e", "normal,build", "--prefix", "none"];
        let count = external(&process::output(&mut cargo(tree.iter().chain(*features)))?);
        eprintln!("{package}: {count} external crates (at most {most})");
        if count > *most {
            return Err(format!("{package} builds {count} external crates, more than the {most} we promise"));
        }
    }
    Ok(())
}

/// The distinct crates in the output of `cargo tree --prefix none`, less those of this workspace.
fn external(tree: &str) -> usize {
    let root = process::root();
    let ours = |line: &str| line.contains(&format!("({}", root.display()));
    // "name v1.2.3 (proc-macro) (*)": the first two words tell a crate.
    let crates = tree.lines().filter(|line| !ours(line)).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    crates.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::external;
    use crate::process::root;

    #[test]
    fn counts_each_external_crate_once() {
        let own = root().join("crates/tensor");
        let tree = format!(
            "flambeau-tensor v0.1.0 ({})\nserde v1.0.1\nserde_derive v1.0.1 (proc-macro)\n\nserde v1.0.1 (*)\nserde v0.9.0\n",
            own.display()
        );
        assert_eq!(external(&tree), 3);
    }
}
