//! Configuration: one file, the environment above it, and a sentence for everything that is wrong.

use std::{ffi::OsString, fs, path::PathBuf};

use careconnect_auth::config::{ConfigError, ForwardedFormat, LoadedConfig, Origin, Problem, reference};

struct Scene {
    directory: tempfile::TempDir,
}

impl Scene {
    fn new(toml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("auth.toml"), toml).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self, environment: &[(&str, &str)]) -> Result<LoadedConfig, ConfigError> {
        let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        LoadedConfig::from_sources(Some(&self.path("auth.toml")), environment)
    }

    /// What is wrong, with the file's own path cut off.
    fn problems(&self, environment: &[(&str, &str)]) -> String {
        let error = self.load(environment).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn problems(toml: &str) -> String {
    Scene::new(toml).problems(&[])
}

#[test]
fn every_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    assert_eq!(
        problems("isuer = \"https://a\"\n\n[limit]\nhandshake_timeout = 3\n\n[tls]\nkeyfile = \"a\"\n"),
        "auth.toml, line 1: unknown key `isuer`; the nearest known one is `issuer`\n\
         auth.toml, line 4: unknown key `limit.handshake_timeout`; the nearest known one is \
         `limits.handshake_timeout_seconds`\n\
         auth.toml, line 7: unknown key `tls.keyfile`; the nearest known one is `tls.key_file`"
    );
}

#[test]
fn an_unknown_environment_variable_is_named_with_the_nearest_known_one() {
    for name in ["CARECONNECT_AUTH__TLS__KEYFILE", "CARECONNECT_AUTH__tls__key_file"] {
        let problems = Scene::new("").problems(&[(name, "key.pem")]);
        assert!(problems.contains(name), "{problems}");
        assert!(problems.ends_with("the nearest known one is `CARECONNECT_AUTH__TLS__KEY_FILE`"), "{problems}");
    }
    let problems = Scene::new("").problems(&[("CARECONNECT_AUTH_LIMITS_MAX_CONNECTIONS", "7")]);
    assert!(problems.ends_with("is `CARECONNECT_AUTH__LIMITS__MAX_CONNECTIONS`"), "{problems}");
}

#[test]
fn the_variable_that_names_the_file_and_those_that_kubernetes_sets_are_no_keys() {
    let variables = ["CONFIG", "SERVICE_HOST", "SERVICE_PORT_HTTPS", "PORT", "PORT_8443_TCP_ADDR", "DB_PORT_5432_TCP"];
    let variables = variables.map(|name| format!("CARECONNECT_AUTH_{name}"));
    let variables: Vec<_> = variables.iter().map(|name| (name.as_str(), "tcp://10.0.0.1:8443")).collect();
    Scene::new("").load(&variables).unwrap();
}

#[test]
fn each_wrong_value_gets_its_sentence() {
    for (toml, sentence) in [
        ("issuer = 1", "`issuer` is 1: expected an https URL, such as https://auth.example.nhs.uk/careconnect"),
        (
            "issuer = \"http://a\"",
            "`issuer` is \"http://a\": it does not begin with https://; expected an https URL, such as \
             https://auth.example.nhs.uk/careconnect",
        ),
        (
            "listen = \"localhost\"",
            "`listen` is \"localhost\": expected an IP address and a port, such as 0.0.0.0:8443 or [::]:8443",
        ),
        (
            "limits.handshake_timeout_seconds = \"ten\"",
            "`limits.handshake_timeout_seconds` is \"ten\": expected a whole number of seconds from 1 to 60",
        ),
        ("limits.max_connections = -1", "`limits.max_connections` is -1: expected a whole number from 1 to 1000000"),
        ("log.format = \"xml\"", "`log.format` is \"xml\": expected \"people\" or \"json\""),
        ("tls.client_ca_files = \"ca.pem\"", "`tls.client_ca_files` is \"ca.pem\": expected a list of paths"),
        ("tls.key_file = \"\"", "`tls.key_file` is \"\": expected a path"),
        ("tls = 1", "`tls` is a section; expected keys below it, such as `tls.certificate_file`"),
        (
            "metrics.listen = \"0.0.0.0:9464\"",
            "`metrics.listen` is 0.0.0.0:9464, which other machines can reach; expected a loopback address, or \
             `metrics.allow_beyond_loopback = true`",
        ),
        (
            "database.url = \"mysql://db\"",
            "`database.url` is wrong: it begins neither with sqlite: nor with postgres:; expected sqlite:FILE or \
             postgres://USER@HOST/DATABASE",
        ),
    ] {
        assert_eq!(problems(toml), format!("auth.toml, line 1: {sentence}"));
    }
}

#[test]
fn a_file_that_is_absent_or_no_toml_is_one_sentence() {
    let scene = Scene::new("issuer = \"https://a\"\nissuer = ");
    assert!(scene.problems(&[]).starts_with("auth.toml, line 2: is not TOML: "), "{}", scene.problems(&[]));
    fs::remove_file(scene.path("auth.toml")).unwrap();
    assert!(scene.problems(&[]).starts_with("auth.toml: cannot be read: "));
}

#[test]
fn all_problems_of_file_and_environment_come_at_once() {
    let scene = Scene::new("listen = 1\nlog.level = \"inof\"");
    let problems = scene.problems(&[("CARECONNECT_AUTH__KEYS__DIRECTORY", ""), ("CARECONNECT_AUTH__NO", "1")]);
    assert_eq!(problems.lines().count(), 4, "{problems}");
}

#[test]
fn the_environment_overrides_the_file_key_by_key() {
    let scene = Scene::new("listen = \"127.0.0.1:1\"\n[limits]\nmax_connections = 5\nshare_per_address_percent = 6");
    let loaded = scene
        .load(&[
            ("CARECONNECT_AUTH__LIMITS__MAX_CONNECTIONS", "7"),
            ("CARECONNECT_AUTH__METRICS__LISTEN", ""),
            ("CARECONNECT_AUTH__METRICS__ALLOW_BEYOND_LOOPBACK", "true"),
            ("CARECONNECT_AUTH__TLS__CLIENT_CA_FILES", "[\"a.pem\", \"b.pem\"]"),
            ("CARECONNECT_AUTH__LOG__LEVEL", "debug"),
            ("OTHER", "ignored"),
        ])
        .unwrap();
    let config = &loaded.config;
    assert_eq!((config.limits.max_connections.get(), config.limits.share_per_address_percent.get()), (7, 6));
    assert_eq!((config.metrics.listen.0, config.metrics.allow_beyond_loopback), (None, true));
    assert_eq!(config.tls.client_ca_files, [PathBuf::from("a.pem"), PathBuf::from("b.pem")]);
    assert_eq!(config.log.level.as_str(), "debug");
    assert_eq!(loaded.origin("listen"), &Origin::File(1));
    assert_eq!(loaded.origin("log.level"), &Origin::Environment("CARECONNECT_AUTH__LOG__LEVEL".into()));
    assert_eq!(loaded.origin("log.format"), &Origin::Default);
}

#[test]
fn a_path_of_the_file_and_of_a_default_is_beside_the_file() {
    let scene = Scene::new("[tls]\ncertificate_file = \"server.pem\"\nkey_file = \"/run/key.pem\"");
    let config = scene.load(&[]).unwrap().config;
    assert_eq!(config.tls.certificate_file, Some(scene.path("server.pem")));
    assert_eq!(config.tls.key_file, Some(PathBuf::from("/run/key.pem")));
    assert_eq!(config.keys.directory, scene.path("keys"));
    assert_eq!(config.database.url.expose(), format!("sqlite:{}", scene.path("careconnect-auth.db").display()));
}

#[test]
fn a_database_password_comes_from_its_file_only_and_is_never_shown() {
    let scene = Scene::new("database.url_file = \"db.url\"");
    fs::write(scene.path("db.url"), "postgres://auth:hunter2@db/auth\n").unwrap();
    let loaded = scene.load(&[]).unwrap();
    assert_eq!(loaded.config.database.url.expose(), "postgres://auth:hunter2@db/auth");
    assert!(!format!("{loaded:?}").contains("hunter2"));

    let refused = problems("database.url = \"postgres://auth:hunter2@db/auth\"");
    assert!(refused.contains("`database.url_file`") && !refused.contains("hunter2"), "{refused}");
    let both = Scene::new("[database]\nurl_file = \"db.url\"\nurl = \"sqlite:a.db\"").problems(&[]);
    assert!(both.ends_with("`database.url` and `database.url_file` are both set; expected one of them"), "{both}");
}

#[test]
fn serve_needs_an_issuer_and_a_certificate_and_says_so_at_once() {
    let missing = Scene::new("").load(&[]).unwrap().serving().unwrap_err().problems;
    let missing: Vec<_> = missing.into_iter().map(|problem| problem.key.unwrap()).collect();
    assert_eq!(missing, ["issuer", "tls.certificate_file", "tls.key_file"]);
    let without_file = LoadedConfig::from_sources(None, []).unwrap().serving().unwrap_err().problems;
    assert!(without_file[0].sentence.contains("no careconnect-auth.toml in the current directory"), "{without_file:?}");
    assert_eq!(without_file.len(), 4);
}

/// With `WRITE_DOCS=1` in the environment it writes the document instead.
#[test]
fn the_document_describes_every_key_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let document = fs::read_to_string(path).unwrap();
    let (prose, written) = document.split_once("## Every key\n\n").unwrap();
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(path, format!("{prose}## Every key\n\n{}", reference::markdown())).unwrap();
    } else {
        assert!(written == reference::markdown(), "sections.rs has changed: run this test with WRITE_DOCS=1");
    }
}

#[test]
fn the_smallest_production_file_of_the_document_is_under_ten_lines_and_enough_for_serve() {
    let document = include_str!("../../docs/configuration.md");
    let example = document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(example.lines().count() < 10);
    let config = Scene::new(example).load(&[]).unwrap().config;
    assert_eq!(config.serving().unwrap().issuer.path(), "/careconnect");
}

#[test]
fn every_proxy_of_the_document_is_one_that_is_read_and_dumped() {
    let document = include_str!("../../docs/proxies.md");
    let examples: Vec<_> = document.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), ForwardedFormat::ALL.len());
    let loaded = Scene::new(&examples.concat()).load(&[]).unwrap();
    for (proxy, format) in loaded.config.proxies.iter().zip(&examples) {
        assert!(format.contains(&format!("format = \"{}\"", proxy.format.name())), "{format}");
    }
    let again = Scene::new(&loaded.to_toml()).load(&[]).unwrap();
    assert_eq!(again.config.proxies.iter().count(), examples.len());
    for format in ForwardedFormat::ALL {
        assert!(document.to_lowercase().contains(format.certificate_header()), "{}", format.name());
    }
}

#[test]
fn a_proxy_that_is_wrong_is_named_with_its_key() {
    let toml = "[[proxies]]\nname = \"front\"\nformat = \"nginx\"\naddresses = [\"10.0.0.0/8\"]\n";
    assert_eq!(
        problems(toml),
        "auth.toml, line 1: `proxies` is wrong: entry 1 (\"front\"): expected `addresses` and `shared_key_file` together: an \
         address alone proves nothing"
    );
}

#[test]
fn the_dump_loads_again_and_says_where_values_came_from() {
    let scene = Scene::new("issuer = \"https://a\"\n[tls]\nkey_file = \"k.pem\"");
    let dump = scene.load(&[("CARECONNECT_AUTH__LOG__FORMAT", "json")]).unwrap().to_toml();
    for line in [
        "issuer = \"https://a\" # file, line 1",
        "format = \"json\" # environment CARECONNECT_AUTH__LOG__FORMAT",
        "level = \"info\" # default",
        "# certificate_file is not set",
    ] {
        assert!(dump.lines().any(|found| found == line), "{line} is not in\n{dump}");
    }
    let again = Scene::new(&dump).load(&[]).unwrap();
    assert_eq!(again.config.tls.key_file, Some(scene.path("k.pem")));
}

#[test]
fn no_secret_is_in_a_dump() {
    let scene = Scene::new("database.url_file = \"db.url\"");
    fs::write(scene.path("db.url"), "postgres://auth:hunter2@db/auth?sslpassword=hunter3").unwrap();
    let loaded = scene.load(&[]).unwrap();
    let dumps = format!("{}{}", loaded.to_toml(), loaded.to_json());
    assert!(dumps.contains("redacted") && dumps.contains("from database.url_file"));
    assert!(!dumps.contains("hunter"), "{dumps}");
    assert!(Scene::new(&loaded.to_toml()).load(&[]).is_ok());
}

#[cfg(unix)]
#[test]
fn a_named_file_that_is_absent_or_open_to_everybody_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    let scene =
        Scene::new("[tls]\ncertificate_file = \"absent.pem\"\nkey_file = \"key.pem\"\nclient_ca_files = [\".\"]");
    fs::write(scene.path("key.pem"), "").unwrap();
    fs::set_permissions(scene.path("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let findings = scene.load(&[]).unwrap().examine_files();
    let keys = |problems: &[Problem]| problems.iter().filter_map(|problem| problem.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&findings.problems), ["tls.certificate_file", "tls.client_ca_files"]);
    assert_eq!(keys(&findings.warnings), ["tls.key_file"]);
}

#[test]
fn a_key_directory_may_be_absent_but_not_a_file_or_where_none_can_be_made() {
    let problems = |scene: &Scene| scene.load(&[]).unwrap().examine_files().problems.len();
    let scene = Scene::new("keys.directory = \"a/b/keys\"");
    assert_eq!(problems(&scene), 0);
    fs::create_dir_all(scene.path("a/b")).unwrap();
    fs::write(scene.path("a/b/keys"), "").unwrap();
    assert_eq!(problems(&scene), 1);
    assert_eq!(problems(&Scene::new("keys.directory = \"/proc/nowhere/keys\"")), 1);
}

#[test]
fn one_address_cannot_serve_two_listeners() {
    let scene = Scene::new(
        "issuer = \"https://a.nhs.uk\"\nlisten = \"127.0.0.1:9464\"\n\
         [tls]\ncertificate_file = \"a.pem\"\nkey_file = \"a.key\"",
    );
    let refused = scene.load(&[]).unwrap().serving().map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("metrics.listen") && refused.contains("127.0.0.1:9464"), "{refused}");
}

#[test]
fn without_a_setting_argon2_leaves_cores_to_others() {
    let permits = |toml| Scene::new(toml).load(&[]).unwrap().config.limits.argon2_permits();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(permits(""), cores.div_ceil(2));
    assert_eq!(permits("limits.argon2_concurrency = 3"), 3);
}
