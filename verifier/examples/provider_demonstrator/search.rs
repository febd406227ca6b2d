//! The parameters of a slot search: those of Care Connect, and nothing that says who is asking.

use careconnect_verifier::CallerKnowledge;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::{
    outcome::{Fault, Problem},
    slots::{SERVICES, Slot},
};

/// The longest time that may be searched (GP Connect, "Search for free slots").
const TWO_WEEKS: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(crate) struct SlotSearch {
    from: Timestamp,
    until: Timestamp,
    service: Option<String>,
    /// Resources that come with the schedules: names behind `Schedule:actor:`.
    pub(crate) actors: Vec<String>,
}

impl SlotSearch {
    /// GP Connect asks for 422 `INVALID_PARAMETER`, where the UEC specification has 400 for the same faults. Parameters that
    /// have no meaning here are passed over, as FHIR wants it; `searchFilter` is one of them.
    pub(crate) fn read(parameters: &[(String, String)]) -> Result<Self, Problem> {
        let values = |name: &'static str| {
            parameters.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
        };
        let only = |name: &'static str| {
            let mut values = values(name);
            match (values.next(), values.next()) {
                (_, Some(_)) => Err(wrong(name, "given once", "several")),
                (value, None) => Ok(value),
            }
        };
        match only("status")? {
            Some("free") => {}
            other => return Err(wrong("status", "free", other.unwrap_or("none"))),
        }
        if !values("_include").any(|value| value == "Slot:schedule") {
            return Err(wrong("_include", "Slot:schedule", values("_include").next().unwrap_or("none")));
        }
        let from = instant("start", "ge", only("start")?)?;
        let until = instant("end", "le", only("end")?)?;
        if until < from || until.duration_since(from) > TWO_WEEKS {
            return Err(wrong("end", "at most 14 days after start", &until.to_string()));
        }
        let service = only("schedule.actor:healthcareservice")?.map(str::to_owned);
        if service.as_ref().is_some_and(|id| SERVICES.iter().all(|service| service.id != id)) {
            return Err(Fault::NotFound.because("expected the id of a service of this provider, received another"));
        }
        let actors = values("_include:recurse").filter_map(|value| value.strip_prefix("Schedule:actor:"));
        Ok(Self { from, until, service, actors: actors.map(str::to_owned).collect() })
    }

    /// Does the caller get to see this slot?
    pub(crate) fn finds(&self, slot: &Slot, caller: &CallerKnowledge, now: Timestamp) -> bool {
        slot.start >= self.from
            && slot.end <= self.until
            && self.service.as_ref().is_none_or(|id| id == slot.service.id)
            && slot.is_visible_to(caller, now)
    }
}

/// A date or an instant behind its prefix; the end of a day where that is what comes last.
fn instant(name: &'static str, prefix: &'static str, value: Option<&str>) -> Result<Timestamp, Problem> {
    let expected = format!("{prefix} and a date or a time with its offset, such as {prefix}2030-01-31T09:00:00Z");
    let received = value.unwrap_or("none");
    let read = |text: &str| {
        // Many consumers send the `+` of an offset as it is, which reaches us as a space.
        let text = text.replace(' ', "+");
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(instant);
        }
        let date: Date = Some(text).filter(|text| text.len() == "2030-01-31".len())?.parse().ok()?;
        let date = if prefix == "le" { date.checked_add(1.day()).ok()? } else { date };
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    received.strip_prefix(prefix).and_then(read).ok_or_else(|| wrong(name, &expected, received))
}

fn wrong(name: &str, expected: &str, received: &str) -> Problem {
    let received: String = received.chars().take(64).collect();
    Fault::InvalidParameter.because(format!("expected the parameter {name} to be {expected}, received {received:?}"))
}
