//! `rohrpost mailbox` and `message`

use message::Address;
use store::mailbox::MailboxName;

use super::client::Client;
use super::pages::Pages;
use super::terminal::Terminal;
use super::transfer;
use crate::Failure;
use crate::arguments::{MailboxOrder, MessageOrder};
use crate::render;

/// How much of a message is read to show its text.
const GLANCE: usize = 256 * 1024;

pub(super) async fn mailbox(
    order: MailboxOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        MailboxOrder::List { address } => {
            let address = address.to_string();
            let pages = Pages::new(client, &["accounts", &address, "mailboxes"], Vec::new());
            terminal
                .list(pages, "no mailboxes", render::mailboxes)
                .await
        }
        MailboxOrder::Import {
            address,
            source,
            mailbox,
        } => {
            let target = transfer::Target { address, mailbox };
            transfer::import(&source, target, client, terminal).await
        }
        MailboxOrder::Export {
            address,
            into,
            mailbox,
            format,
        } => {
            let target = transfer::Target { address, mailbox };
            transfer::export(&into, format, &target, client, terminal).await
        }
    }
}

pub(super) async fn message(
    order: MessageOrder,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    match order {
        MessageOrder::List { address, mailbox } => {
            let address = address.to_string();
            let path = [
                "accounts",
                &address,
                "mailboxes",
                mailbox.as_str(),
                "messages",
            ];
            let empty = format!("{mailbox} of {address} is empty");
            let pages = Pages::new(client, &path, Vec::new());
            terminal.list(pages, &empty, render::messages).await
        }
        MessageOrder::Show {
            address,
            uid,
            mailbox,
            raw: true,
        } => {
            raw(
                &Target {
                    address,
                    mailbox,
                    uid,
                },
                client,
                terminal,
            )
            .await
        }
        MessageOrder::Show {
            address,
            uid,
            mailbox,
            raw: false,
        } => {
            show(
                &Target {
                    address,
                    mailbox,
                    uid,
                },
                client,
                terminal,
            )
            .await
        }
    }
}

/// Which message.
struct Target {
    address: Address,
    mailbox: MailboxName,
    uid: u32,
}

impl Target {
    /// Its path in the admin API, with what is wanted of it behind.
    fn path<'t>(&'t self, texts: &'t (String, String), of_it: &'t [&'t str]) -> Vec<&'t str> {
        let (address, uid) = texts;
        let path = [
            "accounts",
            address,
            "mailboxes",
            self.mailbox.as_str(),
            "messages",
            uid,
        ];
        path.into_iter().chain(of_it.iter().copied()).collect()
    }

    fn texts(&self) -> (String, String) {
        (self.address.to_string(), self.uid.to_string())
    }
}

async fn raw(target: &Target, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let texts = target.texts();
    let mut octets = client.stream(&target.path(&texts, &["raw"]), &[]).await?;
    while let Some(chunk) = octets.chunk().await.map_err(|error| client.broken(error))? {
        terminal.octets(&chunk)?;
    }
    Ok(())
}

async fn show(target: &Target, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let texts = target.texts();
    if terminal.json {
        let message: web_gateway::api::Message = client.get(&target.path(&texts, &[]), &[]).await?;
        return terminal.json_line(&message);
    }
    let mut stream = client.stream(&target.path(&texts, &["raw"]), &[]).await?;
    let mut octets = Vec::new();
    while let Some(chunk) = stream.chunk().await.map_err(|error| client.broken(error))? {
        octets.extend_from_slice(&chunk);
        if octets.len() >= GLANCE {
            break;
        }
    }
    terminal.words(&render::message(&octets, octets.len() >= GLANCE))
}
