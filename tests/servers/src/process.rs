//! A server's processes, from start to SIGKILL.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long a server may take to start; RabbitMQ on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process with all of its group. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| {
            let hint = "is it installed? `tests/run` sees to that";
            io::Error::new(
                error.kind(),
                format!("cannot start {program}: {error}; {hint}"),
            )
        })?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Waits until `address` accepts connections.
    pub(crate) async fn listens(&mut self, address: SocketAddr) -> io::Result<()> {
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = self.child.try_wait()? {
                    return Err(io::Error::other(format!("ended with {status}")));
                }
                sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        let listened = timeout(PATIENCE, listens).await;
        let listened = listened.unwrap_or_else(|elapsed| Err(elapsed.into()));
        listened.map_err(|error| {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            io::Error::other(format!("{error} instead of listening; it said:\n{log}"))
        })
    }

    /// The id of the process that was started.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the whole group at once, and waits for the end.
    pub(crate) fn kill(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // One that has ended by itself needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
