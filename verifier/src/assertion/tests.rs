use super::*;
use crate::base64url::encode;

const HEADER: &str = r#"{"alg":"RS512","kid":"test-1","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"iss":"c","sub":"c","aud":"a","exp":1800000300,"jti":"1"}"#;

fn read(header: &str, claims: &str) -> Result<UnverifiedAssertion, AssertionFault> {
    let assertion = format!("{}.{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()), encode(b"signature"));
    UnverifiedAssertion::read(assertion.as_bytes())
}

fn fault_of(header: &str, claims: &str) -> AssertionFault {
    read(header, claims).err().unwrap_or_else(|| panic!("{header} {claims} is accepted"))
}

#[test]
fn an_assertion_is_taken_apart() {
    let header = r#"{"alg":"PS256","x5t":"dA==","x5t#S256":"dDI","x5c":["MII"],"jwk":{"kty":"oct"},"jku":"https://a"}"#;
    let claims = r#"{"iss":"c","sub":"s","aud":["a","b"],"exp":300.9,"nbf":1.1,"iat":2,"jti":"1","more":{}}"#;
    let read = read(header, claims).unwrap();
    assert_eq!((read.algorithm, read.typ.as_deref(), read.key_id.as_deref()), (Algorithm::Ps256, None, None));
    assert_eq!((read.x5t.as_deref(), read.x5t_s256.as_deref()), (Some("dA=="), Some("dDI")));
    assert_eq!((read.issuer.as_deref(), read.subject.as_deref()), (Some("c"), Some("s")));
    assert_eq!(read.audiences, ["a", "b"]);
    assert_eq!((read.expires_at, read.not_before, read.issued_at), (Some(300), Some(2), Some(2)));
    assert_eq!(read.id.as_deref(), Some("1"));
}

#[test]
fn an_algorithm_is_one_that_an_assertion_may_have() {
    // R22
    for algorithm in Algorithm::FOR_ASSERTIONS {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        assert_eq!(read(&header, CLAIMS).unwrap().algorithm, algorithm);
    }
    for (header, received) in [
        (r#"{"alg":"none"}"#, r#""none""#),
        (r#"{"alg":"None"}"#, r#""None""#),
        (r#"{"alg":"HS256"}"#, r#""HS256""#),
        (r#"{"alg":"rs512"}"#, r#""rs512""#),
        (r#"{"alg":"ES512"}"#, r#""ES512""#),
        (r#"{"alg":""}"#, r#""""#),
        (r#"{"typ":"JWT"}"#, "none"),
        (r#"{"alg":null}"#, "null"),
        (r#"{"alg":["RS512"]}"#, "an array"),
    ] {
        let fault = fault_of(header, CLAIMS);
        assert_eq!((fault.part, fault.received.as_str()), (AssertionPart::Header("alg"), received), "{header}");
    }
}

#[test]
fn extensions_are_refused() {
    for (more, name) in [(r#""crit":["exp"]"#, "crit"), (r#""crit":[]"#, "crit"), (r#""b64":false"#, "b64")] {
        let fault = fault_of(&format!(r#"{{"alg":"RS512","kid":"test-1",{more}}}"#), CLAIMS);
        assert_eq!(fault.part, AssertionPart::Header(name)); // R33
    }
}

#[test]
fn claims_of_the_wrong_type_are_named_with_what_came() {
    // R20: a date is a number that is a date
    for (claims, name, received) in [
        (r#"{"exp":"1800000300"}"#, "exp", r#"the string "1800000300""#),
        (r#"{"exp":null}"#, "exp", "null"),
        (r#"{"exp":-1}"#, "exp", "the number -1"),
        (r#"{"exp":1800000300000}"#, "exp", "the number 1800000300000"),
        (r#"{"exp":18446744073709551615}"#, "exp", "the number 18446744073709551615"),
        (r#"{"exp":1e300}"#, "exp", "the number 1e+300"),
        (r#"{"exp":true}"#, "exp", "true"),
        (r#"{"iat":"1"}"#, "iat", r#"the string "1""#),
        (r#"{"nbf":"1"}"#, "nbf", r#"the string "1""#),
        (r#"{"aud":1}"#, "aud", "the number 1"),
        (r#"{"aud":{"a":1}}"#, "aud", "an object"),
        (r#"{"aud":["a",1]}"#, "aud", "an array"),
        (r#"{"jti":7}"#, "jti", "the number 7"),
        (r#"{"iss":["c"]}"#, "iss", "an array"),
        (r#"{"sub":null}"#, "sub", "null"),
    ] {
        let fault = fault_of(HEADER, claims);
        assert_eq!((fault.part, fault.received.as_str()), (AssertionPart::Claim(name), received), "{claims}");
    }
    let fault = fault_of(r#"{"alg":"RS512","kid":1}"#, CLAIMS);
    assert_eq!((fault.part, fault.received.as_str()), (AssertionPart::Header("kid"), "the number 1"));
}

#[test]
fn what_is_no_jws_or_can_be_read_in_two_ways_is_malformed() {
    let good = format!("{}.{}.{}", encode(HEADER.as_bytes()), encode(CLAIMS.as_bytes()), encode(b"s"));
    assert!(UnverifiedAssertion::read(good.as_bytes()).is_ok());
    let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let texts = [
        String::new(),
        "garbage".to_owned(),
        "a.b".to_owned(),
        "a.b.c.d.e".to_owned(),
        "..".to_owned(),
        ".".repeat(100_000), // CVE-2025-30204
        format!("{good} "),
        format!(" {good}"),
        format!("{good}="),
        r#"{"payload":"e30","signatures":[]}"#.to_owned(),
    ];
    for text in texts {
        assert_eq!(UnverifiedAssertion::read(text.as_bytes()).unwrap_err().part, AssertionPart::Form, "{text:.20}");
    }
    let twice = r#"{"alg":"RS512","alg":"none"}"#;
    let deep = format!(r#"{{"alg":"RS512","x":{}"#, "[".repeat(10_000)); // CVE-2025-53864
    for (header, claims) in [(twice, CLAIMS), (&deep, CLAIMS), (&nested, CLAIMS), (HEADER, "[]"), (HEADER, &deep)] {
        assert_eq!(fault_of(header, claims).part, AssertionPart::Form, "{header:.30}"); // R54
    }
}

#[test]
fn a_key_for_assertions_is_no_key_for_tokens() {
    // R22, R29
    let algorithms = |key: PublicKey| key.algorithms().collect::<Vec<_>>();
    let rsa = format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, encode(&[0xff; 256]));
    assert_eq!(algorithms(PublicKey::for_assertions(rsa.as_bytes()).unwrap()).len(), 6);
    assert_eq!(
        algorithms(PublicKey::from_jwk(rsa.as_bytes()).unwrap()),
        [Algorithm::Rs256, Algorithm::Ps256],
        "as ever"
    );
    let labelled = rsa.replace(r#""kty""#, r#""alg":"RS512","kty""#);
    assert_eq!(algorithms(PublicKey::for_assertions(labelled.as_bytes()).unwrap()), [Algorithm::Rs512]);
    assert!(PublicKey::from_jwk(labelled.as_bytes()).is_err(), "no token is signed so");
    let mislabelled = rsa.replace(r#""kty""#, r#""alg":"ES256","kty""#);
    assert!(PublicKey::for_assertions(mislabelled.as_bytes()).is_err());
}
