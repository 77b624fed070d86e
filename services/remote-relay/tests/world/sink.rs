//! A scripted SMTP server on loopback: it says what it is told to say, and
//! keeps what it accepts.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What the sink does instead of saying yes.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// Replies so.
    Reply(&'static str),
    /// Closes the connection without a word.
    Close,
    /// Says nothing until the client leaves.
    Silence,
}

/// A message that the sink said 250 to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: String,
    pub(crate) tls: bool,
}

/// The server; it stops listening when dropped.
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    tls: TlsAcceptor,
    leave: Notify,
    certificate: String,
}

#[derive(Default)]
struct State {
    offers: Vec<&'static str>,
    /// The beginning of a command, what to say, and how often.
    script: Vec<(&'static str, Say, usize)>,
    mails: Vec<Mail>,
    commands: Vec<String>,
    connections: usize,
    open: usize,
    most_open: usize,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            offers: vec!["PIPELINING", "8BITMIME"],
            ..State::default()
        };
        let (tls, certificate) = acceptor();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            tls,
            certificate,
            leave: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let serving = Arc::clone(&serving);
                tokio::spawn(async move {
                    serving.enter();
                    // However the session ends, the client sees the connection close.
                    tokio::select! {
                        _ = serving.serve(stream) => {}
                        () = serving.leave.notified() => {}
                    }
                    serving.state().open -= 1;
                });
            }
        });
        Self {
            address,
            shared,
            task,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Offers these extensions, instead of PIPELINING and 8BITMIME.
    pub(crate) fn offer(&self, offers: &[&'static str]) {
        self.shared.state().offers = offers.to_vec();
    }

    /// Says this to commands that begin so, always. The greeting is `greeting`,
    /// the end of data `.`, the handshake after STARTTLS `tls`.
    pub(crate) fn say(&self, command: &'static str, say: Say) {
        self.say_times(command, say, usize::MAX);
    }

    /// The same, so many times.
    pub(crate) fn say_times(&self, command: &'static str, say: Say, times: usize) {
        self.shared.state().script.push((command, say, times));
    }

    /// Says yes to everything again.
    pub(crate) fn say_yes(&self) {
        self.shared.state().script.clear();
    }

    /// Its certificate for `mx.example.org`, signed by itself, in PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.shared.certificate
    }

    /// Closes all connections that are open.
    pub(crate) fn hang_up(&self) {
        self.shared.leave.notify_waiters();
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.state().mails.clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.state().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// The most connections that were open at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.shared.state().most_open
    }

    pub(crate) fn open(&self) -> usize {
        self.shared.state().open
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The session is over.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) {
        let mut state = self.state();
        state.connections += 1;
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
    }

    async fn serve(&self, stream: TcpStream) -> Result<(), Over> {
        let mut stream = BufReader::new(stream);
        self.reply(&mut stream, "greeting", "220 sink.example ESMTP\r\n")
            .await?;
        if self.session(&mut stream, false).await? {
            if self.scripted("tls").is_some() {
                // The handshake has begun; its answer is none.
                stream.fill_buf().await?;
                stream.write_all(b"this is no TLS\r\n").await?;
                return Ok(());
            }
            let stream = self.tls.accept(stream.into_inner()).await?;
            self.session(&mut BufReader::new(stream), true).await?;
        }
        Ok(())
    }

    /// Serves commands; true where TLS begins.
    async fn session<S>(&self, stream: &mut BufReader<S>, tls: bool) -> Result<bool, Over>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut mail = Mail {
            tls,
            ..Mail::default()
        };
        loop {
            let line = read_line(stream).await?;
            self.state().commands.push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let greeting = self.capabilities(tls);
                    self.reply(stream, &line, &greeting).await?;
                }
                "STARTTLS" => {
                    if self.reply(stream, &line, "220 2.0.0 go\r\n").await? {
                        return Ok(true);
                    }
                }
                "MAIL" => {
                    mail = Mail {
                        tls,
                        ..Mail::default()
                    };
                    if self.reply(stream, &line, "250 2.1.0 ok\r\n").await? {
                        mail.from = path(&line);
                    }
                }
                "RCPT" if mail.from.is_empty() => {
                    stream.write_all(b"503 5.5.1 from nobody\r\n").await?;
                }
                "RCPT" => {
                    if self.reply(stream, &line, "250 2.1.5 ok\r\n").await? {
                        mail.to.push(path(&line));
                    }
                }
                "DATA" if mail.to.is_empty() => {
                    stream
                        .write_all(b"503 5.5.1 nobody to send it to\r\n")
                        .await?;
                }
                "DATA" => {
                    if self.reply(stream, &line, "354 go on\r\n").await? {
                        if let Some(Say::Reply(reply)) = self.scripted("content") {
                            return Self::interrupt(stream, reply).await;
                        }
                        mail.content = read_content(stream).await?;
                        if self.reply(stream, ".", "250 2.0.0 queued\r\n").await? {
                            self.state().mails.push(mail.clone());
                        }
                    }
                    mail.to.clear();
                }
                "BDAT" => {
                    // The script may refuse it as it may refuse the content and its end.
                    if let Some(Say::Reply(reply)) = self.scripted("content") {
                        return Self::interrupt(stream, reply).await;
                    }
                    let chunk = read_chunk(stream, &line).await?;
                    let last = line.ends_with(" LAST");
                    let command = if last { "." } else { line.as_str() };
                    if mail.to.is_empty() {
                        stream.write_all(b"503 5.5.1 RCPT first\r\n").await?;
                    } else if self.reply(stream, command, "250 2.0.0 ok\r\n").await? {
                        mail.content.push_str(&chunk);
                        if last {
                            self.state().mails.push(std::mem::take(&mut mail));
                        }
                    } else {
                        mail.to.clear();
                    }
                }
                "QUIT" => {
                    stream.write_all(b"221 2.0.0 bye\r\n").await?;
                    return Ok(false);
                }
                _ => {
                    self.reply(stream, &line, "250 2.0.0 ok\r\n").await?;
                }
            }
        }
    }

    /// Replies after the first line of content and hears no more of it.
    async fn interrupt<S>(stream: &mut BufReader<S>, reply: &str) -> Result<bool, Over>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        read_line(stream).await?;
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        stream.shutdown().await?;
        // Unread octets would make the system reset the connection, and the
        // reply might be lost with it.
        tokio::io::copy_buf(stream, &mut tokio::io::sink()).await?;
        Err(Over)
    }

    fn capabilities(&self, tls: bool) -> String {
        let mut lines = vec!["sink.example"];
        let state = self.state();
        lines.extend(
            state
                .offers
                .iter()
                .filter(|offer| !(tls && **offer == "STARTTLS")),
        );
        let mut lines: VecDeque<_> = lines.into();
        let last = lines.pop_back().unwrap();
        let mut reply: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        reply.push_str(&format!("250 {last}\r\n"));
        reply
    }

    /// Says `usual`, or what the script has for `command`; whether it was a yes.
    async fn reply<S>(
        &self,
        stream: &mut BufReader<S>,
        command: &str,
        usual: &str,
    ) -> Result<bool, Over>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.scripted(command) {
            None => {
                stream.write_all(usual.as_bytes()).await?;
                Ok(true)
            }
            Some(Say::Reply(reply)) => {
                stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
                if reply.starts_with("421") {
                    return Err(Over);
                }
                Ok(reply.starts_with(['2', '3']))
            }
            Some(Say::Close) => Err(Over),
            Some(Say::Silence) => loop {
                read_line(stream).await?;
            },
        }
    }

    fn scripted(&self, command: &str) -> Option<Say> {
        let mut state = self.state();
        let fits = |(prefix, _, times): &&mut (&'static str, Say, usize)| {
            *times > 0 && command.starts_with(*prefix)
        };
        let (_, say, times) = state.script.iter_mut().find(fits)?;
        *times -= 1;
        Some(say.clone())
    }
}

async fn read_line<S>(stream: &mut BufReader<S>) -> Result<String, Over>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut line = Vec::new();
    match stream.read_until(b'\n', &mut line).await? {
        0 => Err(Over),
        _ => Ok(String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned()),
    }
}

async fn read_content<S>(stream: &mut BufReader<S>) -> Result<String, Over>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut content = String::new();
    loop {
        let line = read_line(stream).await?;
        match line.strip_prefix('.') {
            Some("") => return Ok(content),
            Some(unstuffed) => content.push_str(unstuffed),
            None => content.push_str(&line),
        }
        content.push_str("\r\n");
    }
}

/// The octets that a BDAT announces.
async fn read_chunk<S>(stream: &mut BufReader<S>, command: &str) -> Result<String, Over>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let octets = command.split(' ').nth(1).unwrap().parse().unwrap();
    let mut chunk = vec![0; octets];
    stream.read_exact(&mut chunk).await?;
    Ok(String::from_utf8(chunk).unwrap())
}

/// What stands between `<` and `>`.
fn path(line: &str) -> String {
    let (_, rest) = line.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}

/// What serves TLS as `mx.example.org`, and its certificate in PEM.
fn acceptor() -> (TlsAcceptor, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["mx.example.org".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certified.cert.pem())
}
