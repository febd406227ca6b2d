//! Values as each proxy writes them, and values that none would write.

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;
use crate::{crypto::sha256, domain::CertificateThumbprint, random};

/// A client's certificate and that of its issuer.
fn chain() -> Chain {
    let (key, authority_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_der = authority.self_signed(&authority_key).unwrap().der().clone();
    let issuer = Issuer::new(authority, authority_key);
    let leaf = CertificateParams::new(vec!["consumer.nhs.uk".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    vec![leaf.der().clone(), authority_der]
}

fn base64(der: &CertificateDer<'_>) -> String {
    BASE64_STANDARD.encode(der)
}

fn pem(der: &CertificateDer<'_>) -> String {
    let text = base64(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Everything but these characters and those that RFC 3986 calls unreserved.
fn escaped(text: &str, kept: &str) -> String {
    let is_kept =
        |character: char| character.is_ascii_alphanumeric() || "-._~".contains(character) || kept.contains(character);
    let escape = |character: char| match character {
        _ if is_kept(character) => character.to_string(),
        _ => format!("%{:02X}", u32::from(character)),
    };
    text.chars().map(escape).collect()
}

/// Of each form: what it writes for `chain`, in its header for the certificate and in that for issuers.
fn written(format: ForwardedFormat, chain: &Chain) -> (String, Option<String>) {
    let (leaf, issuer) = (&chain[0], &chain[1]);
    let pems = format!("{}{}", pem(leaf), pem(issuer));
    match format {
        ForwardedFormat::Rfc9440 => (format!(":{}:", base64(leaf)), Some(format!(":{}:", base64(issuer)))),
        ForwardedFormat::Nginx => (escaped(&pems, ""), None),
        ForwardedFormat::Envoy => {
            let hash: String = sha256(leaf).iter().map(|byte| format!("{byte:02x}")).collect();
            let (cert, chain) = (escaped(&pem(leaf), ""), escaped(&pems, ""));
            (
                format!(
                    "By=spiffe://x/proxy;Hash={hash};Cert=\"{cert}\";Chain=\"{chain}\";Subject=\"CN=\\\"a\\\",O=b\""
                ),
                None,
            )
        }
        ForwardedFormat::Haproxy => {
            (base64(leaf), Some(BASE64_STANDARD.encode([leaf.as_ref(), issuer.as_ref()].concat())))
        }
        ForwardedFormat::Apache => {
            (pem(leaf).replace('\n', " "), Some(format!("{} (null)", pem(issuer).replace('\n', " "))))
        }
        ForwardedFormat::Traefik => (format!("{},{}", base64(leaf), base64(issuer)), None),
        ForwardedFormat::Alb => (escaped(&pems, "+=/"), None),
    }
}

fn read(format: ForwardedFormat, certificate: &str) -> Result<Option<Chain>, Unreadable> {
    read_chain(format, Some(certificate), None)
}

#[test]
fn each_form_is_read_as_its_proxy_writes_it() {
    // R28
    let chain = chain();
    for format in ForwardedFormat::ALL {
        let (certificate, issuers) = written(format, &chain);
        let found = read_chain(format, Some(&certificate), issuers.as_deref()).unwrap().unwrap();
        assert_eq!(found.first(), chain.first(), "{}", format.name());
        assert_eq!(found.last(), chain.last(), "{}", format.name());
    }
}

#[test]
fn older_traefik_escapes_what_newer_does_not() {
    let chain = chain();
    let certificate = escaped(&base64(&chain[0]), "");
    assert_eq!(read(ForwardedFormat::Traefik, &certificate).unwrap().unwrap(), chain[..1]);
}

#[test]
fn a_client_without_a_certificate_has_none_and_issuers_without_one_are_refused() {
    for format in ForwardedFormat::ALL {
        let nothing = if format == ForwardedFormat::Apache { "(null)" } else { "" };
        assert_eq!(read_chain(format, None, None), Ok(None));
        assert_eq!(read_chain(format, Some(nothing), Some(" ")), Ok(None), "{}", format.name());
        if let (_, Some(issuers)) = written(format, &chain()) {
            read_chain(format, Some(nothing), Some(&issuers)).unwrap_err();
        }
    }
}

#[test]
fn another_form_s_value_a_list_and_a_cut_value_are_refused() {
    // R28: what one proxy appends to the value of another, or a client's to its own, is no certificate.
    let chain = chain();
    for format in ForwardedFormat::ALL {
        let (good, _) = written(format, &chain);
        for other in ForwardedFormat::ALL {
            let (value, _) = written(other, &chain);
            let same_text = matches!((format, other), (ForwardedFormat::Nginx | ForwardedFormat::Alb, _));
            let subset = (format, other) == (ForwardedFormat::Traefik, ForwardedFormat::Haproxy);
            if format != other && !same_text && !subset {
                assert!(read(format, &value).is_err(), "{} as {}", other.name(), format.name());
            }
        }
        if !matches!(format, ForwardedFormat::Traefik | ForwardedFormat::Envoy) {
            read(format, &format!("{good}, {good}")).unwrap_err();
        }
        for cut in [1, 10, good.len() / 2, good.len() - 30] {
            assert!(read(format, &good[..cut]).is_err(), "{} cut to {cut}", format.name());
        }
        for hostile in [format!("{good}x"), format!("={good}"), format!("{good}\u{7f}"), good.to_lowercase()] {
            assert!(read(format, &hostile).is_err(), "{} {hostile}", format.name());
        }
    }
}

#[test]
fn more_certificates_than_a_handshake_may_have_are_refused() {
    // R54
    let chain = chain();
    let one = format!(":{}:", base64(&chain[1]));
    let issuers = |count: usize| vec![one.as_str(); count].join(", ");
    let read = |count| read_chain(ForwardedFormat::Rfc9440, Some(&one), Some(&issuers(count)));
    assert_eq!(read(16).unwrap().unwrap().len(), 17);
    for count in [17, 18, 1000] {
        read(count).unwrap_err();
    }
    let many = vec![base64(&chain[0]); 1000].join(",");
    super::read_chain(ForwardedFormat::Traefik, Some(&many), None).unwrap_err();
}

#[test]
fn of_several_elements_of_envoy_only_the_last_counts() {
    // R28
    let (mine, other) = (chain(), chain());
    let element = |chain: &Chain| format!("By=spiffe://x/proxy;Cert=\"{}\"", escaped(&pem(&chain[0]), ""));
    let both = format!("{},{}", element(&other), element(&mine));
    assert_eq!(read(ForwardedFormat::Envoy, &both).unwrap().unwrap(), mine[..1]);
}

#[test]
fn an_element_of_envoy_that_contradicts_itself_is_refused() {
    // R28
    let (mine, other) = (chain(), chain());
    let cert = |chain: &Chain| format!("Cert=\"{}\"", escaped(&pem(&chain[0]), ""));
    let whole = |chain: &Chain| format!("Chain=\"{}\"", escaped(&format!("{}{}", pem(&chain[0]), pem(&chain[1])), ""));
    let hash = |chain: &Chain| CertificateThumbprint::of_der(&chain[0]).to_string();
    for value in [
        format!("{};{}", cert(&mine), whole(&other)),
        format!("Hash={};{}", hash(&other), cert(&mine)),
        format!("{};{}", cert(&mine), cert(&other)),
        format!("{};cert=x", cert(&mine)),
        // A URI of the client's choosing that ends its element, unquoted as Envoy leaves it.
        format!("{};URI=spiffe://x,{}", cert(&mine), cert(&other)),
        format!("By=spiffe://x/proxy;Hash={}", hash(&mine)),
        format!("{},", cert(&mine)),
        format!("{};", cert(&mine)),
        cert(&mine).trim_end_matches('"').to_owned(),
        format!("{}=", cert(&mine)),
    ] {
        assert!(read(ForwardedFormat::Envoy, &value).is_err(), "{value}");
    }
}

#[test]
fn no_text_makes_any_form_panic() {
    // R54
    let chain = chain();
    for format in ForwardedFormat::ALL {
        let (good, issuers) = written(format, &chain);
        for _ in 0..200 {
            let [at, bits, kind, length] = random::bytes::<4>().map(usize::from);
            let mut text: Vec<char> = good.chars().collect();
            let at = (at * 256 + bits) % text.len();
            match kind % 4 {
                0 => text[at] = char::from(random::bytes::<1>()[0]),
                1 => drop(text.drain(at..(at + length).min(text.len()))),
                2 => text.truncate(at),
                _ => text = random::bytes::<64>().map(char::from).to_vec(),
            }
            let text: String = text.into_iter().collect();
            drop((read_chain(format, Some(&text), issuers.as_deref()), read_chain(format, Some(&good), Some(&text))));
        }
    }
}
