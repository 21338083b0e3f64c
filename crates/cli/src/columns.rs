//! Columns of text.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::console::say;

/// How rows are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// For a terminal.
    Plain,
    Markdown,
}

/// Prints rows below a head. The columns that `right` names are of numbers.
pub(crate) fn print<H: Into<String>>(
    head: impl IntoIterator<Item = H>,
    rows: Vec<Vec<String>>,
    right: &[usize],
) {
    print_as(Style::Plain, head, rows, right);
}

/// The same in a style.
pub(crate) fn print_as<H: Into<String>>(
    style: Style,
    head: impl IntoIterator<Item = H>,
    rows: Vec<Vec<String>>,
    right: &[usize],
) {
    let mut table = Table::new();
    let preset = if style == Style::Plain { presets::NOTHING } else { presets::ASCII_MARKDOWN };
    table.load_style(preset).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.into_iter().map(Into::into).collect::<Vec<String>>());
    table.add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        if style == Style::Plain {
            column.set_padding((0, 2));
        }
        if right.contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        say(line.trim_end());
    }
}
