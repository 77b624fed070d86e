//! Dead letters on the bus, in a table and one by one.

use web_gateway::api::DeadLetter;

use super::queue::cut;
use super::{Moment, Table, size};

/// A row for each.
pub(crate) fn dead_letters(letters: &[DeadLetter], _: &Moment) -> Table {
    let mut table = Table::new(&["NUMBER", "TOPIC", "SIZE", "REASON"]);
    for letter in letters {
        table.row([
            letter.id.to_string(),
            letter.topic.clone(),
            size(letter.size),
            cut(&letter.reason),
        ]);
    }
    table
}

/// One with its octets.
pub(crate) fn dead_letter(letter: &DeadLetter, _: &Moment) -> String {
    format!(
        "number   {}\nfound on {}\nreason   {}\nsize     {}\n\n{}\n",
        letter.id,
        letter.topic,
        letter.reason,
        size(letter.size),
        letter.payload
    )
}
