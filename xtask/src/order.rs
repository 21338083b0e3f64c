//! The order of the workspace's crates: data flows one way, so a crate uses only what stands before it.

use crate::process::{self, Result};

/// A crate may use those of earlier ranks. Those of one rank do not know each other.
const RANKS: &[&[&str]] = &[
    &["flambeau-kernels"],
    &["flambeau-tensor"],
    &["flambeau-io"],
    &["flambeau-nn", "flambeau-optim", "flambeau-data"],
    &["flambeau-train", "flambeau-dist"],
    &["flambeau"],
    &["flambeau-bench"],
    &["flambeau-cli"],
];

/// Crates that use none of ours, and who may use them.
const ALONE: &[(&str, &[&str])] = &[
    ("flambeau-nn-derive", &["flambeau-nn"]),
    ("flambeau-viz", &["flambeau-train", "flambeau-dist", "flambeau"]),
    ("xtask", &[]),
];

/// The program is glue: whatever it needs, a user of the facade must have too. Only what it measures speed with is no
/// part of the library.
const PROGRAM: (&str, &[&str]) = ("flambeau-cli", &["flambeau", "flambeau-bench"]);

pub(crate) fn check() -> Result {
    let metadata = process::metadata()?;
    let members: Vec<_> = metadata["workspace_members"].as_array().into_iter().flatten().collect();
    let packages: Vec<_> = metadata["packages"].as_array().into_iter().flatten().collect();
    let ours: Vec<_> = packages.into_iter().filter(|package| members.contains(&&package["id"])).collect();
    let names: Vec<&str> = ours.iter().filter_map(|package| package["name"].as_str()).collect();
    if names.is_empty() {
        return Err("cargo metadata names no crate of the workspace".into());
    }
    let mut crates = Vec::new();
    for package in ours {
        let uses = package["dependencies"].as_array().into_iter().flatten();
        // Tests may use what they like, even a later crate.
        let uses = uses.filter(|dependency| dependency["kind"] != "dev");
        let uses =
            uses.filter_map(|dependency| dependency["name"].as_str()).filter(|name| names.contains(name));
        crates.push((package["name"].as_str().unwrap_or_default(), uses.collect()));
    }
    let wrong = violations(&crates);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// What is wrong with crates given as (name, the workspace's crates that it uses).
fn violations(crates: &[(&str, Vec<&str>)]) -> Vec<String> {
    let rank = |name: &str| RANKS.iter().position(|names| names.contains(&name));
    let users = |name: &str| ALONE.iter().find(|(alone, _)| *alone == name).map(|(_, users)| *users);
    let mut wrong = Vec::new();
    for (name, uses) in crates {
        let own = rank(name);
        if own.is_none() && users(name).is_none() {
            wrong.push(format!("{name} has no place: add it to the order in xtask/src/order.rs"));
            continue;
        }
        for used in uses {
            let allowed = match (own, rank(used), users(used)) {
                _ if *name == PROGRAM.0 => PROGRAM.1.contains(used),
                (Some(own), Some(used), _) => used < own,
                (_, None, Some(users)) => users.contains(name),
                // A crate without a place is reported once, as itself.
                (Some(_), None, None) => true,
                (None, _, _) => false,
            };
            if !allowed {
                wrong.push(format!("{name} must not use {used} (see the order in xtask/src/order.rs)"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::violations;

    #[test]
    fn the_order_as_drawn_holds() {
        let crates = [
            ("flambeau-kernels", vec![]),
            ("flambeau-tensor", vec!["flambeau-kernels"]),
            ("flambeau-io", vec!["flambeau-tensor"]),
            ("flambeau-nn-derive", vec![]),
            ("flambeau-nn", vec!["flambeau-io", "flambeau-nn-derive", "flambeau-tensor", "flambeau-kernels"]),
            ("flambeau-data", vec!["flambeau-tensor", "flambeau-io"]),
            ("flambeau-viz", vec![]),
            ("flambeau-train", vec!["flambeau-nn", "flambeau-optim", "flambeau-data", "flambeau-viz"]),
            ("flambeau", vec!["flambeau-train", "flambeau-nn", "flambeau-tensor"]),
            ("flambeau-bench", vec!["flambeau", "flambeau-kernels"]),
            ("flambeau-cli", vec!["flambeau", "flambeau-bench"]),
            ("xtask", vec![]),
        ];
        assert_eq!(violations(&crates), Vec::<String>::new());
    }

    #[test]
    fn each_breach_is_named() {
        for (name, used) in [
            ("flambeau-kernels", "flambeau-tensor"), // backwards
            ("flambeau-optim", "flambeau-nn"),       // within one rank
            ("flambeau-cli", "flambeau-tensor"),     // around the facade
            ("flambeau-data", "flambeau-nn-derive"), // the macro is nn's alone
            ("flambeau-nn-derive", "flambeau-kernels"),
            ("flambeau-viz", "flambeau-tensor"),
            ("flambeau-tensor", "flambeau-viz"),
            ("flambeau", "xtask"),
            ("flambeau", "flambeau-bench"),
            ("flambeau-bench", "flambeau-cli"),
        ] {
            let wrong = violations(&[(name, vec![used])]);
            assert_eq!(wrong.len(), 1, "{name} uses {used}: {wrong:?}");
            assert!(wrong[0].starts_with(&format!("{name} must not use {used}")), "{}", wrong[0]);
        }
    }

    #[test]
    fn a_new_crate_needs_a_place() {
        let wrong = violations(&[("flambeau-new", vec!["flambeau"]), ("flambeau", vec!["flambeau-new"])]);
        assert_eq!(wrong, ["flambeau-new has no place: add it to the order in xtask/src/order.rs"]);
    }
}
