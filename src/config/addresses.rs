//! Addresses to listen on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use toml::Value;

use super::setting::Setting;

/// An address to listen on, or none; written as the empty string when off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOrOff(pub Option<SocketAddr>);

impl ListenOrOff {
    /// 127.0.0.1 and `port`.
    pub const fn loopback(port: u16) -> Self {
        Self(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
    }
}

impl Setting for SocketAddr {
    fn expected(&self) -> String {
        "an IP address and a port, such as 0.0.0.0:8443 or [::]:8443".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let address = value.as_str().and_then(|text| text.parse().ok());
        *self = address.ok_or_else(|| format!("expected {}", self.expected()))?;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

impl Setting for ListenOrOff {
    fn expected(&self) -> String {
        "an IP address and a port, such as 127.0.0.1:9464, or the empty string".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        self.0 = match value.as_str() {
            Some("") => None,
            Some(text) => Some(text.parse().map_err(|_| format!("expected {}", self.expected()))?),
            None => return Err(format!("expected {}", self.expected())),
        };
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.0.map(|address| address.to_string()).unwrap_or_default()))
    }
}
