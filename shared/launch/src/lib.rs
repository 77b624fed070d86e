//! Launch: how a service becomes a process.
//!
//! [`run`] is the `main` of every service that runs on its own: arguments,
//! configuration, logs, engines by URL, the service beside an endpoint that
//! tells its health, and draining on SIGTERM. `rohrpost serve`, which runs all
//! services in one process, is made of the same parts.
//!
//! | exit status | means |
//! | --- | --- |
//! | 0 | told to end, and drained; with `--health`: ready |
//! | 1 | an engine does not open, or the service failed; with `--health`: not ready |
//! | 2 | wrong usage |
//! | 74 | an fsync failed: the next start is safe |
//! | 78 | wrong configuration |
//! | 130 | a second signal ended it at once |

mod arguments;
pub mod endpoint;
mod engines;
mod error;
mod inquiry;
pub mod life;
mod signals;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use config::Config;
use content::ContentStore;
use station::Station;
use telemetry::Telemetry;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use arguments::Arguments;
pub use engines::{ContentUse, Engines};
pub use error::{Error, causes};
pub use signals::cancel_on_signal;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the last spans may take to be exported.
pub const LAST_SPANS: Duration = Duration::from_secs(2);

/// A service's process: what it is made of.
pub struct Process {
    /// The service, named as its folder.
    pub service: &'static str,
    /// The whole configuration.
    pub config: Arc<Config>,
    /// What stands behind the ports.
    pub engines: Engines,
    /// Cancelled when the service is to drain.
    pub shutdown: CancellationToken,
}

impl Process {
    /// The service's place at the topics.
    pub fn station(&self) -> Station {
        self.engines.station(self.service)
    }

    /// The content store, for what the service does with it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn content(&self, for_what: ContentUse) -> Result<Arc<dyn ContentStore>, Error> {
        self.engines.content(self.service, for_what).await
    }
}

/// Does what the command line asks of a service's own process; `serve` makes the
/// service out of it, and ends when [`Process::shutdown`] is cancelled.
pub fn run<S, F>(service: &'static str, serve: S) -> ExitCode
where
    S: FnOnce(Process) -> F + Send + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let arguments = Arguments::read(service);
    let done = runtime().and_then(|runtime| {
        let done = runtime.block_on(perform(service, arguments, serve));
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{service}: {error}");
            ExitCode::from(error.status())
        }
    }
}

/// The runtime of a process, with what must be said once before it starts.
///
/// # Errors
/// When the system has no threads for it.
pub fn runtime() -> Result<Runtime, Error> {
    // A huge page counts whole for the little that is used of it. Where the
    // kernel cannot be told so, only memory is lost.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Fails only when called twice, and then there is a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = Builder::new_multi_thread().enable_all().build();
    built.map_err(Error::Runtime)
}

async fn perform<S, F>(service: &'static str, arguments: Arguments, serve: S) -> Result<(), Error>
where
    S: FnOnce(Process) -> F + Send + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let config = Config::load_for_service(arguments.config.as_deref(), config::environment())?;
    if arguments.health {
        return inquiry::ask(config.server.health).await;
    }
    telemetry::start_logs(&config.telemetry)?;
    let telemetry = Telemetry::start(&config.telemetry, |name| std::env::var(name).ok())?;
    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone())?;
    let config = Arc::new(config);
    let opening = Engines::open(config.clone(), telemetry.clone());
    // A signal while an engine is slow to answer ends the process too.
    let ended = match shutdown.run_until_cancelled(opening).await {
        Some(engines) => {
            let process = Process {
                service,
                config,
                engines: engines?,
                shutdown,
            };
            live(process, serve).await
        }
        None => Ok(()),
    };
    telemetry.shutdown(LAST_SPANS).await;
    ended
}

/// The service and its endpoint, from ready to drained.
async fn live<S, F>(process: Process, serve: S) -> Result<(), Error>
where
    S: FnOnce(Process) -> F + Send + 'static,
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let Process {
        service, shutdown, ..
    } = &process;
    let (service, shutdown) = (*service, shutdown.clone());
    let (health, clock) = (
        process.engines.health.clone(),
        process.engines.clock.clone(),
    );
    let mut parts = endpoint::part(&process.config.server, &process.engines, &shutdown).await?;
    parts.push((
        service,
        Box::pin(async move { serve(process).await.map_err(|error| error.to_string()) }),
    ));
    let opening = async move {
        life::ready(&health, clock.as_ref()).await;
        tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "ready");
    };
    life::run(parts, opening, shutdown).await
}
