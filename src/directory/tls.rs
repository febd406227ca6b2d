//! TLS towards the directory.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::DirectoryError;
use crate::{config, crypto};

/// Trusts the configured authorities only, or, without any, the system's; presents the configured certificate.
pub(super) fn client_config(settings: &config::Directory) -> Result<ClientConfig, DirectoryError> {
    let provider = crypto::tls_provider();
    let verifier: Arc<dyn ServerCertVerifier> = if settings.ca_files.is_empty() {
        Arc::new(rustls_platform_verifier::Verifier::new(provider.clone())?)
    } else {
        let roots = Arc::new(roots(settings)?);
        let built = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        built.map_err(|error| rustls::Error::General(error.to_string()))?
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let (Some(certificate_file), Some(key_file)) = (&settings.certificate_file, &settings.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("directory.certificate_file", certificate_file)?;
    let key = PrivateKeyDer::from_pem_slice(&read("directory.key_file", key_file)?);
    let key = key.map_err(|error| unusable("directory.key_file", key_file, &error))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| unusable("directory.key_file", key_file, &error))
}

fn roots(settings: &config::Directory) -> Result<RootCertStore, DirectoryError> {
    const KEY: &str = "directory.ca_files";
    let mut roots = RootCertStore::empty();
    for file in &settings.ca_files {
        for certificate in certificates(KEY, file)? {
            roots.add(certificate).map_err(|error| unusable(KEY, file, &error))?;
        }
    }
    Ok(roots)
}

/// The certificates in `file`, at least one.
fn certificates(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, DirectoryError> {
    let pem = read(key, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| unusable(key, file, &error))?;
    if found.is_empty() { Err(unusable(key, file, &"there is no certificate in it")) } else { Ok(found) }
}

fn read(key: &'static str, file: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, DirectoryError> {
    fs::read(file).map(Into::into).map_err(|error| unusable(key, file, &error))
}

fn unusable(key: &'static str, file: &Path, problem: &dyn std::fmt::Display) -> DirectoryError {
    DirectoryError::File { key, file: file.to_path_buf(), problem: problem.to_string() }
}
