//! What a session wants of its driver.

use message::Envelope;
use sasl::Credentials;

use crate::command::{ForwardPath, Mail};
use crate::data::Fault;

/// What a session wants of its driver.
#[derive(Debug)]
pub enum Event<'a> {
    /// Send the output and go on: much has gathered, and more commands wait.
    Send,
    /// Send the output, then read more.
    Receive,
    /// Whose credentials are these? Answer by [`Session::accept_login`].
    ///
    /// [`Session::accept_login`]: super::Session::accept_login
    Authenticate(&'a Credentials),
    /// May this transaction begin? Answer by [`Session::accept_mail`].
    ///
    /// [`Session::accept_mail`]: super::Session::accept_mail
    Mail(&'a Mail),
    /// Is this a recipient? Answer by [`Session::accept_recipient`].
    ///
    /// [`Session::accept_recipient`]: super::Session::accept_recipient
    Recipient(&'a ForwardPath),
    /// Can content be taken now, behind DATA or in chunks? Answer by
    /// [`Session::accept_data`].
    ///
    /// [`Session::accept_data`]: super::Session::accept_data
    Data(&'a Envelope),
    /// The next octets of the content. [`Session::refuse`] ends the transaction
    /// early; the rest of the content is then thrown away.
    ///
    /// [`Session::refuse`]: super::Session::refuse
    Content(&'a [u8]),
    /// The message is complete. Answer by [`Session::accept_message`] once it
    /// is durable.
    ///
    /// [`Session::accept_message`]: super::Session::accept_message
    Message(&'a Arrival),
    /// The transaction that MAIL began is over without a message, because of
    /// the fault or because the client thought better of it.
    Abandoned(Option<Fault>),
    /// Send the output, shake hands, then call [`Session::secured`].
    ///
    /// [`Session::secured`]: super::Session::secured
    StartTls,
    /// Send the output and close the connection.
    Close,
}

/// A message that has arrived, apart from its octets.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The envelope with all that SMTP said.
    pub envelope: Envelope,
    /// The octets of the content after unstuffing.
    pub size: u64,
}
