//! The one spelling of bytes that tokens and keys may use: base64url, unpadded, canonical (RFC 7515 §2, RFC 4648 §3.5).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Nothing for padding, white space, letters of another alphabet, or bits after the last octet that are not zero.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(decode("_-8").unwrap(), [0xff, 0xef]); // R39
        for text in ["_-8=", "_-9", "/+8", "_-8 ", "_-8\n", "_", "_-8\0"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
