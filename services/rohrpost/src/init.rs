//! `rohrpost init`: makes what the engines need before services start, with an
//! administrator's credentials: streams, consumers and queues on the broker,
//! functions in Redis. What is right already is left alone, so it may be run at
//! any time, as before each upgrade.

use config::Config;

use crate::Failure;
use crate::serve::certificate;

/// Prepares the engines that `config` names, and where asked for, a certificate.
pub(crate) async fn init(config: &Config, with_certificate: bool) -> Result<(), Failure> {
    telemetry::start_logs(&config.telemetry).map_err(launch::Error::Telemetry)?;
    if with_certificate {
        provide_certificate(config)?;
    }
    let engines = &config.without_passwords().engines;
    let bus = bus::init(&config.engines.bus).await;
    bus.map_err(|error| failed("bus", &error))?;
    say(
        "bus",
        &engines.bus,
        "its streams, consumers and queues are as this version wants them",
    );
    let store = store::init(&config.engines.store).await;
    store.map_err(|error| failed("store", &error))?;
    say(
        "store",
        &engines.store,
        "its functions are those of this version",
    );
    Ok(())
}

fn provide_certificate(config: &Config) -> Result<(), Failure> {
    let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) else {
        let problem = "--certificate needs tls.certificate and tls.key, which say where to put it";
        return Err(Failure::Usage(problem.to_owned()));
    };
    let host = config.server.hostname.as_str();
    let outcome = match certificate::make_missing(host, certificate, key)? {
        true => "made, self-signed; replace it by one that clients trust",
        false => "there already",
    };
    println!("certificate {}: {outcome}", certificate.display());
    Ok(())
}

fn failed(engine: &'static str, error: &dyn std::error::Error) -> Failure {
    let reason = launch::causes(error);
    Failure::Launch(launch::Error::Engine { engine, reason })
}

fn say(port: &str, url: &str, done: &str) {
    match url {
        "embedded" => println!("{port} embedded: nothing to prepare"),
        url => println!("{port} {url}: {done}"),
    }
}
