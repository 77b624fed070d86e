//! The house: which service stands on which ports. No other module knows.

use std::sync::Arc;

use config::Config;
use content::ContentStore;
use dns::Resolver;
use launch::Engines;
use launch::life::{Parts, Running};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use web_gateway::Token;

/// What the services of one process have in common.
pub(super) struct House {
    pub(super) config: Arc<Config>,
    pub(super) engines: Engines,
    pub(super) content: Arc<dyn ContentStore>,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) shutdown: CancellationToken,
}

impl House {
    /// All services, by name, each yet to be polled.
    pub(super) fn services(&self, web: TcpListener, token: Token) -> Parts {
        vec![
            ("smtp-ingress", self.smtp_ingress()),
            ("router", self.router()),
            ("local-delivery", self.local_delivery()),
            ("remote-relay", self.remote_relay()),
            ("dsn-notifier", self.dsn_notifier()),
            ("mailbox-access", self.mailbox_access()),
            ("web-gateway", self.web_gateway(web, token)),
        ]
    }

    fn smtp_ingress(&self) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = smtp_ingress::Ports {
            directory: self.engines.stores.directory.clone(),
            logins: self.engines.stores.logins.clone(),
            mailboxes: self.engines.stores.mailbox.clone(),
            ledger: self.engines.stores.ledger.clone(),
            content: self.content.clone(),
            random: self.engines.random.clone(),
            station: self.engines.station("smtp-ingress"),
        };
        Box::pin(async move {
            let done = smtp_ingress::run(&config, ports, shutdown).await;
            done.map_err(|error| error.to_string())
        })
    }

    fn router(&self) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = router::Ports {
            station: self.engines.station("router"),
            directory: self.engines.stores.directory.clone(),
            mailbox: self.engines.stores.mailbox.clone(),
            ledger: self.engines.stores.ledger.clone(),
            content: self.content.clone(),
            random: self.engines.random.clone(),
        };
        Box::pin(async move {
            let done = router::run(&config, ports, shutdown).await;
            done.map_err(|error| error.to_string())
        })
    }

    fn local_delivery(&self) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = local_delivery::Ports {
            station: self.engines.station("local-delivery"),
            directory: self.engines.stores.directory.clone(),
            mailbox: self.engines.stores.mailbox.clone(),
            ledger: self.engines.stores.ledger.clone(),
            random: self.engines.random.clone(),
        };
        Box::pin(async move {
            local_delivery::run(&config, ports, shutdown).await;
            Ok(())
        })
    }

    fn remote_relay(&self) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = remote_relay::Ports {
            station: self.engines.station("remote-relay"),
            ledger: self.engines.stores.ledger.clone(),
            content: self.content.clone(),
            resolver: self.resolver.clone(),
            random: self.engines.random.clone(),
        };
        Box::pin(async move {
            let done = remote_relay::run(&config, ports, shutdown).await;
            done.map_err(|error| error.to_string())
        })
    }

    fn dsn_notifier(&self) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = dsn_notifier::Ports {
            station: self.engines.station("dsn-notifier"),
            ledger: self.engines.stores.ledger.clone(),
            directory: self.engines.stores.directory.clone(),
            content: self.content.clone(),
            random: self.engines.random.clone(),
        };
        Box::pin(async move {
            dsn_notifier::run(&config, ports, shutdown).await;
            Ok(())
        })
    }

    fn mailbox_access(&self) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = mailbox_access::Ports {
            station: self.engines.station("mailbox-access"),
            directory: self.engines.stores.directory.clone(),
            logins: self.engines.stores.logins.clone(),
            mailboxes: self.engines.stores.mailbox.clone(),
            references: self.engines.stores.ledger.clone(),
            content: self.content.clone(),
            random: self.engines.random.clone(),
        };
        Box::pin(async move {
            let done = mailbox_access::run(&config, ports, shutdown).await;
            done.map_err(|error| error.to_string())
        })
    }

    fn web_gateway(&self, listener: TcpListener, token: Token) -> Running {
        let (config, shutdown) = (self.config.clone(), self.shutdown.clone());
        let ports = web_gateway::Ports {
            directory: self.engines.stores.directory.clone(),
            mailboxes: self.engines.stores.mailbox.clone(),
            ledger: self.engines.stores.ledger.clone(),
            content: self.content.clone(),
            bus: self.engines.bus.clone(),
            clock: self.engines.clock.clone(),
            random: self.engines.random.clone(),
            metrics: self.engines.metrics.clone(),
            health: self.engines.health.clone(),
        };
        Box::pin(async move {
            web_gateway::serve(listener, &config, ports, token, shutdown).await;
            Ok(())
        })
    }
}
