//! RFC 9440: DER as Byte Sequences of Structured Fields (RFC 9651 §3.3.5), which is base64 between colons.

use rustls_pki_types::CertificateDer;

use super::{Chain, MAX_CERTIFICATES, Unreadable, pem::base64};

/// `Client-Cert` (§2.2): one Byte Sequence, without parameters.
pub(super) fn byte_sequence(text: &str) -> Result<CertificateDer<'static>, Unreadable> {
    let inner = text.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    inner.and_then(base64).ok_or(Unreadable("a certificate in base64 between two colons (RFC 9440 section 2.1)"))
}

/// `Client-Cert-Chain` (§2.3): a List of them.
pub(super) fn list(text: &str) -> Result<Chain, Unreadable> {
    text.split(',').take(MAX_CERTIFICATES + 1).map(|member| byte_sequence(member.trim_matches([' ', '\t']))).collect()
}
