//! The octets between the directory and the LDAP library (RFC 4511 §4, X.690 §8).
//!
//! The library takes it for granted that messages have their form: others make it panic, or fill the stack or the memory.
//! So nothing else gets there. A connection carries one operation at a time, each with the next number.

use std::str::from_utf8;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy, split},
    net::UnixStream,
};

use super::{DirectoryError, connection::broken};

/// Of one message: an entry with ten thousand interactions fits.
const LONGEST_MESSAGE: usize = 1 << 20;
/// Of all messages that answer one search.
const LONGEST_ANSWER: usize = 16 << 20;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const REFERRAL: u8 = 0xa3;
const SASL_CREDENTIALS: u8 = 0x87;

/// Carries octets both ways until that fails.
pub(super) async fn relay(server: impl AsyncRead + AsyncWrite, library: UnixStream) -> DirectoryError {
    let (from_server, mut to_server) = split(server);
    let (mut from_library, to_library) = library.into_split();
    let requests = async {
        let _why_it_ended = copy(&mut from_library, &mut to_server).await; // the other direction knows more
        std::future::pending().await
    };
    tokio::select! {
        failure = answers(BufReader::new(from_server), to_library) => failure,
        () = requests => DirectoryError::odd("no request"),
    }
}

async fn answers(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> DirectoryError {
    let mut expected = Expected::default();
    loop {
        let message = match read_message(&mut from).await {
            Ok(message) => message,
            Err(DirectoryError::Unreachable(cause)) if expected.operation == 1 => {
                let guess = "it may want another client certificate, or no more connections";
                return DirectoryError::Refused(format!("{cause}, before it answered anything: {guess}"));
            }
            Err(failure) => return failure,
        };
        if let Err(failure) = expected.accept(&message) {
            return failure;
        }
        if let Err(error) = to.write_all(&message).await {
            return broken(&error);
        }
    }
}

/// A whole message, with its tag and length.
async fn read_message(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, DirectoryError> {
    let mut message = vec![0; 2];
    if let Err(error) = from.read_exact(&mut message).await {
        let ended = error.kind() == std::io::ErrorKind::UnexpectedEof;
        let closed = || DirectoryError::Unreachable("it closed the connection".to_owned());
        return Err(if ended { closed() } else { broken(&error) });
    }
    let (tag, first) = (message[0], message[1]);
    let length = match first {
        _ if tag != SEQUENCE => return Err(DirectoryError::odd("it does not speak LDAP")),
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let start = message.len();
            message.resize(start + usize::from(first - 0x80), 0);
            from.read_exact(&mut message[start..]).await.map_err(|error| broken(&error))?;
            number(&message[start..])
        }
        _ => return Err(DirectoryError::odd("a message has no length")),
    };
    if length > LONGEST_MESSAGE {
        return Err(DirectoryError::odd(format!("a message has {length} octets; expected at most {LONGEST_MESSAGE}")));
    }
    let start = message.len();
    message.resize(start + length, 0);
    from.read_exact(&mut message[start..]).await.map_err(|error| broken(&error))?;
    Ok(message)
}

/// What may come next.
struct Expected {
    /// The operation under way. The first one binds, all others search.
    operation: usize,
    /// The octets of its answer so far.
    received: usize,
}

impl Default for Expected {
    fn default() -> Self {
        Self { operation: 1, received: 0 }
    }
}

impl Expected {
    fn accept(&mut self, message: &[u8]) -> Result<(), DirectoryError> {
        let odd = || DirectoryError::odd("a message has not the form that LDAP gives it");
        let [whole] = elements(message).and_then(|found| found.try_into().ok()).ok_or_else(odd)?;
        let parts: [Element<'_>; 2] =
            elements(whole.content).and_then(|found| found.try_into().ok()).ok_or_else(odd)?;
        let [id, operation] = parts;
        if whole.tag != SEQUENCE || id.tag != INTEGER || !(1..=4).contains(&id.content.len()) {
            return Err(odd());
        }
        let id = number(id.content);
        if id == 0 {
            return Err(DirectoryError::Unreachable("it ends the connection".to_owned()));
        }
        let is_kind_expected = (operation.tag == BIND_RESPONSE) == (self.operation == 1);
        if id != self.operation || !is_kind_expected {
            return Err(DirectoryError::odd("a message answers what was not asked"));
        }
        self.received += message.len();
        if self.received > LONGEST_ANSWER {
            return Err(DirectoryError::odd(format!("an answer has more than {LONGEST_ANSWER} octets")));
        }
        let is_well_formed = match operation.tag {
            BIND_RESPONSE | SEARCH_DONE => {
                (self.operation, self.received) = (self.operation + 1, 0);
                is_result(operation.content)
            }
            SEARCH_ENTRY => is_entry(operation.content),
            SEARCH_REFERENCE => are_texts(operation.content),
            _ => false,
        };
        if is_well_formed { Ok(()) } else { Err(odd()) }
    }
}

/// LDAPResult (RFC 4511 §4.1.9), and that of a bind (§4.2.2).
fn is_result(content: &[u8]) -> bool {
    let Some(parts) = elements(content) else { return false };
    let [code, matched, text, rest @ ..] = parts.as_slice() else { return false };
    let is_known = |part: &Element<'_>| match part.tag {
        REFERRAL => are_texts(part.content),
        tag => tag == SASL_CREDENTIALS,
    };
    code.tag == ENUMERATED
        && (1..=4).contains(&code.content.len())
        && matched.is_text()
        && text.is_text()
        && rest.iter().all(is_known)
}

/// SearchResultEntry (RFC 4511 §4.5.2). Values are any octets.
fn is_entry(content: &[u8]) -> bool {
    let Some(parts) = elements(content) else { return false };
    let [name, attributes] = parts.as_slice() else { return false };
    let is_attribute = |attribute: Element<'_>| {
        let parts = if attribute.tag == SEQUENCE { elements(attribute.content) } else { None };
        let Some([kind, values]) = parts.as_deref() else { return false };
        let all = elements(values.content);
        let are_octets = |all: Vec<Element<'_>>| all.iter().all(|value| value.tag == OCTET_STRING);
        kind.is_text() && values.tag == SET && all.is_some_and(are_octets)
    };
    let all = elements(attributes.content);
    name.is_text() && attributes.tag == SEQUENCE && all.is_some_and(|all| all.into_iter().all(is_attribute))
}

fn are_texts(content: &[u8]) -> bool {
    elements(content).is_some_and(|all| all.iter().all(Element::is_text))
}

/// A value in BER, with a tag of one octet and a definite length.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl Element<'_> {
    fn is_text(&self) -> bool {
        self.tag == OCTET_STRING && from_utf8(self.content).is_ok()
    }
}

/// All values side by side.
fn elements(mut octets: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while let [tag, first, rest @ ..] = octets {
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (number(length), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        found.push(Element { tag: *tag, content });
        octets = rest;
    }
    octets.is_empty().then_some(found)
}

/// Of four octets at most.
fn number(octets: &[u8]) -> usize {
    octets.iter().fold(0, |number, octet| number << 8 | usize::from(*octet))
}

#[cfg(test)]
mod tests;
