//! The client of the admin API.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use message::{Address, Domain, MessageId};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use web_gateway::Token;
use web_gateway::api::{self, Problem};

use super::pages::Pages;
use crate::Failure;
use crate::arguments::Place;
use crate::settings;
use launch::causes;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer that is not streamed may take.
const ANSWER: Duration = Duration::from_secs(60);

/// Speaks to one server's admin API.
pub(crate) struct Client {
    http: reqwest::Client,
    root: Url,
    token: Token,
    token_file: PathBuf,
}

impl Client {
    /// A client of the server that the command line means: the one named by
    /// `--url`, or the one with this configuration.
    pub(crate) fn of(place: &Place) -> Result<Self, Failure> {
        let config = settings::load(place)?;
        let token_file = place
            .token_file
            .clone()
            .unwrap_or_else(|| config.token_file());
        let token = read_token(&token_file)?;
        let url = match &place.url {
            Some(url) => url.clone(),
            None => format!("http://{}", reachable(config.web.listen)),
        };
        Self::new(&url, token, token_file)
    }

    /// A client of the server at `url` with a token, which came from a file.
    pub(crate) fn new(url: &str, token: Token, token_file: PathBuf) -> Result<Self, Failure> {
        let root = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let root = root.ok_or_else(|| {
            Failure::Usage(format!("--url {url:?} is not an http:// or https:// URL"))
        })?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            // The token goes to the server and to nobody between.
            .no_proxy()
            .build();
        let http = http.map_err(|error| Failure::Unreachable {
            url: url.to_owned(),
            cause: causes(&error),
        })?;
        Ok(Self {
            http,
            root,
            token,
            token_file,
        })
    }

    /// All domains.
    pub(crate) fn domains(&self) -> Pages<'_, api::Domain> {
        Pages::new(self, &["domains"], Vec::new())
    }

    /// Adds a domain.
    pub(crate) async fn add_domain(
        &self,
        name: Domain,
        postmaster: Address,
        catch_all: Option<Address>,
    ) -> Result<api::Domain, Failure> {
        self.post(
            &["domains"],
            &api::Domain {
                name,
                postmaster,
                catch_all,
            },
        )
        .await
    }

    /// Creates an account.
    pub(crate) async fn add_account(
        &self,
        account: &api::NewAccount,
    ) -> Result<api::Account, Failure> {
        self.post(&["accounts"], account).await
    }

    /// The life of a message.
    pub(crate) async fn history(&self, message: MessageId) -> Result<api::History, Failure> {
        self.get(&["messages", &message.to_string()], &[]).await
    }

    /// Reads a resource.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let request = self.request(Method::GET, path, query).timeout(ANSWER);
        self.decode(self.send(request).await?).await
    }

    /// Posts `body` to a resource.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self
            .request(Method::POST, path, &[])
            .timeout(ANSWER)
            .json(body);
        self.decode(self.send(request).await?).await
    }

    /// Posts `body` to a resource that answers nothing.
    pub(crate) async fn send_body(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<(), Failure> {
        let request = self.request(Method::POST, path, &[]);
        self.send(request.timeout(ANSWER).json(body))
            .await
            .map(drop)
    }

    /// Posts a message.
    pub(crate) async fn post_octets<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        octets: Vec<u8>,
    ) -> Result<T, Failure> {
        let request = self
            .request(Method::POST, path, query)
            .header(reqwest::header::CONTENT_TYPE, "message/rfc822")
            .timeout(ANSWER)
            .body(octets);
        self.decode(self.send(request).await?).await
    }

    /// Orders what needs no words and answers nothing.
    pub(crate) async fn order(&self, path: &[&str]) -> Result<(), Failure> {
        let request = self.request(Method::POST, path, &[]).timeout(ANSWER);
        self.send(request).await.map(drop)
    }

    /// Puts `body` in the place of a resource that answers nothing.
    pub(crate) async fn put(&self, path: &[&str], body: &impl Serialize) -> Result<(), Failure> {
        let request = self
            .request(Method::PUT, path, &[])
            .timeout(ANSWER)
            .json(body);
        self.send(request).await.map(drop)
    }

    /// Deletes a resource that answers nothing.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        let request = self.request(Method::DELETE, path, &[]).timeout(ANSWER);
        self.send(request).await.map(drop)
    }

    /// Deletes a resource and reads what came of it.
    pub(crate) async fn delete_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let request = self.request(Method::DELETE, path, query).timeout(ANSWER);
        self.decode(self.send(request).await?).await
    }

    /// Begins to read a resource that streams.
    pub(crate) async fn stream(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Response, Failure> {
        self.send(self.request(Method::GET, path, query)).await
    }

    /// What the server sent that is no answer of ours, or that it broke off.
    pub(crate) fn broken(&self, reason: impl ToString) -> Failure {
        Failure::Answer {
            url: self.root.to_string(),
            reason: reason.to_string(),
        }
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.root.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let root = api::ROOT.split('/').filter(|segment| !segment.is_empty());
            segments.pop_if_empty().extend(root).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http
            .request(method, url)
            .bearer_auth(self.token.expose())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| Failure::Unreachable {
            url: self.root.to_string(),
            cause: causes(&error.without_url()),
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(Failure::Unauthorized {
                path: self.token_file.clone(),
            });
        }
        match response.json::<Problem>().await {
            Ok(problem) => Err(Failure::Refused(problem)),
            Err(_) => Err(self.broken(format_args!("status {status} without a problem"))),
        }
    }

    async fn decode<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        response
            .json()
            .await
            .map_err(|error| self.broken(causes(&error.without_url())))
    }
}

/// An address to connect to: a server that listens everywhere is also here.
fn reachable(mut listen: std::net::SocketAddr) -> std::net::SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    listen
}

fn read_token(path: &Path) -> Result<Token, Failure> {
    let refuse = |reason: String| Failure::Token { reason };
    let text = fs::read_to_string(path).map_err(|cause| {
        refuse(format!(
            "cannot read the token in {}: {cause}",
            path.display()
        ))
    })?;
    text.trim()
        .parse()
        .map_err(|error| refuse(format!("{} holds no token: {error}", path.display())))
}
