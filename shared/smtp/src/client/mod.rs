//! The client's side of SMTP (RFC 5321): what to say, what to wait for, and
//! what the answers mean for each recipient.
//!
//! [`Dialogue`] is the machine: octets from the server go in, [`Action`]s for
//! the driver come out. The driver owns the socket, TLS and the clock, bounds
//! each [`Action::Receive`] by the time of its [`Stage`] (§4.5.3.2), and
//! streams the content block by block through a [`DotStuffer`], framed by a final
//! dot, or by BDAT (RFC 3030) where the server offers CHUNKING.
//!
//! Nothing that is sent is made of free text: paths, names and parameters are
//! types without CR or LF, so no value can smuggle a command. A server that
//! answers more than it was asked ends the dialogue, because a reply taken for
//! another one could make mail count as accepted that was not.

mod capabilities;
mod dialogue;
mod login;
mod progress;
mod stage;
mod stuffing;
mod transaction;

pub use capabilities::Capabilities;
pub use dialogue::{Action, Dialogue, Encryption, End, Options};
pub use login::{Credentials, CredentialsError};
pub use stage::Stage;
pub use stuffing::{DotStuffer, Framing};
pub use transaction::{Answer, Transaction, Unfit};
