//! How Redis is away.

use std::time::Duration;

use anyhow::Result;
use system::{House, Plan, Server, until};

/// How long a reply may take of one that may hang.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// It was killed, and connections are refused.
    Killed,
    /// It stands still, and nothing is answered. What was asked of it meanwhile
    /// it does when it goes on.
    Hung,
}

impl Absence {
    pub(super) fn plan(self, plan: Plan) -> Plan {
        match self {
            Self::Killed => plan,
            Self::Hung => plan.store_timeout(TIMEOUT),
        }
    }

    pub(super) fn begin(self, house: &mut House) -> Result<()> {
        match self {
            Self::Killed => house.kill_server(Server::Store),
            Self::Hung => house.freeze_store(true),
        }
    }

    /// Ends it, and waits until the house has noticed.
    pub(super) async fn end(self, house: &mut House) -> Result<()> {
        match self {
            Self::Killed => house.resume_server(Server::Store).await?,
            Self::Hung => house.freeze_store(false)?,
        }
        until("all are ready", async || {
            Ok((probe(house, "readyz").await?.0 == 200).then_some(()))
        })
        .await
    }
}

/// Status and text of `/readyz` or `/healthz`.
pub(super) async fn probe(house: &House, name: &str) -> Result<(u16, String)> {
    let url = format!("http://{}/{name}", house.web());
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}
