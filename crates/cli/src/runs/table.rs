//! Columns of text.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::console::say;

/// Prints rows below a head. The columns that `right` names are of numbers.
pub(super) fn print<H: Into<String>>(
    head: impl IntoIterator<Item = H>,
    rows: Vec<Vec<String>>,
    right: &[usize],
) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.into_iter().map(Into::into).collect::<Vec<String>>());
    table.add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        say(line.trim_end());
    }
}
