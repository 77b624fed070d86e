//! Tables without lines: columns parted by spaces, as far as the terminal is wide.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table as Comfy};

/// A table that grows row by row.
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text; the header only where it is the first of a list.
    pub(crate) fn render(self, with_header: bool) -> String {
        let columns = self.header.len();
        let mut table = Comfy::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if with_header {
            table.set_header(self.header);
        }
        table.add_rows(self.rows);
        for column in 0..columns {
            if let Some(column) = table.column_mut(column) {
                column.set_padding((0, 2));
            }
        }
        table.trim_fmt()
    }
}
