//! Times and spans as people type them.

use crate::clock::UnixTime;

/// A moment as RFC 3339, or a day, which begins at midnight UTC.
pub(super) fn time(text: &str) -> Result<UnixTime, String> {
    let moment = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    let day = || {
        let date = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10)?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    };
    let expected = || format!("{text:?} is no time: expected one such as 2027-04-01 or 2027-04-01T12:00:00Z");
    moment.or_else(day).map(UnixTime).ok_or_else(expected)
}

/// When something ends, if it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndTime(pub(super) Option<UnixTime>);

/// As [`time`], or `none`.
pub(super) fn end_time(text: &str) -> Result<EndTime, String> {
    if text == "none" { Ok(EndTime(None)) } else { time(text).map(|time| EndTime(Some(time))) }
}

/// A time as people read it: the day where that says it all.
pub(super) fn brief(time: UnixTime) -> String {
    let text = time.to_string();
    text.strip_suffix("T00:00:00Z").map(str::to_owned).unwrap_or(text)
}

/// Until when, as people read it.
pub(super) fn until(end: Option<UnixTime>) -> String {
    end.map_or_else(|| "further notice".to_owned(), brief)
}

/// A span such as `7d`, `12h`, `30m` or `90s`, in seconds.
pub(super) fn span(text: &str) -> Result<i64, String> {
    const LONGEST: i64 = 3660 * 86_400;
    let refuse = || format!("{text:?} is no span: expected a number of days, hours, minutes or seconds, such as 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refuse)?;
    let unit = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return Err(refuse()),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| i64::from(number).checked_mul(unit));
    seconds.filter(|seconds| *seconds <= LONGEST).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_a_day() {
        for text in ["2027-04-01", "2027-04-01T00:00:00Z", "2027-04-01T01:00:00+01:00"] {
            assert_eq!(time(text), Ok(UnixTime(1_806_537_600)), "{text}");
        }
        for text in ["", "tomorrow", "2027-13-01", "01/04/2027", "1806537600"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!([span("7d"), span("2h"), span("3m"), span("0s")], [Ok(604_800), Ok(7200), Ok(180), Ok(0)]);
        for text in ["", "d", "7", "7w", "-1d", "7 d", "1.5d", "99999d", "4294967296s", "7é"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
