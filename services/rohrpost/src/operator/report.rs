//! Reports of the admin API that come line by line while they are made.

use std::marker::PhantomData;

use reqwest::Response;
use serde::de::DeserializeOwned;

use super::client::Client;
use crate::Failure;

/// The longest line of a report.
const LONGEST: usize = 1024 * 1024;

/// A report that is being read.
pub(super) struct Report<'c, L> {
    client: &'c Client,
    response: Response,
    pending: Vec<u8>,
    lines: PhantomData<fn() -> L>,
}

impl<'c, L: DeserializeOwned> Report<'c, L> {
    /// Asks for a report.
    pub(super) async fn of(
        client: &'c Client,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Self, Failure> {
        Ok(Self {
            client,
            response: client.stream(path, query).await?,
            pending: Vec::new(),
            lines: PhantomData,
        })
    }

    /// The next line. Whoever knows the last one does not ask for more: a report
    /// that ends before it was broken off.
    pub(super) async fn next(&mut self) -> Result<L, Failure> {
        let broken = |error: &dyn std::error::Error| self.client.broken(error);
        loop {
            if let Some(end) = self.pending.iter().position(|&octet| octet == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return serde_json::from_slice(&line).map_err(|error| broken(&error));
            }
            if self.pending.len() > LONGEST {
                return Err(self.client.broken("a line of the report has no end"));
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|error| broken(&error))? {
                Some(chunk) => self.pending.extend_from_slice(&chunk),
                None => return Err(self.client.broken("the report broke off")),
            }
        }
    }
}
