//! The words of `dev`: its configuration file, and what it prints.

use std::{net::SocketAddr, path::Path};

use careconnect_verifier::Algorithm;

use super::{
    manifest::{ConsumerEntry, Manifest},
    pki::CertificateFiles,
    proof::{JWT_BEARER, Proof},
};

/// The host name in the certificate of the one administrator.
pub(super) const ADMINISTRATOR: &str = "admin.demo.example";

/// The configuration that this server, and the other commands beside it, run on. Paths are relative to its directory. Both
/// pairs are that of consumers first, then that of administrators.
pub(super) fn config_file(
    (listen, admin_listen): (SocketAddr, SocketAddr),
    server: &CertificateFiles,
    (client_authority, admin_authority): (&Path, &Path),
) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let port = listen.port();
    format!(
        r#"issuer = "https://localhost:{port}/careconnect"
listen = "{listen}"

[tls]
certificate_file = "pki/{}"
key_file = "pki/{}"
client_ca_files = ["pki/{}"]

[admin]
listen = "{admin_listen}"
client_ca_files = ["pki/{}"]

[[admin.administrators]]
name = "Demo administrator"
roles = ["viewer", "editor", "approver"]
san_dns = "{ADMINISTRATOR}"

[limits]
announce_stop_seconds = 0

[metrics]
listen = "" # several demo servers may run side by side
"#,
        name(&server.certificate),
        name(&server.key),
        name(client_authority),
        name(admin_authority)
    )
}

/// What people see once the server runs.
pub(super) fn welcome(manifest: &Manifest, proofs: &[Proof], directory: &Path) -> String {
    let mut text = String::from("A token by each method, verified with the key set:\n");
    for proof in proofs {
        text.push_str(&format!("  {:<27} {} ({} groups)\n", proof.auth_method, proof.consumer, proof.groups.len()));
    }
    let provider = proofs.first().map_or("", |proof| proof.provider.as_str());
    let by = |method: &str| manifest.consumers.iter().find(|consumer| consumer.auth_method == method);
    text.push_str("\nGet one yourself, in another terminal:\n");
    // OpenSSL signs with RSA as a JWT wants it; the signatures of its other keys need another form.
    let by_rsa = manifest.consumers.iter().find(|consumer| consumer.alg == Some(Algorithm::Rs512));
    for consumer in [by("tls_client_auth"), by("client_secret"), by_rsa].into_iter().flatten() {
        text.push_str(&format!("\n# {}\n{}\n", consumer.name, curl(manifest, consumer, provider)));
    }
    if let Some(consumer) = by("client_secret") {
        let secret = consumer.client_secret.as_deref().unwrap_or_default();
        let ca_file = quoted(&manifest.ca_file);
        text.push_str(&format!(
            "\n# Does a token count, and what does it say? {} takes it back\ntoken=$({} |\n  \
             sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\ncurl --silent --cacert {ca_file} \\\n  \
             --user {}:{secret} \\\n  --data token=\"$token\" {}\n",
            manifest.revocation_endpoint,
            curl(manifest, consumer, provider),
            consumer.client_id,
            manifest.introspection_endpoint
        ));
    }
    let admin = &manifest.admin;
    text.push_str(&format!(
        "\n# As whom the admin API knows you\ncurl --silent --cacert {} \\\n  --cert {} --key {} \\\n  {}/whoami\n",
        quoted(&manifest.ca_file),
        quoted(&admin.cert_file),
        quoted(&admin.key_file),
        admin.base_url
    ));
    text.push_str(&format!(
        "\nServing {}\nAll consumers and providers: {}\nOther commands: careconnect-auth --config {} consumer list\nStop with Ctrl-C.",
        manifest.issuer,
        directory.join("dev.json").display(),
        manifest.config_file.display()
    ));
    text
}

fn curl(manifest: &Manifest, consumer: &ConsumerEntry, provider: &str) -> String {
    let mut lines = vec![format!("curl --silent --cacert {}", quoted(&manifest.ca_file))];
    if let (Some(certificate), Some(key)) = (&consumer.cert_file, &consumer.key_file) {
        lines.push(format!("--cert {} --key {}", quoted(certificate), quoted(key)));
    }
    if let Some(secret) = &consumer.client_secret {
        lines.push(format!("--user {}:{secret}", consumer.client_id));
    } else {
        lines.push(format!("--data client_id={}", consumer.client_id));
    }
    let signing = match (&consumer.kid, &consumer.key_file) {
        (Some(kid), Some(key)) => {
            lines.push(format!("--data client_assertion_type={JWT_BEARER}"));
            let signature = format!("openssl dgst -sha512 -sign {} | base64url", quoted(key));
            lines.push(format!("--data \"client_assertion=$signed.$(printf %s \"$signed\" | {signature})\""));
            signed(consumer, kid)
        }
        _ => String::new(),
    };
    lines.push(format!("--data grant_type=client_credentials --data resource={provider}"));
    lines.push(manifest.token_endpoint.clone());
    signing + &lines.join(" \\\n  ")
}

/// Shell lines that put header and claims of an RS512 assertion into `$signed`.
fn signed(consumer: &ConsumerEntry, kid: &str) -> String {
    let id = &consumer.client_id;
    let audience = consumer.assertion_audience.as_deref().unwrap_or_default();
    format!(
        r#"base64url() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
header='{{"alg":"RS512","typ":"JWT","kid":"{kid}"}}'
claims='{{"iss":"{id}","sub":"{id}","aud":"{audience}","jti":"%s","exp":%s}}'
signed=$(printf %s "$header" | base64url).$(printf "$claims" "$(openssl rand -hex 16)" "$(($(date +%s) + 300))" | base64url)
"#
    )
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_listens_where_the_server_does() {
        let server = CertificateFiles { certificate: "s.pem".into(), key: "s.key".into() };
        let addresses = ("[::1]:18997".parse().unwrap(), "127.0.0.1:18998".parse().unwrap());
        let toml = config_file(addresses, &server, (Path::new("ca.pem"), Path::new("admin-ca.pem")));
        assert!(toml.contains("localhost:18997/") && toml.contains("listen = \"[::1]:18997\"\n"), "{toml}");
        assert!(toml.contains("[admin]\nlisten = \"127.0.0.1:18998\"\n"), "{toml}");
    }
}
