//! One connection: a client on one side, the engines on the other, the session
//! between them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use message::AccountId;
use perimeter::{Arrival, Denied, Stream, handshake};
use sasl::Credentials;
use store::StoreError;
use store::mailbox::{Expunge, MailboxId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Service;
use super::lease::Lease;
use super::maildrop::{Maildrop, Message};
use super::session::{Event, LoginRefusal, Session};
use super::stuffing::Stuffing;

/// Entries read at a time when a maildrop is opened.
const PAGE: usize = 10_000;

/// Octets of commands read at a time.
const READ: usize = 1024;

/// A connection to one client.
pub(super) struct Connection {
    service: Arc<Service>,
    client: SocketAddr,
    stream: Stream,
    session: Session,
    owner: Option<Owner>,
    shutdown: CancellationToken,
}

/// Whose maildrop is open.
struct Owner {
    account: AccountId,
    lease: Lease,
}

/// Why a connection ended otherwise than by QUIT.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the client hung up")]
    HungUp,
    #[error("the client was silent, or did not take our replies")]
    TimedOut,
    #[error("the server stops")]
    Stopping,
    #[error("the lock of the maildrop is lost")]
    LockLost,
    #[error("a message broke off: {0}")]
    Content(#[from] content::Error),
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

impl Connection {
    /// Shakes hands where TLS comes first, and greets.
    pub(super) async fn open(
        service: Arc<Service>,
        implicit_tls: bool,
        arrival: Arrival,
    ) -> io::Result<Self> {
        let Arrival {
            socket,
            client,
            shutdown,
        } = arrival;
        socket.set_nodelay(true)?;
        let mut stream = Stream::Clear(socket);
        if implicit_tls {
            stream = handshake(stream, Some(&service.tls)).await?;
        }
        let session = Session::new(Arc::clone(&service.session), implicit_tls);
        Ok(Self {
            service,
            client,
            stream,
            session,
            owner: None,
            shutdown,
        })
    }

    /// Serves the client until either side ends it.
    pub(super) async fn serve(mut self) {
        if let Err(broken) = self.work().await {
            tracing::debug!(client = %self.client, %broken, "session ended early");
        }
        if let Some(owner) = self.owner.take() {
            owner.lease.give_back().await;
        }
    }

    async fn work(&mut self) -> Result<(), Broken> {
        loop {
            match self.session.next_event() {
                Event::Send => self.send().await?,
                Event::Receive => self.receive().await?,
                Event::StartTls => self.start_tls().await?,
                Event::Login(credentials) => self.login(&credentials).await,
                Event::Retrieve(message, lines) => self.retrieve(message, lines).await?,
                Event::Remove(uids) => self.remove(&uids).await?,
                Event::Close => {
                    self.stream.close().await;
                    return Ok(());
                }
            }
        }
    }

    async fn send(&mut self) -> Result<(), Broken> {
        let output = self.session.output();
        within(self.service.timeout, self.stream.write(output)).await?;
        self.session.sent();
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), Broken> {
        let mut octets = [0; READ];
        let lost = async {
            match &self.owner {
                Some(owner) => owner.lease.lost().await,
                None => std::future::pending().await,
            }
        };
        let count = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Err(Broken::Stopping),
            () = lost => return Err(Broken::LockLost),
            read = within(self.service.timeout, self.stream.read(&mut octets)) => read?,
        };
        if count == 0 {
            return Err(Broken::HungUp);
        }
        self.session.received(&octets[..count]);
        Ok(())
    }

    async fn start_tls(&mut self) -> Result<(), Broken> {
        let clear = std::mem::replace(&mut self.stream, Stream::Gone);
        self.stream = handshake(clear, Some(&self.service.tls)).await?;
        self.session.secured();
        Ok(())
    }

    async fn login(&mut self, credentials: &Credentials) {
        match self.open_maildrop(credentials).await {
            Ok((owner, maildrop)) => {
                self.owner = Some(owner);
                self.session.accept_login(maildrop);
            }
            Err(refusal) => self.session.refuse_login(refusal),
        }
    }

    async fn open_maildrop(
        &self,
        credentials: &Credentials,
    ) -> Result<(Owner, Maildrop), LoginRefusal> {
        let Credentials { user, password } = credentials;
        let logins = &self.service.logins;
        let checked = logins.check(self.client.ip(), user, password).await;
        let account = checked.map_err(|denied| {
            tracing::info!(client = %self.client, %denied, "login failed");
            refusal(denied)
        })?;
        if !self.service.login_delay.admits(account) {
            return Err(LoginRefusal::TooSoon);
        }
        let opened = self.lock_and_list(account).await.map_err(|error| {
            error.log("cannot open a maildrop");
            LoginRefusal::NotNow
        })?;
        opened.ok_or(LoginRefusal::InUse)
    }

    async fn lock_and_list(
        &self,
        account: AccountId,
    ) -> Result<Option<(Owner, Maildrop)>, StoreError> {
        let Service {
            mailboxes,
            clock,
            random,
            ..
        } = self.service.as_ref();
        let Some(lease) = Lease::take(mailboxes, account, clock, random.as_ref()).await? else {
            return Ok(None);
        };
        let listed = self.list(account).await;
        match listed {
            Ok(maildrop) => Ok(Some((Owner { account, lease }, maildrop))),
            Err(error) => {
                lease.give_back().await;
                Err(error)
            }
        }
    }

    async fn list(&self, account: AccountId) -> Result<Maildrop, StoreError> {
        let mailboxes = &self.service.mailboxes;
        let inbox = mailboxes.mailbox(account, MailboxId::INBOX).await?;
        let mut maildrop = Maildrop::new(inbox.map_or(0, |inbox| inbox.uid_validity));
        loop {
            let after = maildrop.last_uid();
            let page = mailboxes
                .measures(account, MailboxId::INBOX, after, PAGE)
                .await?;
            maildrop.extend(&page);
            if page.len() < PAGE {
                return Ok(maildrop);
            }
        }
    }

    /// Streams a message. Once it has begun, it ends whole or with the
    /// connection.
    async fn retrieve(&mut self, message: Message, lines: Option<u64>) -> Result<(), Broken> {
        let (head, mut reader) = match self.find(message).await {
            Ok(found) => found,
            Err(reason) => {
                self.session.refuse_message(reason);
                return Ok(());
            }
        };
        self.session.announce(head.len() as u64 + reader.octets());
        self.send().await?;
        let mut stuffing = Stuffing::new(lines);
        let mut out = Vec::with_capacity(content::CHUNK / 4);
        stuffing.push(&head, &mut out);
        while !stuffing.is_done() {
            let Some(octets) = reader.read().await? else {
                break;
            };
            stuffing.push(&octets, &mut out);
            within(self.service.timeout, self.stream.write(&out)).await?;
            out.clear();
        }
        stuffing.finish(&mut out);
        within(self.service.timeout, self.stream.write(&out)).await?;
        self.session.message_sent();
        Ok(())
    }

    /// What stands before a message's content, and the content.
    async fn find(
        &self,
        message: Message,
    ) -> Result<(Vec<u8>, Box<dyn content::Reader>), &'static str> {
        const NOT_NOW: &str = "[SYS/TEMP] the message cannot be read now";
        let Some(owner) = &self.owner else {
            return Err(NOT_NOW);
        };
        let mailboxes = &self.service.mailboxes;
        let entry = mailboxes.entry(owner.account, MailboxId::INBOX, message.uid);
        let entry = entry.await.map_err(|error| {
            error.log("cannot look up a message");
            NOT_NOW
        })?;
        let entry = entry.ok_or("the message was removed by another client")?;
        let reader = self.service.content.open(&entry.content).await;
        let reader = reader.map_err(|error| {
            tracing::error!(content = %entry.content, %error, "cannot open a content");
            NOT_NOW
        })?;
        let head = [entry.prefix.as_bytes(), reader.prefix()].concat();
        Ok((head, reader))
    }

    /// What was marked goes at QUIT and not before, if the maildrop is still ours.
    /// Who has heard the reply may open the maildrop again.
    async fn remove(&mut self, uids: &[u32]) -> Result<(), Broken> {
        let Some(Owner { account, lease }) = self.owner.take() else {
            return Err(Broken::LockLost);
        };
        if lease.is_lost() {
            return Err(Broken::LockLost);
        }
        let mailboxes = &self.service.mailboxes;
        let removed = match uids {
            [] => Ok(Vec::new()),
            uids => {
                mailboxes
                    .expunge(account, MailboxId::INBOX, uids, Expunge::All)
                    .await
            }
        };
        lease.give_back().await;
        if let Err(error) = &removed {
            error.log("cannot remove messages");
        }
        self.session.removed(removed.is_ok());
        Ok(())
    }
}

fn refusal(denied: Denied) -> LoginRefusal {
    match denied {
        Denied::Wrong => LoginRefusal::Wrong,
        Denied::TooManyFromClient | Denied::TooManyForAccount => LoginRefusal::TooMany,
        Denied::NotNow => LoginRefusal::NotNow,
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Broken> {
    match timeout(limit, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Broken::TimedOut),
    }
}
