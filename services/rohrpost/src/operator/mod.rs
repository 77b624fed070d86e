//! The operator's commands: each asks the admin API and shows the answer.

mod account_import;
mod check;
mod client;
mod configuration;
mod dead;
mod directory;
mod mailbox;
mod pages;
mod progress;
mod queue;
mod recover;
mod report;
mod spans;
mod terminal;
mod transfer;

use crate::Failure;
use crate::arguments::{Order, Place};
use crate::render::{self, Moment};
pub(crate) use client::Client;
use terminal::Terminal;

/// Does what the operator asks for.
pub(crate) async fn operate(order: Order, place: &Place) -> Result<(), Failure> {
    let terminal = Terminal {
        json: place.json,
        moment: Moment::now(),
    };
    // The only commands that need no server of ours.
    let order = match order {
        Order::Config(order) => return configuration::operate(order, place, &terminal),
        Order::Trace {
            message,
            tree: true,
            jaeger,
        } => return spans::show(message, &jaeger, &terminal).await,
        order => order,
    };
    let client = Client::of(place)?;
    match order {
        Order::Domain(order) => directory::domain(order, &client, &terminal).await,
        Order::Account(order) => directory::account(order, &client, &terminal).await,
        Order::Alias(order) => directory::alias(order, &client, &terminal).await,
        Order::Mailbox(order) => mailbox::mailbox(order, &client, &terminal).await,
        Order::Message(order) => mailbox::message(order, &client, &terminal).await,
        Order::Queue(order) => queue::queue(order, &client, &terminal).await,
        Order::Dead(order) => dead::dead(order, &client, &terminal).await,
        Order::Trace { message, .. } => {
            let history = client.history(message).await?;
            terminal.show(&history, render::story)
        }
        Order::Check(order) => check::check(order, &client, &terminal).await,
        Order::Config(order) => configuration::operate(order, place, &terminal),
    }
}
