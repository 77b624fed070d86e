//! Listeners: where connections are taken, and which proxies are believed there.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Network;

/// A port to listen on: `"0.0.0.0:25"`, or, behind proxies,
/// `{ address = "0.0.0.0:25", proxy_from = ["10.0.0.0/24"] }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Address and port.
    pub address: SocketAddr,
    /// Proxies and load balancers: a connection from one of these networks
    /// begins with a PROXY header (v1 or v2), which tells the client's address.
    pub proxy_from: Vec<Network>,
}

impl Listener {
    /// Whether connections from there begin with a header.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.proxy_from.iter().any(|net| net.contains(peer))
    }
}

impl From<SocketAddr> for Listener {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            proxy_from: Vec::new(),
        }
    }
}

/// The long form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    address: SocketAddr,
    #[serde(default)]
    proxy_from: Vec<Network>,
}

impl Serialize for Listener {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.proxy_from.is_empty() {
            return self.address.serialize(to);
        }
        let table = Table {
            address: self.address,
            proxy_from: self.proxy_from.clone(),
        };
        table.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Listener {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Either)
    }
}

/// Reads either form.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Listener;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address as in \"0.0.0.0:25\", or a table of address and proxy_from")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Listener, E> {
        let address: SocketAddr = text.parse().map_err(E::custom)?;
        Ok(address.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listener, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Listener {
            address: table.address,
            proxy_from: table.proxy_from,
        })
    }
}
