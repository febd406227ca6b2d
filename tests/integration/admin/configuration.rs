//! `[admin]`: what is refused before the first connection.

use careconnect_auth::config::Config;

const HEAD: &str = "issuer = \"https://auth.example.nhs.uk\"\ntls.certificate_file = \"a\"\ntls.key_file = \"b\"\n";
const CA: &str = "admin.client_ca_files = [\"c\"]\n";
const JO: &str = "{ name = \"Jo\", roles = [\"viewer\"], san_dns = \"jo.nhs.uk\" }";

fn load(toml: &str) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auth.toml");
    std::fs::write(&file, format!("{HEAD}{toml}")).unwrap();
    let config = Config::load(Some(&file)).map_err(|error| error.to_string())?;
    config.serving().map_err(|error| error.to_string())?;
    Ok(config)
}

fn with(administrators: &str) -> String {
    format!("{CA}admin.administrators = [{administrators}]\n")
}

#[test]
fn there_is_a_listener_when_there_is_somebody_who_may_use_it() {
    assert!(load("").unwrap().serving().unwrap().admin.is_none());
    let config = load(&with(JO)).unwrap();
    let admin = config.serving().unwrap().admin.unwrap();
    assert_eq!(admin.listen.to_string(), "127.0.0.1:9443");
    assert!(admin.certificate_file.ends_with("a") && admin.key_file.ends_with("b"));
    let config = load(&format!("{}admin.certificate_file = \"x\"\nadmin.key_file = \"y\"\n", with(JO))).unwrap();
    assert!(config.serving().unwrap().admin.unwrap().certificate_file.ends_with("x"));
}

#[test]
fn what_is_wrong_with_it_is_said_with_its_key() {
    let jo = with(JO);
    for (toml, expected) in [
        (CA.to_owned(), "`admin.administrators` and an authority"),
        (format!("admin.administrators = [{JO}]"), "`admin.administrators` and an authority"),
        (
            format!("{jo}admin.certificate_file = \"x\""),
            "`admin.certificate_file` and `admin.key_file` belong together",
        ),
        (format!("{jo}admin.listen = \"0.0.0.0:8443\""), "`admin.listen`: another listener has 0.0.0.0:8443, too"),
        (format!("{jo}admin.listen = \"127.0.0.1:9464\""), "`admin.listen`: another listener has 127.0.0.1:9464, too"),
        (
            format!("{jo}tls.client_authorities = [{{ name = \"admin\", ca_files = [\"x\"] }}]"),
            "\"admin\" is the name of an authority of consumers, too",
        ),
        (
            with(&format!("{JO}, {}", JO.replace("\"Jo\"", "\"Al\"").replace("jo.nhs", "JO.NHS"))),
            "\"Jo\" and \"Al\" have the same certificate identity",
        ),
        (with(&format!("{JO}, {JO}")), "`name` is empty, or another entry has it"),
        (with("{ name = \"Jo\", roles = [], san_dns = \"a.nhs.uk\" }"), "`roles` is empty"),
        (with("{ name = \"Jo\", roles = [\"root\"], san_dns = \"a.nhs.uk\" }"), "unknown variant `root`"),
        (with("{ name = \"Jo\", roles = [\"viewer\"] }"), "expected exactly one of `san_dns`"),
        (
            with("{ name = \"Jo\", roles = [\"viewer\"], san_dns = \"a.nhs.uk\", san_uri = \"a:b\" }"),
            "expected exactly one",
        ),
        (
            with("{ name = \"Jo\", roles = [\"viewer\"], san_dns = \"*.nhs.uk\" }"),
            "a wildcard names more than one host",
        ),
        (with("{ name = \"Jo\", roles = [\"viewer\"], thumbprint = \"abc\" }"), "`thumbprint`"),
        (with("{ name = \"J\\no\", roles = [\"viewer\"], san_dns = \"a.nhs.uk\" }"), "`name`"),
        (with("{ name = \"Jo\", roles = [\"viewer\"], key = \"a\" }"), "unknown field `key`"),
    ] {
        let said = load(&toml).unwrap_err();
        assert!(said.contains(expected), "{toml}: {said}");
    }
}
