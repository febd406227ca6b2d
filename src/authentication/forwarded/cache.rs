//! Certificates that came in headers, so that the next request with the same one need not read it, nor find its path,
//! again.

use std::{
    collections::HashMap,
    mem::take,
    sync::{Arc, Mutex, PoisonError},
};

use crate::authentication::peer::PeerCertificate;

type Digest = [u8; 32];

/// Two generations: when the young one is full it becomes the old one, and what nobody asked for since is forgotten.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Digest, Arc<PeerCertificate>>,
    old: HashMap<Digest, Arc<PeerCertificate>>,
}

impl Cache {
    /// Keeps at most `limit` certificates in each generation.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, generations: Mutex::default() }
    }

    /// The certificate of the headers with this digest; read by `parse` if it is not known.
    pub(super) fn get_or<E>(
        &self,
        digest: Digest,
        parse: impl FnOnce() -> Result<Option<PeerCertificate>, E>,
    ) -> Result<Option<Arc<PeerCertificate>>, E> {
        if let Some(known) = self.find(&digest) {
            return Ok(Some(known));
        }
        let read = parse()?.map(Arc::new); // outside the lock
        if let Some(certificate) = &read {
            self.keep(digest, certificate.clone());
        }
        Ok(read)
    }

    fn find(&self, digest: &Digest) -> Option<Arc<PeerCertificate>> {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.young.get(digest) {
            return Some(known.clone());
        }
        let known = generations.old.get(digest)?.clone();
        drop(generations);
        self.keep(*digest, known.clone());
        Some(known)
    }

    fn keep(&self, digest: Digest, certificate: Arc<PeerCertificate>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.limit {
            generations.old = take(&mut generations.young);
        }
        generations.young.insert(digest, certificate);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate() -> PeerCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["a.nhs.uk".to_owned()]).unwrap().self_signed(&key).unwrap();
        PeerCertificate::parse(vec![certificate.der().clone()]).unwrap()
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let cache = Cache::new(2);
        let read =
            |digest: u8| cache.get_or([digest; 32], || Ok::<_, Infallible>(Some(certificate()))).unwrap().unwrap();
        let first = read(0);
        for digest in 1..20 {
            read(digest);
            assert!(Arc::ptr_eq(&first, &read(0)), "asked for after each of the others");
        }
        let generations = cache.generations.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 4);
    }

    #[test]
    fn what_could_not_be_read_is_not_kept() {
        let cache = Cache::new(2);
        cache.get_or([0; 32], || Err("unreadable")).unwrap_err();
        assert!(cache.get_or([0; 32], || Ok::<_, Infallible>(None)).unwrap().is_none());
        assert!(cache.find(&[0; 32]).is_none());
    }
}
