//! The command line, and `dev.json` of `careconnect-auth dev`.

use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum::http::Uri;
use careconnect_verifier::{Asid, HeaderCheck, InvalidIdentifier, ResponseProfile};
use serde::Deserialize;

const USAGE: &str = "expected --dev dev/dev.json, or ISSUER SERVICE_ROOT [CA_FILE] [--asid ASID]; and, if you like, \
                     --listen 127.0.0.1:8080, --profile rfc6750|uec|nhs-booking|gpconnect|spine|bars, \
                     --ssp required|when-sent|reported|off";

pub(crate) struct Arguments {
    pub(crate) issuer: String,
    /// The audience of tokens: where the world believes this provider to be.
    pub(crate) service_root: String,
    /// The path in it, under which the FHIR service is found here as well.
    pub(crate) base_path: String,
    pub(crate) asid: Option<Asid>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    pub(crate) profile: ResponseProfile,
    pub(crate) ssp: HeaderCheck,
    /// For requests that can be copied from the index page.
    pub(crate) dev: Option<Dev>,
}

/// Of `dev.json`, what is needed here.
#[derive(Deserialize)]
pub(crate) struct Dev {
    issuer: String,
    pub(crate) token_endpoint: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) providers: Vec<DevProvider>,
    pub(crate) consumers: Vec<DevConsumer>,
}

#[derive(Deserialize)]
pub(crate) struct DevProvider {
    asid: Asid,
    pub(crate) base_url: String,
}

#[derive(Deserialize)]
pub(crate) struct DevConsumer {
    pub(crate) client_id: String,
    pub(crate) org_type: String,
    pub(crate) groups: Vec<String>,
    pub(crate) status: String,
    pub(crate) client_secret: Option<String>,
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut plain, mut dev, mut asid) = (Vec::new(), None, None);
        let (mut listen, mut profile, mut ssp) =
            (SocketAddr::from(([127, 0, 0, 1], 8080)), ResponseProfile::default(), HeaderCheck::default());
        while let Some(word) = words.next() {
            if !word.starts_with("--") {
                plain.push(word);
                continue;
            }
            let value = words.next().ok_or(USAGE)?;
            match word.as_str() {
                "--dev" => dev = Some(read_dev(&value).map_err(|error| format!("--dev {value}: {error}"))?),
                "--asid" => asid = Some(value.parse().map_err(as_text)?),
                "--listen" => listen = value.parse()?,
                "--profile" => profile = value.parse().map_err(as_text)?,
                "--ssp" => ssp = ssp_check(&value)?,
                _ => return Err(USAGE.into()),
            }
        }
        if !listen.ip().is_loopback() {
            return Err(format!("expected a loopback address to listen on, received {listen}").into());
        }
        let (issuer, service_root, ca_file) = match (plain.as_slice(), &dev) {
            ([], Some(dev)) => {
                let provider =
                    dev.providers.first().ok_or("expected a provider in the file of --dev, received none")?;
                asid = asid.or_else(|| Some(provider.asid.clone()));
                (dev.issuer.clone(), provider.base_url.clone(), Some(dev.ca_file.clone()))
            }
            ([issuer, root], None) => (issuer.clone(), root.clone(), None),
            ([issuer, root, file], None) => (issuer.clone(), root.clone(), Some(file.into())),
            _ => return Err(USAGE.into()),
        };
        let base_path = service_root.parse::<Uri>()?.path().trim_end_matches('/').to_owned();
        Ok(Self { issuer, service_root, base_path, asid, ca_file, listen, profile, ssp, dev })
    }
}

fn read_dev(file: &str) -> Result<Dev, Box<dyn Error>> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

/// For people: `main` shows errors as debuggers do.
fn as_text(error: InvalidIdentifier) -> String {
    error.to_string()
}

fn ssp_check(text: &str) -> Result<HeaderCheck, &'static str> {
    match text {
        "required" => Ok(HeaderCheck::Required),
        "when-sent" => Ok(HeaderCheck::WhenSent),
        "reported" => Ok(HeaderCheck::Reported),
        "off" => Ok(HeaderCheck::Off),
        _ => Err(USAGE),
    }
}
