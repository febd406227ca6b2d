//! Sealing of private keys at rest: AES-256-GCM under a key-encryption key that is kept elsewhere. Whoever has only what is
//! sealed has nothing.
//!
//! The form is `v1.<id of the sealing key>.<nonce>.<ciphertext>`, the last two in base64url. What a text was sealed for (its
//! algorithm and `kid`) is associated data: it opens as that key and no other.

use std::{fmt, path::Path};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use careconnect_verifier::Algorithm;
use zeroize::Zeroizing;

use super::{SigningError, pkcs8::Pkcs8, private_file};
use crate::{
    clock::UnixTime,
    crypto::{
        aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
        sha256,
    },
    domain::{PrivateHalf, SealedText, SigningKeyRecord},
    random,
};

const VERSION: &str = "v1";

/// A key-encryption key.
struct SealingKey {
    /// The beginning of a hash of it, which says nothing about it.
    id: String,
    key: LessSafeKey,
}

/// The sealing key in use, and those whose texts can still be opened.
pub struct SealingKeys {
    current: SealingKey,
    former: Vec<SealingKey>,
}

impl SealingKeys {
    /// Reads the key in `current`, and those in `former`.
    pub fn load(current: &Path, former: &[impl AsRef<Path>]) -> Result<Self, SigningError> {
        let former = former.iter().map(|file| SealingKey::read(file.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { current: SealingKey::read(current)?, former })
    }

    /// Makes a key in `file`, for its owner only. Never over one that is there: then it does nothing, and says `false`.
    pub fn make(file: &Path) -> Result<bool, SigningError> {
        let key = Zeroizing::new(random::bytes::<32>());
        let text = Zeroizing::new(BASE64_STANDARD.encode(key.as_slice()) + "\n");
        private_file::write_new(file, text.as_bytes())
    }

    /// The id of the key that seals.
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// Is `text` sealed under the key in use?
    pub fn is_current(&self, text: &SealedText) -> bool {
        text.0.split('.').nth(1) == Some(self.current_id())
    }

    /// A proof that a holder of the sealing key wrote the record as it is.
    pub(super) fn vouch(&self, record: &SigningKeyRecord) -> Result<SealedText, SigningError> {
        self.seal_for(&said_by(record), record.algorithm, &record.kid, b"")
    }

    /// Was the record written as it is by a holder of the sealing key?
    pub(super) fn confirm(&self, record: &SigningKeyRecord) -> Result<(), SigningError> {
        self.open_for(&said_by(record), record.algorithm, &record.kid, &record.proof).map(drop)
    }

    /// Seals the private half of a key.
    pub(super) fn seal(
        &self,
        algorithm: Algorithm,
        kid: &str,
        private_half: &[u8],
    ) -> Result<SealedText, SigningError> {
        self.seal_for("private half", algorithm, kid, private_half)
    }

    /// Opens what was sealed for that key.
    pub(super) fn open(&self, algorithm: Algorithm, kid: &str, text: &SealedText) -> Result<Pkcs8, SigningError> {
        self.open_for("private half", algorithm, kid, text)
    }

    fn seal_for(&self, what: &str, algorithm: Algorithm, kid: &str, plain: &[u8]) -> Result<SealedText, SigningError> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut sealed = Zeroizing::new(plain.to_vec());
        let outcome = self.current.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated(what, algorithm, kid)),
            &mut *sealed,
        );
        outcome.map_err(|_| SigningError::NotSealed)?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(SealedText(format!("{VERSION}.{}.{}.{}", self.current.id, encode(&nonce), encode(&sealed))))
    }

    fn open_for(&self, what: &str, algorithm: Algorithm, kid: &str, text: &SealedText) -> Result<Pkcs8, SigningError> {
        let damaged = || SigningError::SealBroken { kid: kid.to_owned() };
        let [VERSION, id, nonce, sealed] = text.0.split('.').collect::<Vec<_>>()[..] else { return Err(damaged()) };
        let all = std::iter::once(&self.current).chain(&self.former);
        let key = all.clone().find(|key| key.id == id).ok_or_else(|| SigningError::SealedByAnother {
            kid: kid.to_owned(),
            sealed_by: id.to_owned(),
            known: all.map(|key| key.id.clone()).collect(),
        })?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| damaged());
        let nonce = Nonce::try_assume_unique_for_key(&decode(nonce)?).map_err(|_| damaged())?;
        let mut opened = Zeroizing::new(decode(sealed)?);
        let aad = Aad::from(associated(what, algorithm, kid));
        let length = key.key.open_in_place(nonce, aad, &mut opened).map_err(|_| damaged())?.len();
        opened.truncate(length);
        Ok(opened)
    }
}

impl SealingKey {
    fn read(file: &Path) -> Result<Self, SigningError> {
        let (text, _) = match private_file::read(file) {
            Err(SigningError::Io { path, source }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(SigningError::NoSealingKey { path });
            }
            read => read?,
        };
        let unusable = || SigningError::SealingKeyMalformed { path: file.to_owned() };
        let text = std::str::from_utf8(&text).map_err(|_| unusable())?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).map_err(|_| unusable())?);
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| unusable())?;
        let id = sha256(&[b"careconnect sealing key".as_slice(), &bytes].concat());
        let id = id[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

/// All that a record says beside its key: its dates, and where the private half is.
fn said_by(record: &SigningKeyRecord) -> String {
    let SigningKeyRecord { published_at, activates_at, retired_at, gone_at, withdrawn_at, private_half, .. } = record;
    let time = |time: &Option<UnixTime>| time.map_or_else(|| "-".to_owned(), |time| time.0.to_string());
    let handle = match private_half {
        PrivateHalf::Token(handle) => handle.as_str(),
        _ => "-",
    };
    let ends = [retired_at, gone_at, withdrawn_at].map(time).join(" ");
    format!("record {} {} {ends} {} {handle}", published_at.0, activates_at.0, private_half.kept_in().name())
}

/// What a text was sealed for.
fn associated(what: &str, algorithm: Algorithm, kid: &str) -> Vec<u8> {
    format!("careconnect signing key: {what} of {algorithm} {kid}").into_bytes()
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys({})", self.current.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(directory: &Path, current: &str, former: &[&str]) -> SealingKeys {
        for name in former.iter().chain([&current]) {
            SealingKeys::make(&directory.join(name)).unwrap();
        }
        let former: Vec<_> = former.iter().map(|name| directory.join(name)).collect();
        SealingKeys::load(&directory.join(current), &former).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_key_only() {
        let directory = tempfile::tempdir().unwrap();
        let keys = keys(directory.path(), "one", &[]);
        let sealed = keys.seal(Algorithm::Es256, "a", b"secret").unwrap();
        assert!(!sealed.0.contains("secret") && keys.is_current(&sealed));
        assert_eq!(keys.open(Algorithm::Es256, "a", &sealed).unwrap().as_slice(), b"secret");
        for (algorithm, kid) in [(Algorithm::Es256, "b"), (Algorithm::Es384, "a")] {
            assert!(matches!(keys.open(algorithm, kid, &sealed), Err(SigningError::SealBroken { .. })));
        }
    }

    #[test]
    fn a_changed_byte_anywhere_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let keys = keys(directory.path(), "one", &[]);
        let SealedText(sealed) = keys.seal(Algorithm::Es256, "a", b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = SealedText(String::from_utf8(changed).unwrap());
            assert!(keys.open(Algorithm::Es256, "a", &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_sealing_key_opens_nothing_unless_it_is_named_as_a_former_one() {
        let directory = tempfile::tempdir().unwrap();
        let sealed = keys(directory.path(), "one", &[]).seal(Algorithm::Es256, "a", b"secret").unwrap();
        let refused = keys(directory.path(), "two", &[]).open(Algorithm::Es256, "a", &sealed).unwrap_err();
        assert!(matches!(refused, SigningError::SealedByAnother { .. }), "{refused}");
        let both = keys(directory.path(), "two", &["one"]);
        assert_eq!(both.open(Algorithm::Es256, "a", &sealed).unwrap().as_slice(), b"secret");
        assert!(!both.is_current(&sealed));
    }

    #[test]
    fn a_sealing_key_is_never_written_over_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sealing-key");
        assert!(matches!(SealingKey::read(&file), Err(SigningError::NoSealingKey { .. })));
        assert!(SealingKeys::make(&file).unwrap());
        let before = std::fs::read(&file).unwrap();
        assert!(!SealingKeys::make(&file).unwrap());
        assert_eq!(std::fs::read(&file).unwrap(), before);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(SealingKey::read(&file), Err(SigningError::ReadableByOthers { .. })));
    }

    #[test]
    fn what_is_no_sealing_key_is_refused_without_its_content() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["", "short", "c2hvcnQ=", "%%%"] {
            let file = directory.path().join("sealing-key");
            std::fs::remove_file(&file).ok();
            private_file::write_new(&file, text.as_bytes()).unwrap();
            let former: [&Path; 0] = [];
            let error = SealingKeys::load(&file, &former).unwrap_err().to_string();
            assert!(error.contains("32 bytes") && (text.is_empty() || !error.contains(text)), "{error}");
        }
    }
}
