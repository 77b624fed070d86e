//! A real S3 server, `s3s-fs`, in this process, on a free port of loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use message::time::{ManualClock, SeededRandomness};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::s3::{S3Store, S3Url};
use crate::{Error, Settings};

const KEY_ID: &str = "rohrpost";
const SECRET: &str = "never in the URL";
const BUCKET: &str = "mail";

/// The server; it ends when this is dropped.
pub(super) struct Server {
    root: TempDir,
    port: u16,
    accepting: JoinHandle<()>,
}

static SEED: AtomicU64 = AtomicU64::new(1 << 32);

impl Server {
    pub(super) async fn start() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join(BUCKET)).unwrap();
        let (port, accepting) = listen(&root, 0).await;
        Self {
            root,
            port,
            accepting,
        }
    }

    /// Ends it, with all its connections.
    pub(super) async fn stop(&mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }

    /// Starts it again where it was, with what it held.
    pub(super) async fn start_again(&mut self) {
        (_, self.accepting) = listen(&self.root, self.port).await;
    }

    /// The URL of what lies below `path`, a bucket and perhaps a prefix.
    pub(super) fn url_of(&self, path: &str, secret: &str) -> S3Url {
        let credentials = self
            .root
            .path()
            .join(format!(".credentials-{}", secret.len()));
        let lines = format!("AWS_ACCESS_KEY_ID={KEY_ID}\nAWS_SECRET_ACCESS_KEY={secret}\n");
        fs::write(&credentials, lines).unwrap();
        let (port, credentials) = (self.port, credentials.display());
        format!(
            "s3://{path}?endpoint=http://127.0.0.1:{port}&region=eu-1&allow_http=true\
             &credentials_file={credentials}"
        )
        .parse()
        .unwrap()
    }

    pub(super) fn url(&self, prefix: &str) -> S3Url {
        self.url_of(&format!("{BUCKET}/{prefix}"), SECRET)
    }

    /// What this server signs with, and a secret that it does not know.
    pub(super) const SECRETS: [&str; 2] = [SECRET, "wrong"];

    /// Opens the store below `prefix` as another process would.
    pub(super) async fn store(&self, prefix: &str, writer: Option<&str>) -> Arc<S3Store> {
        let opened = open(&self.url(prefix), writer).await;
        Arc::new(opened.unwrap())
    }

    /// The objects below `prefix` whose names hold `part`, as files.
    pub(super) fn objects(&self, prefix: &str, part: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.root.path().join(BUCKET).join(prefix), &mut found);
        found.retain(|path| path.to_string_lossy().contains(part));
        found.sort();
        found
    }

    /// How many parts of unfinished objects the server holds.
    pub(super) fn parts(&self) -> usize {
        let entries = fs::read_dir(self.root.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().contains(".part-"))
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

pub(super) async fn open(url: &S3Url, writer: Option<&str>) -> Result<S3Store, Error> {
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let settings = Settings::new(
        writer.map(|name| name.parse().unwrap()),
        Arc::new(ManualClock::at("2026-11-23T15:05:00Z")),
        Arc::new(SeededRandomness::new(seed)),
    );
    S3Store::open(url, settings).await
}

async fn listen(root: &TempDir, port: u16) -> (u16, JoinHandle<()>) {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, tokio::spawn(accept(listener, builder.build())))
}

async fn accept(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        let service = service.clone();
        connections.spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            let _ = connection.await;
        });
    }
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => walk(&path, found),
            false => found.push(path),
        }
    }
}
