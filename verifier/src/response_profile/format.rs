//! In which format a caller wants FHIR resources (UEC Appointments, "Implementation guidance": JSON unless it says XML).

use percent_encoding::percent_decode_str;

/// A format of FHIR resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FhirFormat {
    /// `application/fhir+json`.
    #[default]
    Json,
    /// `application/fhir+xml`.
    Xml,
}

impl FhirFormat {
    /// What a request asks for: by the parameter `_format` of its query, or by `Accept`; without both, the format that
    /// it is in itself. JSON where it asks for neither.
    pub fn wanted(query: Option<&str>, accept: Option<&str>, content_type: Option<&str>) -> Self {
        let parameters = query.unwrap_or_default().split('&');
        let format = parameters.filter_map(|parameter| parameter.strip_prefix("_format=")).next();
        format
            .and_then(|format| Self::of_media_type(&percent_decode_str(format).decode_utf8_lossy()))
            .or_else(|| accept.and_then(Self::accepted))
            .or_else(|| content_type.filter(|_| accept.is_none()).and_then(Self::of_media_type))
            .unwrap_or_default()
    }

    /// The media type, with the charset that FHIR prescribes.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/fhir+json;charset=utf-8",
            Self::Xml => "application/fhir+xml;charset=utf-8",
        }
    }

    /// The one with the highest weight (RFC 9110 §12.5.1); of two equal ones the first.
    fn accepted(accept: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for range in accept.split(',') {
            let Some(format) = Self::of_media_type(range) else { continue };
            let weight = weight(range);
            if weight > best.map_or(0, |(weight, _)| weight) {
                best = Some((weight, format));
            }
        }
        best.map(|(_, format)| format)
    }

    fn of_media_type(text: &str) -> Option<Self> {
        match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/fhir+json" | "application/json+fhir" | "application/json" | "text/json" | "json" => {
                Some(Self::Json)
            }
            // A `+` in a query is a space to many.
            "application/fhir json" => Some(Self::Json),
            "application/fhir+xml" | "application/xml+fhir" | "application/xml" | "text/xml" | "xml" => Some(Self::Xml),
            "application/fhir xml" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// In thousandths; 1,000 without one, or with one that is none.
fn weight(range: &str) -> u16 {
    let weight = range.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
    let Some((whole, fraction)) = weight.map(|weight| weight.trim().split_once('.').unwrap_or((weight.trim(), "")))
    else {
        return 1_000;
    };
    let thousandths = format!("{fraction:0<3}").get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    if whole == "0" { thousandths } else { 1_000 }
}

#[cfg(test)]
mod tests {
    use super::{
        FhirFormat::{Json, Xml},
        *,
    };

    #[test]
    fn the_caller_gets_the_format_that_it_asks_for() {
        for (accept, expected) in [
            ("application/fhir+xml", Xml),
            ("application/fhir+json", Json),
            ("application/xml", Xml),
            ("text/xml;charset=utf-8", Xml),
            ("APPLICATION/FHIR+XML", Xml),
            ("application/xml+fhir", Xml),
            ("application/fhir+xml;q=0.5, application/fhir+json;q=0.9", Json),
            ("application/fhir+json;q=0.5, application/fhir+xml; q=0.501", Xml),
            ("application/fhir+xml;q=0, */*", Json),
            ("application/fhir+xml, application/fhir+json", Xml),
            ("*/*", Json),
            ("image/png", Json),
            ("", Json),
        ] {
            assert_eq!(FhirFormat::wanted(None, Some(accept), None), expected, "{accept}");
        }
    }

    #[test]
    fn the_query_goes_before_accept_and_the_body_after_it() {
        assert_eq!(FhirFormat::wanted(Some("a=b&_format=xml"), Some("application/json"), None), Xml);
        assert_eq!(FhirFormat::wanted(Some("_format=application%2Ffhir%2Bxml"), None, None), Xml);
        assert_eq!(FhirFormat::wanted(Some("_format=application/fhir+json"), Some("application/xml"), None), Json);
        assert_eq!(FhirFormat::wanted(None, None, Some("application/fhir+xml")), Xml);
        assert_eq!(FhirFormat::wanted(None, Some("*/*"), Some("application/fhir+xml")), Json);
        assert_eq!(FhirFormat::wanted(None, None, None), Json);
    }
}
