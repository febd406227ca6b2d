use super::*;

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let header = if content.len() < 0x80 { vec![tag, length[3]] } else { [&[tag, 0x84][..], &length].concat() };
    [header, content.to_vec()].concat()
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&element(INTEGER, &[id]), operation].concat())
}

fn result(tag: u8) -> Vec<u8> {
    element(tag, &[element(ENUMERATED, &[0]), element(OCTET_STRING, b""), element(OCTET_STRING, b"")].concat())
}

fn entry(attribute: &[u8]) -> Vec<u8> {
    element(SEARCH_ENTRY, &[element(OCTET_STRING, b"o=nhs"), element(SEQUENCE, attribute)].concat())
}

fn attribute(values: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[element(OCTET_STRING, b"o"), element(SET, values)].concat())
}

/// After a bind, these.
fn accepted(messages: &[Vec<u8>]) -> Result<(), DirectoryError> {
    let mut expected = Expected::default();
    expected.accept(&message(1, &result(BIND_RESPONSE)))?;
    messages.iter().try_for_each(|message| expected.accept(message))
}

#[test]
fn an_answer_is_entries_references_and_a_result() {
    let values = [element(OCTET_STRING, b"a"), element(OCTET_STRING, &[0xff])].concat();
    accepted(&[
        message(2, &entry(&attribute(&values))),
        message(2, &entry(b"")),
        message(2, &element(SEARCH_REFERENCE, &element(OCTET_STRING, b"ldap://elsewhere"))),
        message(2, &result(SEARCH_DONE)),
        message(3, &result(SEARCH_DONE)),
    ])
    .unwrap();
}

#[test]
fn nothing_else_gets_to_the_library() {
    let deep = (0..10_000).fold(Vec::new(), |inner, _| element(SEQUENCE, &inner));
    for odd in [
        message(1, &result(SEARCH_DONE)),
        message(3, &result(SEARCH_DONE)),
        message(2, &result(BIND_RESPONSE)),
        message(2, &element(SEARCH_DONE, b"")),
        message(2, &element(SEARCH_DONE, &element(OCTET_STRING, b"0"))),
        message(2, &element(0x79, b"")),
        message(2, &[entry(b""), element(0xa0, b"")].concat()),
        message(2, &deep),
        message(2, &element(SEARCH_ENTRY, &deep)),
        message(2, &entry(&deep)),
        message(2, &entry(&attribute(&deep))),
        message(2, &entry(&element(SEQUENCE, &element(OCTET_STRING, b"o")))),
        message(2, &entry(&element(SEQUENCE, &[element(OCTET_STRING, &[0xff]), element(SET, b"")].concat()))),
        message(2, &element(SEARCH_ENTRY, &[element(OCTET_STRING, &[0xff]), element(SEQUENCE, b"")].concat())),
        message(2, &element(SEARCH_REFERENCE, &element(OCTET_STRING, &[0xff]))),
        element(SEQUENCE, &element(INTEGER, &[2])),
        element(SEQUENCE, &[element(INTEGER, &[]), result(SEARCH_DONE)].concat()),
        element(SEQUENCE, &[element(INTEGER, &[0, 0, 0, 0, 2]), result(SEARCH_DONE)].concat()),
        element(SET, b""),
        vec![SEQUENCE, 0x80],
        vec![SEQUENCE, 5, INTEGER],
        [message(2, &result(SEARCH_DONE)), vec![0]].concat(),
    ] {
        let outcome = accepted(std::slice::from_ref(&odd));
        assert!(matches!(outcome, Err(DirectoryError::Odd(_))), "{outcome:?}: {:x?}", &odd[..odd.len().min(40)]);
    }
}

#[test]
fn an_answer_has_a_limit() {
    let large = message(2, &entry(&attribute(&element(OCTET_STRING, &vec![b'a'; LONGEST_MESSAGE - 100]))));
    accepted(&vec![large.clone(); LONGEST_ANSWER / LONGEST_MESSAGE]).unwrap();
    let more = accepted(&vec![large; LONGEST_ANSWER / LONGEST_MESSAGE + 1]);
    assert!(more.unwrap_err().to_string().contains("more than 16777216 octets"));
}

#[tokio::test]
async fn a_message_has_a_limit() {
    for (octets, said) in [
        (&b"\x30\x84\xff\xff\xff\xff"[..], "a message has 4294967295 octets; expected at most 1048576"),
        (b"\x30\x85\x01", "a message has no length"),
        (b"\x30\x80\x00", "a message has no length"),
        (b"HTTP/1.1 400 Bad Request", "it does not speak LDAP"),
        (b"\x30\x05\x02", "early eof"),
        (b"", "it closed the connection"),
    ] {
        let mut octets = octets;
        let error = read_message(&mut octets).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// Whatever passes, the library reads without a panic: every octet of good messages is changed to every other value.
#[test]
fn what_passes_does_not_make_the_library_panic() {
    let values = [element(OCTET_STRING, b"a"), element(OCTET_STRING, &[0xff])].concat();
    let mut passed = 0;
    for good in [message(2, &entry(&attribute(&values))), message(2, &result(SEARCH_DONE))] {
        for (place, value) in (0..good.len()).flat_map(|place| (0..=u8::MAX).map(move |value| (place, value))) {
            let mut changed = good.clone();
            changed[place] = value;
            if accepted(std::slice::from_ref(&changed)).is_ok() {
                passed += 1;
                let (_, whole) = ldap3::asn1::parse_tag(&changed).unwrap();
                let operation = whole.expect_constructed().unwrap().pop().unwrap();
                if operation.id == 4 {
                    ldap3::SearchEntry::construct(ldap3::ResultEntry::new(operation));
                } else {
                    let _result: ldap3::LdapResult = ldap3::asn1::Tag::StructureTag(operation).into();
                }
            }
        }
    }
    assert!(passed > 256, "{passed}");
}
