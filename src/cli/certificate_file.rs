//! Certificates in files that people name.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::Context;
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::output::BadInput;

/// Nothing is read beyond this size.
pub(super) const MAX_INPUT: u64 = 16 * 1024 * 1024;

/// The certificates in a file, at least one: several in PEM, or one in DER.
pub(super) fn chain_in(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let content = read(file)?;
    if content.starts_with(&[0x30]) {
        return Ok(vec![CertificateDer::from(content)]);
    }
    let expected = || format!("{}: expected a certificate in PEM or DER", file.display());
    let chain = CertificateDer::pem_slice_iter(&content).collect::<Result<Vec<_>, _>>().with_context(expected)?;
    if chain.is_empty() { Err(BadInput(expected()).into()) } else { Ok(chain) }
}

/// As [`read`], where `-` stands for standard input.
pub(super) fn read_or_stdin(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file != Path::new("-") {
        return read(file);
    }
    let mut content = Vec::new();
    io::stdin().take(MAX_INPUT).read_to_end(&mut content).context("standard input cannot be read")?;
    Ok(content)
}

pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(MAX_INPUT).read_to_end(&mut content));
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(content)
}
