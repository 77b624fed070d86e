//! Three `nats-server`s that replicate their streams.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::port::Port;
use crate::{Broker, NatsServer};

const NODES: usize = 3;

/// How long an election may take on a busy machine.
const ELECTION: Duration = Duration::from_secs(60);

/// A cluster of three. As a [`Broker`], its death is that of the node that leads
/// the stream named at the start; the others elect another leader.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
    stream: String,
    _routes: Vec<Port>,
}

impl NatsCluster {
    /// Starts three nodes, and waits until they can make streams.
    ///
    /// # Errors
    /// When they cannot be started, or do not agree on a leader.
    pub async fn start(stream: &str) -> io::Result<Self> {
        let routes = (0..NODES).map(|_| Port::reserve());
        let routes = routes.collect::<io::Result<Vec<_>>>()?;
        let nodes = (0..NODES).map(|node| NatsServer::prepare(&configuration(node, &routes)));
        let mut cluster = Self {
            nodes: nodes.collect::<io::Result<_>>()?,
            stream: stream.to_owned(),
            _routes: routes,
        };
        for node in &mut cluster.nodes {
            node.start_again().await?;
        }
        cluster.elected("\"meta_cluster\"").await?;
        Ok(cluster)
    }

    /// Waits until one of the living is the leader of what stands behind `marker`
    /// in their account of themselves.
    async fn elected(&self, marker: &str) -> io::Result<()> {
        let elected = async {
            while self.leader(marker).is_none() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let elected = timeout(ELECTION, elected).await;
        elected.map_err(|elapsed| io::Error::other(format!("no leader: {elapsed}")))
    }

    /// The living node that the living call the leader.
    fn leader(&self, marker: &str) -> Option<usize> {
        let living = self.nodes.iter().filter(|node| node.is_up());
        let accounts = living.filter_map(|node| get(node.monitor(), "/jsz?streams=true").ok());
        let mut leaders = accounts.filter_map(|account| leader_after(&account, marker));
        leaders.find(|leader| self.nodes[*leader].is_up())
    }

    fn marker(&self) -> String {
        format!("\"name\": \"{}\"", self.stream)
    }
}

impl Broker for NatsCluster {
    fn url(&self) -> String {
        let addresses = self.nodes.iter().map(|node| {
            let url = node.url();
            url.trim_start_matches("nats://").to_owned()
        });
        format!("nats://{}", addresses.collect::<Vec<_>>().join(","))
    }

    fn kill(&mut self) {
        let leader = self.leader(&self.marker()).unwrap_or_default();
        self.nodes[leader].kill();
    }

    async fn start_again(&mut self) -> io::Result<()> {
        self.elected(&self.marker()).await?;
        for node in self.nodes.iter_mut().filter(|node| !node.is_up()) {
            node.start_again().await?;
        }
        Ok(())
    }
}

fn configuration(node: usize, routes: &[Port]) -> String {
    let all = routes
        .iter()
        .map(|route| format!("\"nats://{}\"", route.address()));
    let all = all.collect::<Vec<_>>().join(", ");
    format!(
        "server_name: node{node}\njetstream {{ store_dir: \"/data\" }}\ncluster {{ name: post, listen: \"{}\", \
         routes: [ {all} ] }}\n",
        routes[node].address(),
    )
}

/// The number of the first leader that is named behind `marker`.
fn leader_after(account: &str, marker: &str) -> Option<usize> {
    let (_, rest) = account.split_once(marker)?;
    let (_, rest) = rest.split_once("\"leader\": \"node")?;
    rest.split('"').next()?.parse().ok()
}

/// What a server says to HTTP; it says it at once.
fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
