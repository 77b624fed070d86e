//! The processes a house is made of.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use servers::Port;

use super::plan::Plan;
use super::process::{Process, Signal};
use crate::wait::until;

/// One of the house's processes: all services in one, or an instance of one.
pub(super) struct Member {
    /// `rohrpost`, or service and number: `router-2`.
    pub(super) name: String,
    program: &'static str,
    readiness: Readiness,
    process: Option<Process>,
}

/// Where a member tells whether it is ready.
enum Readiness {
    /// At the web-gateway that is in it.
    Web(SocketAddr),
    /// At its own `server.health`.
    Own(Port),
}

impl Member {
    /// `rohrpost serve`.
    pub(super) fn whole(web: SocketAddr) -> Self {
        Self {
            name: "rohrpost".to_owned(),
            program: "rohrpost",
            readiness: Readiness::Web(web),
            process: None,
        }
    }

    /// An instance of a service.
    pub(super) fn instance(service: &'static str, number: usize) -> Result<Self> {
        Ok(Self {
            name: format!("{service}-{number}"),
            program: service,
            readiness: Readiness::Own(Port::reserve()?),
            process: None,
        })
    }

    /// Starts it, and does not wait.
    pub(super) fn begin(&mut self, plan: &Plan) -> Result<()> {
        let mut command = plan.command(self.program)?;
        match &self.readiness {
            Readiness::Web(_) => {
                command.args(["serve", "--data"]);
                command.arg(&plan.config.server.data);
            }
            Readiness::Own(port) => {
                command.env("ROHRPOST__SERVER__HEALTH", port.address().to_string());
            }
        }
        let directory = plan.directory.path();
        command
            .arg("--config")
            .arg(plan.file())
            .envs(plan.environment.iter().cloned())
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(appended(&directory.join("output"))?)
            .stderr(appended(&self.log(directory))?);
        self.process = Some(Process::spawn(command)?);
        Ok(())
    }

    /// Waits until it says that it is ready.
    pub(super) async fn ready(&mut self, http: &reqwest::Client) -> Result<()> {
        let address = match &self.readiness {
            Readiness::Web(address) => *address,
            Readiness::Own(port) => port.address(),
        };
        let url = format!("http://{address}/readyz");
        let name = &self.name;
        let what = format!("{name} is ready");
        let process = self.process.as_mut().context("it is down")?;
        let ready = until(&what, async || {
            if let Some(status) = process.ended()? {
                bail!("{name} ended by {status}");
            }
            let answer = http.get(&url).send().await;
            Ok(answer.ok().filter(|answer| answer.status().is_success()))
        });
        ready.await.map(drop)
    }

    /// Waits for its end.
    pub(super) async fn end(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("it is down")?;
        until(&format!("{} has ended", self.name), async || {
            process.ended()
        })
        .await
    }

    /// Ends it at once, if it runs.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        self.process()?.signal(signal)
    }

    pub(super) fn process(&self) -> Result<&Process> {
        let down = || format!("{} is down", self.name);
        self.process.as_ref().with_context(down)
    }

    /// How it ended by itself, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let process = self.process.as_mut().context("it is down")?;
        process.ended()
    }

    /// Where its log is.
    pub(super) fn log(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.log", self.name))
    }
}

fn appended(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| path.display().to_string())
}
