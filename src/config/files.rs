//! The files that a configuration names: are they there, and for whom?

use std::{
    fs::{self, File},
    path::Path,
};

use super::{ClientAuthority, LoadedConfig, Problem};

/// What is wrong with the named files.
#[derive(Debug, Default)]
pub struct FileFindings {
    /// What keeps the server from starting.
    pub problems: Vec<Problem>,
    /// What lets it start, but should be mended.
    pub warnings: Vec<Problem>,
}

impl LoadedConfig {
    /// Looks at every named file: whether it can be read, and whether private ones are closed to other users.
    pub fn examine_files(&self) -> FileFindings {
        let config = &self.config;
        let mut findings = FileFindings::default();
        let (tls, admin) = (&config.tls, &config.admin);
        let certificates = tls.certificate_file.iter().map(|file| ("tls.certificate_file", file));
        let of_admin = admin.certificate_file.iter().map(|file| ("admin.certificate_file", file));
        let short = tls.client_ca_files.iter().map(|file| ("tls.client_ca_files", file));
        let short_of_admin = admin.client_ca_files.iter().map(|file| ("admin.client_ca_files", file));
        let named = [
            ("tls.client_authorities", &tls.client_authorities),
            ("admin.client_authorities", &admin.client_authorities),
        ];
        let named = named.into_iter().flat_map(|(key, authorities)| {
            authorities.0.iter().flat_map(ClientAuthority::files).map(move |file| (key, file))
        });
        let of_key_sets = config.assertions.jwks_ca_files.iter().map(|file| ("assertions.jwks_ca_files", file));
        let directory = &config.directory;
        let of_directory = directory.ca_files.iter().map(|file| ("directory.ca_files", file));
        let to_directory = directory.certificate_file.iter().map(|file| ("directory.certificate_file", file));
        let public = certificates.chain(of_admin).chain(short).chain(short_of_admin).chain(named).chain(of_key_sets);
        for (key, file) in public.chain(of_directory).chain(to_directory) {
            self.examine(&mut findings, key, file, false);
        }
        let private = tls.key_file.iter().map(|file| ("tls.key_file", file));
        let private = private.chain(admin.key_file.iter().map(|file| ("admin.key_file", file)));
        let private = private.chain(directory.key_file.iter().map(|file| ("directory.key_file", file)));
        for (key, file) in private.chain(config.database.url_file.iter().map(|file| ("database.url_file", file))) {
            self.examine(&mut findings, key, file, true);
        }
        if let Some(file) = &config.keys.pkcs11_pin_file {
            self.examine(&mut findings, "keys.pkcs11_pin_file", file, true);
        }
        if let Some(file) = &config.keys.pkcs11_module {
            self.examine(&mut findings, "keys.pkcs11_module", file, false);
        }
        for file in config.proxies.iter().filter_map(|proxy| proxy.shared_key_file.as_ref()) {
            self.examine(&mut findings, "proxies", file, true);
        }
        self.examine_directory(&mut findings, "keys.directory", &config.keys.directory, "pem");
        self.examine_directory(&mut findings, "record.directory", &config.record.directory, "jsonl");
        findings
    }

    fn examine(&self, findings: &mut FileFindings, key: &str, file: &Path, is_private: bool) {
        let opened = File::open(file).and_then(|opened| opened.metadata());
        let shown = file.display();
        match opened {
            Err(error) => {
                findings.problems.push(self.problem(key, format!("names {shown}, which cannot be read: {error}")))
            }
            Ok(metadata) if !metadata.is_file() => {
                findings.problems.push(self.problem(key, format!("names {shown}, which is no file")));
            }
            Ok(metadata) if is_private && is_open_to_others(&metadata) => {
                let sentence = format!("names {shown}, which every user of this machine can read; expected mode 0600");
                findings.warnings.push(self.problem(key, sentence));
            }
            Ok(_) => {}
        }
    }

    /// A directory with private files of that extension. It is made on the first start, so it may be absent.
    fn examine_directory(&self, findings: &mut FileFindings, key: &str, directory: &Path, extension: &str) {
        match fs::read_dir(directory) {
            Ok(entries) => {
                let files = entries.flatten().map(|entry| entry.path());
                for file in files.filter(|file| file.extension().is_some_and(|found| found == extension)) {
                    self.examine(findings, key, &file, true);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !can_be_made(directory) {
                    let sentence = format!("names {}, which is not there and cannot be made", directory.display());
                    findings.problems.push(self.problem(key, sentence));
                }
            }
            Err(error) => {
                let sentence = format!("names {}, which cannot be read as a directory: {error}", directory.display());
                findings.problems.push(self.problem(key, sentence));
            }
        }
    }

    fn problem(&self, key: &str, rest: String) -> Problem {
        Problem { place: self.place(key), key: Some(key.to_owned()), sentence: format!("`{key}` {rest}") }
    }
}

/// Is there a directory above that one, in which something can be made?
fn can_be_made(directory: &Path) -> bool {
    let here = Path::new(".").join(directory); // of an absolute path, the path itself
    let nearest = here.ancestors().skip(1).find_map(|above| fs::metadata(above).ok());
    nearest.is_some_and(|above| above.is_dir() && !above.permissions().readonly())
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_metadata: &fs::Metadata) -> bool {
    false
}
