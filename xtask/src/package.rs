//! `package`: what a user gets from the registry works. Packages the crates, builds the README's program against
//! the packages in a folder of its own, and runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Result, TempDir, cargo};

/// The largest package, in bytes.
const LIMIT: u64 = 10_000_000;

pub(crate) fn run(_: &[String]) -> Result {
    let packages = packages()?;
    let dir = TempDir::new("package")?;
    // In an own folder: packages of an earlier version may lie beside these in the usual one.
    let target = dir.0.join("target");
    let mut command = cargo(["package", "--no-verify", "--allow-dirty"]);
    for (name, _) in &packages {
        command.args(["-p", name]);
    }
    process::run(command.env("CARGO_TARGET_DIR", &target))?;

    let mut patches = String::new();
    for (name, version) in &packages {
        let archive = target.join("package").join(format!("{name}-{version}.crate"));
        let size = archive.metadata().map_err(|error| format!("{}: {error}", archive.display()))?.len();
        println!("{name} {version}: {} KB", size / 1000);
        if size > LIMIT {
            return Err(format!("package {name} has {size} bytes, more than {LIMIT}"));
        }
        process::run(Command::new("tar").arg("-xzf").arg(&archive).current_dir(&dir.0))?;
        if name != "flambeau" {
            patches += &format!("{name} = {{ path = \"../{name}-{version}\" }}\n");
        }
    }
    let program = program(&dir.0, &packages, &patches)?;
    // With the workspace's profile and target folder, so that the external crates need no second build.
    let mut build = cargo(["run", "--quiet"]);
    build.current_dir(&program).env("CARGO_TARGET_DIR", process::root().join("target"));
    let output = process::output(&mut build)?;
    print!("{output}");
    if !output.contains("test digits are right") {
        return Err("the README's program did not print its last line".into());
    }
    Ok(())
}

/// Name and version of each crate of the workspace that is published.
fn packages() -> Result<Vec<(String, String)>> {
    let text = process::output(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    // `publish = false` is an empty list of registries.
    let published = packages.filter(|p| p["publish"].is_null());
    let field = |p: &serde_json::Value, key: &str| p[key].as_str().unwrap_or_default().to_owned();
    Ok(published.map(|p| (field(p, "name"), field(p, "version"))).collect())
}

/// A program of its own, outside the workspace, from the first Rust block of the README.
#[allow(clippy::disallowed_methods, reason = "into a fresh folder that is thrown away")]
fn program(dir: &Path, packages: &[(String, String)], patches: &str) -> Result<PathBuf> {
    let readme = process::root().join("README.md");
    let text = std::fs::read_to_string(&readme).map_err(|error| format!("{}: {error}", readme.display()))?;
    let block = text.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let source = block.ok_or("the README has no Rust program")?;
    let version = packages.iter().find(|(name, _)| name == "flambeau").map(|(_, version)| version);
    let version = version.ok_or("the workspace has no crate `flambeau`")?;
    let manifest = format!(
        "[package]\nname = \"readme\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         flambeau = {{ path = \"../flambeau-{version}\" }}\n\n[patch.crates-io]\n{patches}\n\
         [profile.dev]\nopt-level = 1\ndebug = false\nlto = \"off\"\n\n[workspace]\n"
    );
    let folder = dir.join("program");
    let write = |path: PathBuf, text: &str| {
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    write(folder.join("Cargo.toml"), &manifest)?;
    write(folder.join("src/main.rs"), source)?;
    Ok(folder)
}
