//! Modules as text, as PyTorch prints them.

use crate::Module;

use super::walk::Members;

/// The last segment of a type's path, without its generic arguments.
pub(crate) fn short_name(full: &'static str) -> &'static str {
    let path = full.split_once('<').map_or(full, |(path, _)| path);
    path.rsplit_once("::").map_or(path, |(_, name)| name)
}

pub(crate) fn repr(module: &dyn Module) -> String {
    let children = Members::of(module).modules.into_iter().map(|(name, child)| (name, repr(child)));
    let children = grouped(children.collect());
    let children = if module.type_name() == "ModuleList" { collapsed(&children) } else { children };
    block(module.type_name(), &module.extra_repr(), &children)
}

/// `Name(extra)`, or a line for each child between the parentheses.
fn block(name: &str, extra: &str, children: &[(String, String)]) -> String {
    if children.is_empty() && extra.lines().count() < 2 {
        return format!("{name}({extra})");
    }
    let lines = extra.lines().map(str::to_owned);
    let lines = lines.chain(children.iter().map(|(name, text)| format!("({name}): {text}")));
    let body: String = lines.map(|line| format!("  {}\n", line.replace('\n', "\n  "))).collect();
    format!("{name}(\n{body})")
}

/// Gathers the entries of a `Vec`, array or tuple, whose names have dots, into one child.
fn grouped(children: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut groups = Vec::new();
    let mut children = children.into_iter().peekable();
    while let Some((name, text)) = children.next() {
        let Some((group, first)) = name.split_once('.') else {
            groups.push((name, text));
            continue;
        };
        let prefix = format!("{group}.");
        let mut items = vec![(first.to_owned(), text)];
        while let Some((name, text)) = children.next_if(|(name, _)| name.starts_with(&prefix)) {
            items.push((name[prefix.len()..].to_owned(), text));
        }
        groups.push((group.to_owned(), block("ModuleList", "", &collapsed(&grouped(items)))));
    }
    groups
}

/// Lets equal neighbours share a line, as PyTorch does within lists.
fn collapsed(items: &[(String, String)]) -> Vec<(String, String)> {
    let runs = items.chunk_by(|left, right| left.1 == right.1);
    let joined = |run: &[(String, String)]| match run {
        [first, .., last] => (format!("{}-{}", first.0, last.0), format!("{} x {}", run.len(), first.1)),
        _ => run.first().cloned().unwrap_or_default(),
    };
    runs.map(joined).collect()
}
