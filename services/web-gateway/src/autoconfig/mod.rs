//! Autoconfiguration: a client that knows only an address is told where to
//! connect. For Thunderbird and most others `config-v1.1.xml`, for Outlook
//! Autodiscover in its plain form (POX), for Apple a profile; what DNS needs is
//! in [`dns`].
//!
//! Anybody may ask, and learns the same whether an account exists or not. Clients
//! want HTTPS: a reverse proxy has it, for `autoconfig.DOMAIN`,
//! `autodiscover.DOMAIN` and the domain itself.

mod autodiscover;
pub(crate) mod dns;
mod profile;
mod thunderbird;
mod xml;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use config::{ClientProtocol, Offer};
use message::{Address, Domain};
use serde::Deserialize;

use crate::extract::FromQuery;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The octets of a request of Autodiscover; real ones have a few hundred.
const REQUEST_OCTETS: usize = 16 * 1024;

/// The paths that clients ask for, in the spellings they use.
pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/mail/config-v1.1.xml", get(thunderbird))
        .route(
            "/.well-known/autoconfig/mail/config-v1.1.xml",
            get(thunderbird),
        )
        .route("/autodiscover/autodiscover.xml", post(outlook))
        .route("/Autodiscover/Autodiscover.xml", post(outlook))
        .route("/AutoDiscover/AutoDiscover.xml", post(outlook))
        .route("/apple.mobileconfig", get(apple))
}

/// Who asks.
#[derive(Deserialize)]
struct Question {
    #[serde(alias = "email")]
    emailaddress: Option<String>,
}

/// What clients of a domain are told.
struct Answer {
    domain: Domain,
    offers: Vec<Offer>,
}

impl Answer {
    /// For a domain of ours; any other is none of our business.
    async fn of(gateway: &Gateway, domain: Domain) -> Result<Self, Refusal> {
        if gateway.ports.directory.domain(&domain).await?.is_none() {
            return Err(Refusal::missing(format_args!("a domain {domain} here")));
        }
        Ok(Self {
            domain,
            offers: gateway.offers.clone(),
        })
    }

    /// All ports of a protocol, the preferred one first.
    fn all(&self, protocol: ClientProtocol) -> impl Iterator<Item = &Offer> {
        let offers = self.offers.iter();
        offers.filter(move |offer| offer.protocol == protocol)
    }
}

async fn thunderbird(
    State(gateway): State<Gateway>,
    FromQuery(question): FromQuery<Question>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let address = question.emailaddress.as_deref().map(address).transpose()?;
    let domain = match &address {
        Some(address) => address.domain().clone(),
        None => asked_host(&headers)?,
    };
    let answer = Answer::of(&gateway, domain).await?;
    Ok(xml_response(thunderbird::document(&answer)))
}

async fn outlook(
    State(gateway): State<Gateway>,
    body: axum::body::Body,
) -> Result<Response, Refusal> {
    let body = axum::body::to_bytes(body, REQUEST_OCTETS).await;
    let body = body.map_err(|_| Refusal::too_large("a request of Autodiscover is short"))?;
    let Some(address) = autodiscover::address(&String::from_utf8_lossy(&body)) else {
        return Ok(xml_response(autodiscover::invalid_request()));
    };
    let answer = Answer::of(&gateway, address.domain().clone()).await?;
    Ok(xml_response(autodiscover::document(&answer, &address)))
}

async fn apple(
    State(gateway): State<Gateway>,
    FromQuery(question): FromQuery<Question>,
) -> Result<Response, Refusal> {
    let asked = question.emailaddress.as_deref();
    let asked = asked.ok_or_else(|| Refusal::invalid("?email=ADDRESS is missing"))?;
    let address = address(asked)?;
    let answer = Answer::of(&gateway, address.domain().clone()).await?;
    let profile = profile::document(&answer, &address, gateway.ports.random.as_ref());
    let headers = [
        (header::CONTENT_TYPE, "application/x-apple-aspen-config"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"mail.mobileconfig\"",
        ),
    ];
    Ok((headers, profile).into_response())
}

fn address(text: &str) -> Result<Address, Refusal> {
    let address = text.parse();
    address.map_err(|error| Refusal::invalid(format_args!("{text:?}: {error}")))
}

/// The domain that the host's name stands for: `autoconfig.example.org` or
/// `example.org`.
fn asked_host(headers: &HeaderMap) -> Result<Domain, Refusal> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let name = name.strip_prefix("autoconfig.").unwrap_or(name);
    name.parse()
        .map_err(|_| Refusal::invalid("?emailaddress=ADDRESS is missing"))
}

fn xml_response(document: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/xml; charset=utf-8")];
    (headers, document).into_response()
}
