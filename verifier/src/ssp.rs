//! The four headers with which the Spine Secure Proxy forwards a call (NHS Booking API, "Use of the SSP"). They are words
//! of whoever sent them: for the log, and to be held against the token, never to be believed by themselves.

use crate::{Asid, HeaderCheck, InteractionId, Rejection, unverified::excerpt};

/// How each header is taken. By default each is held against the token when it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SspRules {
    /// `Ssp-From`: the token's ASID.
    pub from: HeaderCheck,
    /// `Ssp-To`: one of the provider's own ASIDs.
    pub to: HeaderCheck,
    /// `Ssp-InteractionID`: what the request is.
    pub interaction: HeaderCheck,
    /// `Ssp-TraceID`: a UUID.
    pub trace_id: HeaderCheck,
}

impl SspRules {
    /// For a provider that is called through the SSP only: all four are required.
    pub fn required() -> Self {
        Self::all(HeaderCheck::Required)
    }

    /// The same for all four.
    pub fn all(check: HeaderCheck) -> Self {
        Self { from: check, to: check, interaction: check, trace_id: check }
    }
}

/// The headers as they came; none where there was none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SspHeaders<'a> {
    pub(crate) from: Option<&'a str>,
    pub(crate) to: Option<&'a str>,
    pub(crate) interaction: Option<&'a str>,
    pub(crate) trace_id: Option<&'a str>,
}

/// What the headers say, as far as they can be read, and what was wrong that does not stop the request.
#[derive(Debug, Default)]
pub(crate) struct SspReading<'a> {
    /// To be held against the token.
    pub(crate) from: Option<&'a str>,
    pub(crate) interaction: Option<InteractionId>,
    pub(crate) trace_id: Option<&'a str>,
    pub(crate) reports: Vec<Rejection>,
}

impl SspRules {
    /// Reads what can be judged before the token. `own` are the provider's ASIDs; any will do where there are none.
    pub(crate) fn read<'a>(&self, headers: SspHeaders<'a>, own: &[Asid]) -> Result<SspReading<'a>, Rejection> {
        let mut reports = Vec::new();
        let mut of = |check, header, value, expected, read: &dyn Fn(&'a str) -> Option<()>| {
            read_one(check, header, value, expected, read, &mut reports)
        };
        let is_asid = |text: &str| Asid::parse(text).ok().map(drop);
        let from = of(self.from, "Ssp-From", headers.from, "an ASID of 12 digits", &is_asid)?;
        let to = of(self.to, "Ssp-To", headers.to, "an ASID of 12 digits", &is_asid)?;
        let is_interaction = |text: &str| InteractionId::parse(text).ok().map(drop);
        let interaction = of(
            self.interaction,
            "Ssp-InteractionID",
            headers.interaction,
            "the URN of an interaction",
            &is_interaction,
        )?;
        let trace_id =
            of(self.trace_id, "Ssp-TraceID", headers.trace_id, "a UUID", &|text| is_uuid(text).then_some(()))?;
        if let Some(to) = to.filter(|to| !own.is_empty() && own.iter().all(|own| own.as_str() != *to)) {
            let wrong = Rejection::WrongReceiver { expected: own.to_vec(), received: excerpt(to) };
            self.to.unless_reported(wrong, &mut reports)?;
        }
        let interaction = interaction.and_then(|text| InteractionId::parse(text).ok());
        Ok(SspReading { from, interaction, trace_id, reports })
    }
}

/// The header, if it is there, is to be looked at, and can be read.
fn read_one<'a>(
    check: HeaderCheck,
    header: &'static str,
    value: Option<&'a str>,
    expected: &'static str,
    read: &dyn Fn(&'a str) -> Option<()>,
    reports: &mut Vec<Rejection>,
) -> Result<Option<&'a str>, Rejection> {
    let wrong = match value {
        _ if check == HeaderCheck::Off => return Ok(None),
        Some(text) if read(text).is_some() => return Ok(Some(text)),
        None if check == HeaderCheck::WhenSent => return Ok(None),
        received => Rejection::SspHeader { header, expected, received: received.map(excerpt) },
    };
    check.unless_reported(wrong, reports)?;
    Ok(None)
}

/// RFC 9562 §4, in either case, and in no other form that the library reads.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH && uuid::Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: SspHeaders<'_> = SspHeaders {
        from: Some("200000000205"),
        to: Some("200000000359"),
        interaction: Some("urn:nhs:names:services:careconnect:fhir:rest:search:slot"),
        trace_id: Some("09A01679-2564-0fb4-5129-aecc81ea2706"),
    };

    fn own() -> [Asid; 1] {
        ["200000000359".parse().unwrap()]
    }

    fn reason(rules: SspRules, headers: SspHeaders<'_>) -> &'static str {
        rules.read(headers, &own()).map_or_else(|rejection| rejection.reason(), |_| "accepted")
    }

    #[test]
    fn required_headers_must_be_there_and_be_right() {
        let rules = SspRules::required();
        assert_eq!(reason(rules, GOOD), "accepted");
        for headers in [
            SspHeaders { from: None, ..GOOD },
            SspHeaders { to: None, ..GOOD },
            SspHeaders { interaction: None, ..GOOD },
            SspHeaders { trace_id: None, ..GOOD },
            SspHeaders { from: Some(""), ..GOOD },
            SspHeaders { to: Some("ASID:200000000359"), ..GOOD },
            SspHeaders { interaction: Some("search:slot"), ..GOOD },
            SspHeaders { trace_id: Some("09a0167925640fb45129aecc81ea2706"), ..GOOD },
            SspHeaders { trace_id: Some("g9a01679-2564-0fb4-5129-aecc81ea2706"), ..GOOD },
        ] {
            assert_eq!(reason(rules, headers), "ssp_header", "{headers:?}");
        }
        assert_eq!(reason(rules, SspHeaders { to: Some("200000000205"), ..GOOD }), "ssp_to_mismatch");
    }

    #[test]
    fn by_default_a_header_may_be_missing_but_not_wrong() {
        let rules = SspRules::default();
        assert_eq!(reason(rules, SspHeaders::default()), "accepted");
        assert_eq!(reason(rules, SspHeaders { trace_id: Some("1"), ..SspHeaders::default() }), "ssp_header");
        assert_eq!(reason(rules, SspHeaders { to: Some("200000000205"), ..GOOD }), "ssp_to_mismatch");
    }

    #[test]
    fn what_is_reported_stops_nothing_and_what_is_off_is_not_looked_at() {
        let wrong = SspHeaders { from: Some("x"), to: Some("200000000205"), interaction: Some("x"), trace_id: None };
        let reading = SspRules::all(HeaderCheck::Reported).read(wrong, &own()).unwrap();
        let reports: Vec<_> = reading.reports.iter().map(Rejection::reason).collect();
        assert_eq!(reports, ["ssp_header", "ssp_header", "ssp_header", "ssp_to_mismatch"]);
        let reading = SspRules::all(HeaderCheck::Off).read(GOOD, &own()).unwrap();
        assert!(reading.reports.is_empty() && reading.from.is_none() && reading.trace_id.is_none());
    }
}
