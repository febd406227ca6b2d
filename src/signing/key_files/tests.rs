use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::signing::{KeyRing, conformance::pem};

#[test]
fn keys_are_made_once_for_their_owner_only() {
    let (parent, directory) = directory();
    let made = KeyFiles::new(&directory).load_or_create().unwrap();
    assert_eq!(
        made.len(),
        Algorithm::FOR_TOKENS.into_iter().filter(|&algorithm| SigningKey::can_generate(algorithm)).count()
    );
    assert_eq!(mode(&directory), 0o700);
    assert!(made.iter().all(|stored| mode(&stored.path) == 0o600));
    let again = KeyFiles::new(&directory).load_or_create().unwrap();
    assert_eq!(names(&again), names(&made));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), made.len());
    drop(parent);
}

#[test]
fn reading_makes_nothing() {
    let (_parent, directory) = directory();
    assert!(KeyFiles::new(&directory).load().unwrap().is_empty());
    assert!(KeyRing::algorithms_in(&directory).unwrap().is_empty());
    assert!(!directory.exists());
}

#[test]
fn processes_that_start_together_make_the_same_keys() {
    let (_parent, directory) = directory();
    let open = || KeyFiles::new(&directory).load_or_create().unwrap();
    let (one, other) = std::thread::scope(|scope| {
        let (one, other) = (scope.spawn(open), scope.spawn(open));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(names(&one), names(&other));
}

#[test]
fn what_openssl_writes_is_taken_over() {
    let (_parent, directory) = directory();
    let files = KeyFiles::new(&directory);
    for (algorithm, name) in [
        (Algorithm::Es256, "p256.sec1.pem"),
        (Algorithm::Es384, "p384.pem"),
        (Algorithm::EdDsa, "ed25519.pem"),
        (Algorithm::Rs256, "rsa-2048.pem"),
        (Algorithm::Ps256, "rsa-2048-other.pkcs1.pem"),
    ] {
        let stored = files.import(algorithm, &pem(name)).unwrap();
        assert_eq!(stored.path, directory.join(format!("{algorithm}-{}.pem", stored.key.kid())));
        assert_eq!(mode(&stored.path), 0o600);
    }
    assert_eq!(KeyRing::algorithms_in(&directory).unwrap(), Algorithm::FOR_TOKENS);
}

#[test]
fn one_key_in_two_forms_is_one_key() {
    let (_parent, directory) = directory();
    let files = KeyFiles::new(&directory);
    let one = files.import(Algorithm::Rs256, &pem("rsa-2048.pem")).unwrap();
    let other = files.import(Algorithm::Rs256, &pem("rsa-2048.pkcs1.pem")).unwrap();
    assert_eq!(one.path, other.path);
}

#[test]
fn a_key_is_for_one_algorithm() {
    // R43
    let (_parent, directory) = directory();
    let files = KeyFiles::new(&directory);
    let first = files.import(Algorithm::Rs256, &pem("rsa-2048.pem")).unwrap();
    let error = files.import(Algorithm::Ps256, &pem("rsa-2048.pkcs1.pem")).unwrap_err();
    assert!(matches!(&error, SigningError::KeyShared { path, algorithm: Algorithm::Rs256 } if *path == first.path));
    assert_eq!(files.load().unwrap().len(), 1);
}

#[test]
fn weak_and_unfitting_keys_are_refused() {
    let (_parent, directory) = directory();
    for (algorithm, name) in [
        (Algorithm::Rs256, "rsa-1024.pem"),
        (Algorithm::Ps256, "rsa-2048-exponent-3.pem"),
        (Algorithm::Rs256, "p384.pem"),
        (Algorithm::Rs256, "p256.sec1.pem"),
        (Algorithm::Es256, "p384.pem"),
        (Algorithm::Es384, "p256.sec1.pem"),
        (Algorithm::Es256, "rsa-2048.pkcs1.pem"),
        (Algorithm::EdDsa, "p384.pem"),
    ] {
        let error = KeyFiles::new(&directory).import(algorithm, &pem(name)).unwrap_err();
        assert!(matches!(error, SigningError::KeyRejected { rejection: KeyRejection::Unfit { .. }, .. }), "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(!directory.exists());
}

#[test]
fn a_key_that_others_can_read_is_refused_with_its_remedy() {
    let (_parent, directory) = directory();
    let stored = KeyFiles::new(&directory).import(Algorithm::EdDsa, &pem("ed25519.pem")).unwrap();
    fs::set_permissions(&stored.path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = KeyFiles::new(&directory).load().unwrap_err().to_string();
    assert!(error.contains("mode 640") && error.contains(&format!("chmod 600 '{}'", stored.path.display())), "{error}");
}

#[test]
fn a_directory_in_which_others_can_write_is_refused_with_its_remedy() {
    let (_parent, directory) = directory();
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o770)).unwrap();
    let error = KeyFiles::new(&directory).load_or_create().unwrap_err().to_string();
    assert!(error.contains(&format!("chmod 700 '{}'", directory.display())), "{error}");
}

#[test]
fn a_file_whose_name_and_content_disagree_is_refused() {
    let (_parent, directory) = directory();
    let stored = KeyFiles::new(&directory).import(Algorithm::EdDsa, &pem("ed25519.pem")).unwrap();
    for name in ["EdDSA-else.pem", "mine.pem", "ES512-x.pem"] {
        let renamed = directory.join(name);
        fs::rename(&stored.path, &renamed).unwrap();
        let error = KeyFiles::new(&directory).load().unwrap_err();
        assert!(matches!(&error, SigningError::NameDiffers { path, .. } if *path == renamed), "{error}");
        fs::rename(&renamed, &stored.path).unwrap();
    }
}

#[test]
fn a_damaged_file_is_named() {
    let (_parent, directory) = directory();
    let stored = KeyFiles::new(&directory).import(Algorithm::EdDsa, &pem("ed25519.pem")).unwrap();
    for damaged in ["", "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"] {
        fs::write(&stored.path, damaged).unwrap();
        let error = KeyFiles::new(&directory).load().unwrap_err().to_string();
        assert!(error.starts_with(&stored.path.display().to_string()), "{error}");
        assert!(!error.contains("MC4C"));
    }
}

#[test]
fn a_directory_mounted_for_reading_does_with_the_keys_in_it() {
    let (_parent, directory) = directory();
    let files = KeyFiles::new(&directory);
    files.import(Algorithm::EdDsa, &pem("ed25519.pem")).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o500)).unwrap(); // the superuser may write all the same
    let algorithms: Vec<_> = files.load_or_create().unwrap().iter().map(|stored| stored.key.algorithm()).collect();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(algorithms.contains(&Algorithm::EdDsa));
}

#[test]
fn other_and_unfinished_files_are_left_alone() {
    let (_parent, directory) = directory();
    let files = KeyFiles::new(&directory);
    files.import(Algorithm::EdDsa, &pem("ed25519.pem")).unwrap();
    for name in ["README.md", ".EdDSA-x.pem.unfinished", ".hidden.pem"] {
        fs::write(directory.join(name), "").unwrap();
    }
    assert_eq!(files.load().unwrap().len(), 1);
}

fn directory() -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("keys");
    (parent, directory)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(keys: &[StoredKey]) -> Vec<&Path> {
    keys.iter().map(|stored| stored.path.as_path()).collect()
}
