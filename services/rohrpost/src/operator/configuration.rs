//! `rohrpost config`

use super::terminal::Terminal;
use crate::arguments::{ConfigOrder, Place};
use crate::{Failure, settings};

/// Reads the configuration as `serve` would, and says how it is.
pub(super) fn operate(
    order: ConfigOrder,
    place: &Place,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let config = settings::load(place)?.without_passwords();
    match order {
        ConfigOrder::Check => terminal.done(match &place.config {
            Some(path) => format!("{} is right", path.display()),
            None => {
                "the configuration is right (defaults and environment; no file given)".to_owned()
            }
        }),
        ConfigOrder::Show if terminal.json => terminal.json_line(&config),
        ConfigOrder::Show => terminal.words(&config.to_toml()),
    }
}
