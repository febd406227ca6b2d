//! Secrets at rest: Argon2id, salted by the consumer, so that one computation is compared with all its secrets.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        PasswordHasher,
        phc::{self, Output, PasswordHash, Salt},
    },
};
use careconnect_verifier::ClientId;

use crate::{
    crypto::sha256,
    domain::{ClientSecret, SecretHash},
};

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const OUTPUT_LENGTH: usize = 32;

/// Hashes a secret of `client_id` for the register. Takes tens of milliseconds of processor time.
pub fn hash(secret: &ClientSecret, client_id: &ClientId) -> SecretHash {
    let Recipe { algorithm, version, params, salt } = Recipe::of(client_id.as_str());
    let hash = Argon2::new(algorithm, version, params).hash_password_with_salt(secret.expose().as_bytes(), &salt);
    #[expect(
        clippy::expect_used,
        reason = "the parameters are constants, and salt and secret are of a length for them"
    )]
    SecretHash::new(hash.expect("Argon2id hashes a short text").to_string())
}

/// Takes over the hash of a secret from a register like this one: Argon2id in the PHC string format, no weaker than ours, and
/// not so costly that its computation keeps others waiting.
pub fn imported(phc: &str) -> Result<SecretHash, String> {
    const EXPECTED: &str = "expected the hash of a secret as `estate export --with-secret-hashes` writes it: \
        $argon2id$v=19$m=…,t=…,p=…$salt$hash with 19456 to 65536 KiB, 2 to 4 passes and one lane";
    let stored = Stored::parse(phc).ok_or(EXPECTED)?;
    let Recipe { algorithm, version, params, salt } = &stored.recipe;
    let is_bounded = (*algorithm, *version, params.p_cost()) == (Algorithm::Argon2id, Version::V0x13, 1)
        && (MEMORY_KIB..=64 * 1024).contains(&params.m_cost())
        && (PASSES..=4).contains(&params.t_cost())
        && (16..=64).contains(&salt.len())
        && stored.output.len() == OUTPUT_LENGTH;
    if is_bounded { Ok(SecretHash::new(phc)) } else { Err(EXPECTED.to_owned()) }
}

/// The index of the one of `hashes` that is of `secret`.
///
/// One computation is compared with all of them (R13), for they have the salt of `client_id`; where there are none, there
/// is a computation all the same. Hashes from elsewhere cost one more for each other salt. `memory` is what the
/// computation works in, and grows to what it needs.
pub(super) fn find(secret: &[u8], client_id: &str, hashes: &[SecretHash], memory: &mut Vec<Block>) -> Option<usize> {
    let stored: Vec<_> = hashes.iter().map(|hash| Stored::parse(hash.as_str())).collect();
    let mut recipes = vec![Recipe::of(client_id)];
    for other in stored.iter().flatten().map(|stored| &stored.recipe) {
        if !recipes.contains(other) {
            recipes.push(other.clone());
        }
    }
    if recipes.len() > 1 && !stored.iter().flatten().any(|stored| stored.recipe == recipes[0]) {
        recipes.remove(0); // nothing to compare it with
    }
    recipes.iter().find_map(|recipe| {
        let output = recipe.follow(secret, memory)?;
        stored.iter().position(|stored| {
            stored.as_ref().is_some_and(|stored| stored.recipe == *recipe && stored.output == output) // in constant time
        })
    })
}

/// What a computation depends on, but for the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recipe {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
}

/// A hash from the register.
struct Stored {
    recipe: Recipe,
    output: Output,
}

impl Recipe {
    /// Of the secrets of `client_id`, whose salt nobody else has.
    #[expect(clippy::expect_used, reason = "constants")]
    fn of(client_id: &str) -> Self {
        let salt = sha256(format!("careconnect-auth: salt of the secrets of {client_id}").as_bytes());
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: Params::new(MEMORY_KIB, PASSES, 1, Some(OUTPUT_LENGTH)).expect("parameters within Argon2's bounds"),
            salt: Salt::new(&salt[..16]).expect("a salt of the recommended length"),
        }
    }

    fn follow(&self, secret: &[u8], memory: &mut Vec<Block>) -> Option<Output> {
        let needed = self.params.block_count();
        if memory.len() < needed {
            memory.resize(needed, Block::new());
        }
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        Output::init_with(self.params.output_len().unwrap_or(OUTPUT_LENGTH), |output| {
            let computed = argon2.hash_password_into_with_memory(secret, &self.salt, output, &mut memory[..needed]);
            computed.map_err(|_| phc::Error::ParamValueInvalid)
        })
        .ok()
    }
}

impl Stored {
    fn parse(phc: &str) -> Option<Self> {
        let hash = PasswordHash::new(phc).ok()?;
        let recipe = Recipe {
            algorithm: Algorithm::try_from(hash.algorithm.as_str()).ok()?,
            version: hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?,
            params: Params::try_from(&hash).ok()?,
            salt: hash.salt?,
        };
        Some(Self { recipe, output: hash.hash? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn found(secret: &ClientSecret, client_id: &ClientId, hashes: &[SecretHash]) -> (Option<usize>, usize) {
        let mut memory = vec![];
        let found = find(secret.expose().as_bytes(), client_id.as_str(), hashes, &mut memory);
        (found, memory.len())
    }

    #[test]
    fn all_secrets_of_a_consumer_are_compared_with_one_computation_and_those_of_another_are_not_theirs() {
        // R13
        let (one, other) = (random::client_id(), random::client_id());
        let secrets = [ClientSecret::generate(), ClientSecret::generate(), ClientSecret::generate()];
        let hashes = secrets.each_ref().map(|secret| hash(secret, &one));
        let recipe = |hash: &SecretHash| Stored::parse(hash.as_str()).unwrap().recipe;
        assert!(hashes.iter().all(|hash| recipe(hash) == Recipe::of(one.as_str())));
        assert_ne!(Recipe::of(one.as_str()).salt, Recipe::of(other.as_str()).salt);
        for (index, secret) in secrets.iter().enumerate() {
            assert_eq!(found(secret, &one, &hashes).0, Some(index));
        }
        assert_eq!(found(&ClientSecret::generate(), &one, &hashes).0, None);
    }

    #[test]
    fn a_hash_is_taken_over_when_it_is_like_ours_and_no_weaker_or_costlier() {
        let own = hash(&ClientSecret::generate(), &random::client_id());
        assert_eq!(imported(own.as_str()), Ok(own.clone()));
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("m=19456", "m=1024"),
            ("m=19456", "m=4194304"),
            ("t=2", "t=1"),
            ("t=2", "t=1000"),
            ("p=1", "p=4"),
            ("v=19", "v=16"),
        ] {
            assert!(imported(&own.as_str().replace(from, to)).is_err(), "{to}");
        }
        for text in ["", "no hash", "ccas_secret", &own.as_str()[..60]] {
            let refused = imported(text).unwrap_err();
            assert!(!refused.contains("ccas_") && refused.contains("argon2id"), "{refused}");
        }
    }

    #[test]
    fn without_a_secret_to_compare_there_is_the_same_computation() {
        // R13
        let (client_id, secret) = (random::client_id(), ClientSecret::generate());
        let registered = [hash(&ClientSecret::generate(), &client_id)];
        assert_eq!(found(&secret, &client_id, &[]), found(&secret, &client_id, &registered));
        assert_eq!(found(&secret, &client_id, &[SecretHash::new("no hash")]), (None, 19 * 1024));
    }

    #[test]
    fn a_hash_with_another_salt_is_verified_too_and_memory_is_used_again() {
        let (client_id, old, new) = (random::client_id(), ClientSecret::generate(), ClientSecret::generate());
        let before = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 3, 2, None).unwrap());
        let before = before.hash_password_with_salt(old.expose().as_bytes(), b"another salt").unwrap();
        let hashes = [SecretHash::new("no hash"), SecretHash::new(before.to_string()), hash(&new, &client_id)];
        let mut memory = vec![];
        for (secret, index) in [(&old, 1), (&new, 2), (&old, 1)] {
            let found = find(secret.expose().as_bytes(), client_id.as_str(), &hashes, &mut memory);
            assert_eq!(found, Some(index));
        }
        assert_eq!(found(&old, &client_id, &hashes[..2]).0, Some(1));
    }
}
