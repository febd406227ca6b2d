//! Paths as a table writes them.

/// A path below the service root, compared without any decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exactly(String),
    /// A FHIR id, whatever its name in the table.
    AnyId,
}

impl PathPattern {
    /// A path of segments, each a name or `{…}`; none when it is something else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix('/')?.split('/').map(Segment::parse).collect::<Option<_>>()?;
        Some(Self(segments))
    }

    pub(super) fn fits(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut parts = path.split('/');
        self.0.iter().all(|segment| parts.next().is_some_and(|part| segment.fits(part))) && parts.next().is_none()
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('{') {
            Some(name) => name.strip_suffix('}').filter(|name| is_plain(name)).map(|_| Self::AnyId),
            None => (is_plain(text) && !is_dots(text)).then(|| Self::Exactly(text.to_owned())),
        }
    }

    fn fits(&self, part: &str) -> bool {
        match self {
            Self::Exactly(name) => name == part,
            Self::AnyId => is_fhir_id(part),
        }
    }
}

/// Characters that nobody encodes, decodes or takes for a separator.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~$".contains(&byte))
}

/// The type `id` of FHIR; but for `.` and `..`, which other programs take for places.
fn is_fhir_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        && !is_dots(text)
}

fn is_dots(text: &str) -> bool {
    matches!(text, "." | "..")
}
