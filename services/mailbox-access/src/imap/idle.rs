//! IDLE (RFC 2177): news as they come.

use std::time::Duration;

use imap::response::Response;
use tokio::time::Instant;

use super::answer::{Answer, Broken, Failure};
use super::session::{Incoming, Session, State};
use super::update::Expunges;

/// How often something is said, so that what stands between keeps the
/// connection.
const SIGN_OF_LIFE: Duration = Duration::from_secs(120);

impl Session {
    pub(super) async fn idle(&mut self) -> Result<Answer, Failure> {
        self.account()?;
        Response::Continue("Idling").write(&mut self.out);
        self.framer.expect_line();
        if let State::Selected(_, view) = &mut self.state {
            view.dirty = true;
        }
        let deadline = Instant::now() + self.service.idle_timeout;
        loop {
            Box::pin(self.update(Expunges::Told)).await?;
            self.flush().await?;
            match self.take()? {
                Some(Incoming::Line(line)) if line.eq_ignore_ascii_case(b"DONE") => {
                    return Ok(Answer::ok("Done"));
                }
                Some(_) => return Err(Answer::bad("IDLE ends with DONE").into()),
                None => {}
            }
            if Instant::now() >= deadline {
                return Err(Broken::Silent.into());
            }
            if !self.wait().await? {
                self.inform("Still here");
            }
        }
    }

    /// Waits for the client or for news; false where neither came for long.
    async fn wait(&mut self) -> Result<bool, Broken> {
        let before = self.input.len();
        // Taken out, so that both ends can be waited for.
        let state = std::mem::replace(&mut self.state, State::Ended);
        let (account, mut view) = match state {
            State::Selected(account, view) => (account, view),
            other => {
                self.state = other;
                let nothing = std::future::pending::<()>();
                let news = self.receive_or(nothing, SIGN_OF_LIFE).await?;
                return Ok(news.is_some() || self.input.len() > before);
            }
        };
        let news = self.receive_or(view.changes.next(), SIGN_OF_LIFE).await;
        if let Ok(Some(event)) = &news {
            view.dirty |= view.concerns(*event);
        }
        self.state = State::Selected(account, view);
        Ok(news?.is_some() || self.input.len() > before)
    }
}
