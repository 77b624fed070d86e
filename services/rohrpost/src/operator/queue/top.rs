//! `rohrpost queue top`: what is in the queue, looked at again and again.

use std::io::{self, IsTerminal};

use config::Span;
use web_gateway::api::{Counts, Load};

use super::super::client::Client;
use super::super::terminal::Terminal;
use crate::Failure;
use crate::render::{self, Glance, Moment};

/// Moves to the upper left corner, as if nothing were there.
const HOME: &str = "\x1b[H";
/// Clears the rest of a line, at its end.
const LINE_END: &str = "\x1b[K\n";
/// Clears the rest of the screen.
const SCREEN_END: &str = "\x1b[J";
/// Clears the screen.
const CLEAR: &str = "\x1b[2J";

/// Shows the queue every so often, or once where nobody watches.
pub(super) async fn top(
    every: Span,
    lines: usize,
    once: bool,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut glance = look(client).await?;
    if terminal.json {
        return terminal.json_line(&glance.load);
    }
    if once || !io::stdout().is_terminal() {
        return terminal.words(&render::top(&glance, None, lines));
    }
    terminal.octets(CLEAR.as_bytes())?;
    let mut before = None;
    loop {
        let text = render::top(&glance, before.as_ref(), lines);
        let screen = text.trim_end().replace('\n', LINE_END);
        terminal.octets(format!("{HOME}{screen}{LINE_END}{SCREEN_END}").as_bytes())?;
        tokio::time::sleep(*every).await;
        before = Some(std::mem::replace(&mut glance, look(client).await?));
    }
}

async fn look(client: &Client) -> Result<Glance, Failure> {
    let counts: Counts = client.get(&["counts"], &[]).await?;
    let moment = Moment::now();
    let mut load = Load::default();
    loop {
        let after = load.next.iter();
        let query: Vec<_> = after.map(|after| ("after", after.to_string())).collect();
        load.add(client.get(&["queue", "load"], &query).await?);
        if load.next.is_none() {
            return Ok(Glance {
                moment,
                counts,
                load,
            });
        }
    }
}
