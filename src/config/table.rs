//! How tables look, here and in what commands print.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

/// A line below the header and nothing else: it reads well, and `grep` finds whole rows.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// An empty table with these columns. At a terminal it keeps to its width.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}
