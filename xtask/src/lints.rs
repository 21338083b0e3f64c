//! `unsafe` lives in kernels alone. The compiler sees to that through the workspace's lints, so this sees to
//! it that every crate takes them.

use crate::process::{self, Result};

const UNSAFE: &str = "flambeau-kernels";

pub(crate) fn check() -> Result {
    let root = read("Cargo.toml")?;
    if setting(&root, "workspace.lints.rust", "unsafe_code") != Some("\"forbid\"") {
        return Err("Cargo.toml must forbid unsafe_code under [workspace.lints.rust]".into());
    }
    let metadata = process::metadata()?;
    let members: Vec<_> = metadata["workspace_members"].as_array().into_iter().flatten().collect();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if !members.contains(&&package["id"]) || package["name"] == UNSAFE {
            continue;
        }
        let path = package["manifest_path"].as_str().unwrap_or_default();
        let manifest = read(path)?;
        let shared = setting(&manifest, "lints", "workspace") == Some("true");
        // xtask prints, so it has lints of its own.
        let own = setting(&manifest, "lints.rust", "unsafe_code") == Some("\"forbid\"");
        if !shared && !own {
            return Err(format!("{path} needs\n[lints]\nworkspace = true"));
        }
    }
    Ok(())
}

fn read(path: &str) -> Result<String> {
    let path = process::root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The value of `key = value` in a manifest's `[section]`; enough TOML for a lint table.
fn setting<'a>(manifest: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let header = format!("[{section}]");
    let lines = manifest.lines().map(str::trim).skip_while(|line| *line != header).skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    lines.find_map(|line| Some(line.strip_prefix(key)?.trim_start().strip_prefix('=')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn reads_a_setting_of_its_own_section() {
        let manifest = "[a]\nworkspace = true\n\n[lints]\n# why\nworkspace = true\n[b]\nx=1";
        assert_eq!(setting(manifest, "lints", "workspace"), Some("true"));
        assert_eq!(setting(manifest, "lints", "x"), None);
        assert_eq!(setting("[a]\nworkspace = true", "lints", "workspace"), None);
    }
}
