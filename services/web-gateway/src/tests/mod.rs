//! The admin API over the embedded engines, request by request.

mod autoconfig;
mod check;
mod directory;
mod http;
mod intervention;
mod mailbox;
mod queue;
mod recovery;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use message::time::SeededRandomness;
use message::{
    AccountId, Address, Body as BodyType, ContentId, Destination, Diagnostic, EnhancedStatus,
    Envelope, JobKey, MessageId, Outcome, Protocol, Randomness, Recipient, ReversePath,
    TraceContext, Transaction, Verdict,
};
use serde_json::{Value, json};
use station::{Health, SystemClock};
use store::StoreOptions;
use store::ledger::{Acceptance, Accepted, Decision, FinalRecipient, NewJob, Route, Why};
use store::mailbox::{Appended, MailboxName, NewEntry};
use telemetry::Metrics;
use tower::ServiceExt;

use crate::gateway::{Gateway, Ports};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A gateway on engines of its own.
struct Bench {
    router: Router,
    ports: Ports,
    _data: tempfile::TempDir,
}

/// A server called `mail.example.org`.
fn config() -> config::Config {
    let mut config = config::Config::default();
    config.server.hostname = "mail.example.org".parse().unwrap();
    config
}

/// What came back.
struct Answer {
    status: StatusCode,
    media_type: String,
    octets: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.octets)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.octets)))
    }

    /// The body, after a look at the status.
    #[track_caller]
    fn with(self, status: StatusCode) -> Self {
        assert_eq!(
            self.status,
            status,
            "{}",
            String::from_utf8_lossy(&self.octets)
        );
        self
    }

    /// A problem's detail, after a look at status and code.
    #[track_caller]
    fn problem(self, status: StatusCode, code: &str) -> String {
        let answer = self.with(status);
        assert_eq!(answer.media_type, "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status.as_u16());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

impl Bench {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock: Arc<dyn message::Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Randomness> = Arc::new(SeededRandomness::new(5));
        let options = StoreOptions::default();
        let (store, content) = (data.path().join("store"), data.path().join("content"));
        let stores = store::connect("embedded", &store, options, clock.clone(), Arc::new(|_| ()))
            .await
            .unwrap();
        let writer = Some("test".parse().unwrap());
        let settings = content::Settings::new(writer, clock.clone(), random.clone());
        let content = content::connect(&content::ContentUrl::File(content), settings)
            .await
            .unwrap();
        let ports = Ports {
            directory: stores.directory,
            mailboxes: stores.mailbox,
            ledger: stores.ledger,
            content,
            bus: bus::connect("embedded").await.unwrap(),
            clock,
            random,
            metrics: Metrics::new(),
            health: Health::new(),
        };
        let gateway = Gateway::new(ports.clone(), TOKEN.parse().unwrap(), &config(), false);
        Self {
            router: crate::server::router(gateway),
            ports,
            _data: data,
        }
    }

    /// A bench with `example.org`, and `alice` and `bob` in it.
    async fn furnished() -> Self {
        let bench = Self::new().await;
        let domain = json!({"name": "example.org", "postmaster": "alice@example.org"});
        bench
            .post("/api/v1/domains", domain)
            .await
            .with(StatusCode::CREATED);
        for name in ["alice", "bob"] {
            let address = format!("{name}@example.org");
            let account = json!({"address": address, "password": "correct horse"});
            bench
                .post("/api/v1/accounts", account)
                .await
                .with(StatusCode::CREATED);
        }
        bench
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let media_type = response.headers().get(header::CONTENT_TYPE);
        let media_type = media_type
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let status = response.status();
        let octets = axum::body::to_bytes(response.into_body(), 1 << 24)
            .await
            .unwrap()
            .to_vec();
        Answer {
            status,
            media_type,
            octets,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    async fn account(&self, address: &str) -> AccountId {
        let address: Address = address.parse().unwrap();
        self.ports
            .directory
            .account_at(&address)
            .await
            .unwrap()
            .unwrap()
            .id
    }

    fn draw(&self) -> MessageId {
        MessageId::draw(self.ports.clock.as_ref(), self.ports.random.as_ref())
    }

    /// Puts content under a prefix `Received: here`.
    async fn put_content(&self, message: MessageId, octets: &[u8]) -> ContentId {
        self.put_enveloped(message, octets, None).await
    }

    /// The same, with the envelope that it was accepted with.
    async fn put_enveloped(
        &self,
        message: MessageId,
        octets: &[u8],
        envelope: Option<Envelope>,
    ) -> ContentId {
        let mut writer = self.ports.content.create().await.unwrap();
        writer.write(octets).await.unwrap();
        let prefix = bytes::Bytes::from_static(b"Received: here\r\n");
        let trailer = content::Trailer {
            message,
            prefix,
            envelope,
        };
        writer.finish(trailer).await.unwrap().id
    }

    /// Accepts a message from alice.
    async fn accept(&self, to: &[&str]) -> (MessageId, ContentId) {
        let message = self.draw();
        let content = self
            .put_content(message, b"Subject: hello\r\n\r\nbody\r\n")
            .await;
        let acceptance = Acceptance {
            message,
            envelope: envelope(self.account("alice@example.org").await, to),
            content: content.clone(),
            size: 40,
            trace: TraceContext {
                trace: message,
                span: 1,
                sampled: false,
            },
            notice_of: None,
        };
        assert_eq!(
            self.ports.ledger.accept(acceptance).await.unwrap(),
            Accepted::Taken
        );
        (message, content)
    }

    /// Accepts a message to a remote recipient, routes it, and puts it off.
    async fn deferred(&self, to: &str) -> MessageId {
        let (message, _) = self.accept(&[to]).await;
        self.route(
            message,
            to,
            Destination::Domain("example.net".parse().unwrap()),
            None,
        )
        .await;
        let key = JobKey::work(message, 0);
        let lease = store::ledger::Lease(std::time::Duration::from_secs(60));
        let claimed = self
            .ports
            .ledger
            .claim(key, 0, lease)
            .await
            .unwrap()
            .unwrap();
        let now = self.ports.clock.now();
        let later = now + std::time::Duration::from_secs(300);
        let report = store::ledger::Report {
            outcomes: vec![(
                0,
                self.outcome(Verdict::Deferred, "4.4.1", "Connection refused"),
            )],
            attempts: Vec::new(),
            retry: Some(store::ledger::Retry {
                due: later,
                warn_at: later,
                until: later,
            }),
        };
        self.ports
            .ledger
            .record(key, claimed.job.generation, report)
            .await
            .unwrap();
        message
    }

    async fn route(
        &self,
        message: MessageId,
        to: &str,
        destination: Destination,
        account: Option<AccountId>,
    ) {
        let address: Address = to.parse().unwrap();
        let why = match account {
            Some(_) => Why::Account(store::directory::Via::Exact),
            None => Why::Dns,
        };
        let (chain, to) = (Vec::new(), Some(address.clone()));
        let route = Route {
            decisions: vec![Decision {
                original: 0,
                why,
                chain,
                to,
                outcome: None,
            }],
            jobs: vec![NewJob {
                destination,
                return_path: ReversePath::Address("alice@example.org".parse().unwrap()),
                recipients: vec![FinalRecipient {
                    address,
                    account,
                    originals: vec![0],
                }],
                passed_on_by: Vec::new(),
                expanded: Vec::new(),
            }],
        };
        self.ports
            .ledger
            .record_route(message, route)
            .await
            .unwrap()
            .unwrap();
    }

    /// Delivers a message into bob's INBOX, as local-delivery does.
    async fn delivered(&self) -> (MessageId, ContentId) {
        let (message, content) = self.accept(&["bob@example.org"]).await;
        let bob = self.account("bob@example.org").await;
        self.route(message, "bob@example.org", Destination::Local, Some(bob))
            .await;
        let prefix = "Return-Path: <alice@example.org>\r\n".to_owned();
        let entry = NewEntry {
            delivery: Some(message),
            content: content.clone(),
            size: 40 + prefix.len() as u64,
            prefix,
            internal_date: self.ports.clock.now(),
            flags: Vec::new(),
        };
        let inbox = MailboxName::inbox();
        let appended = self
            .ports
            .mailboxes
            .append(bob, &inbox, entry, store::mailbox::Quota::NONE)
            .await
            .unwrap();
        assert!(matches!(appended, Appended::Stored { .. }), "{appended:?}");
        let report = store::ledger::Report {
            outcomes: vec![(0, self.outcome(Verdict::Delivered, "2.0.0", "delivered"))],
            attempts: Vec::new(),
            retry: None,
        };
        self.ports
            .ledger
            .record(JobKey::work(message, 0), 0, report)
            .await
            .unwrap();
        (message, content)
    }

    fn outcome(&self, verdict: Verdict, status: &str, text: &str) -> Outcome {
        Outcome {
            verdict,
            status: status.parse::<EnhancedStatus>().unwrap(),
            diagnostic: Diagnostic::ours(text),
            at: self.ports.clock.now(),
        }
    }
}

fn envelope(account: AccountId, to: &[&str]) -> Envelope {
    Envelope {
        return_path: ReversePath::Address("alice@example.org".parse().unwrap()),
        recipients: to
            .iter()
            .map(|to| Recipient::new(to.parse().unwrap()))
            .collect(),
        ret: None,
        envelope_id: None,
        body: BodyType::SevenBit,
        smtputf8: false,
        transaction: Transaction {
            protocol: Protocol::Esmtp {
                tls: true,
                auth: true,
                utf8: false,
            },
            client: Some([192, 0, 2, 1].into()),
            helo: Some("client.example".into()),
            account: Some(account),
            tls: Some("TLSv1.3".into()),
        },
    }
}
