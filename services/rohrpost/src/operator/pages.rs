//! Lists of the admin API, page after page, so that memory does not grow with
//! their length.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use web_gateway::api::Page;

use super::client::Client;
use crate::Failure;

const LIMIT: usize = 500;

/// A list that is being read.
pub(crate) struct Pages<'c, T> {
    client: &'c Client,
    path: Vec<String>,
    filter: Vec<(&'static str, String)>,
    at: Position,
    items: PhantomData<fn() -> T>,
}

enum Position {
    Start,
    After(String),
    End,
}

impl<'c, T: DeserializeOwned> Pages<'c, T> {
    pub(crate) fn new(
        client: &'c Client,
        path: &[&str],
        filter: Vec<(&'static str, String)>,
    ) -> Self {
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        Self {
            client,
            path,
            filter,
            at: Position::Start,
            items: PhantomData,
        }
    }

    /// The next page; none after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<T>>, Failure> {
        let mut query = self.filter.clone();
        query.push(("limit", LIMIT.to_string()));
        match &self.at {
            Position::Start => {}
            Position::After(after) => query.push(("after", after.clone())),
            Position::End => return Ok(None),
        }
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let page: Page<T> = self.client.get(&path, &query).await?;
        self.at = page.next.map_or(Position::End, Position::After);
        Ok(Some(page.items))
    }

    /// What the list begins with.
    pub(crate) async fn first_page(mut self) -> Result<Vec<T>, Failure> {
        Ok(self.next().await?.unwrap_or_default())
    }
}
