//! Slots that are made up: twelve a day for two weeks, each for whom it is meant.

use careconnect_verifier::{CallerKnowledge, InvalidIdentifier, SlotRestriction, SlotVisibility};
use jiff::{Timestamp, ToSpan};

/// What a schedule is of. Its id is that of the Directory of Services, which consumers search by.
pub(crate) struct Service {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
}

pub(crate) const SERVICES: [Service; 2] =
    [Service { id: "124459850", name: "Minor illness" }, Service { id: "124459851", name: "Minor injuries" }];

pub(crate) struct Slot {
    pub(crate) id: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) service: &'static Service,
    restriction: SlotRestriction,
}

impl Slot {
    /// What the caller may not see is, for the caller, not there; and what has begun is there for nobody.
    pub(crate) fn is_visible_to(&self, caller: &CallerKnowledge, now: Timestamp) -> bool {
        self.start >= now && SlotVisibility::of(&self.restriction, caller).is_visible()
    }
}

/// The same slots for the same day.
pub(crate) fn synthetic(now: Timestamp) -> Result<Vec<Slot>, Box<dyn std::error::Error>> {
    let restrictions = restrictions()?;
    let today = now.strftime("%Y-%m-%dT09:00:00Z").to_string().parse::<Timestamp>()?;
    let mut slots = Vec::new();
    for day in 0..14_i64 {
        for half_hour in 0..12_i64 {
            let start = today + (day * 24).hours() + (half_hour * 30).minutes();
            let nth = usize::try_from(half_hour)?;
            slots.push(Slot {
                id: start.strftime("%Y-%m-%d-%H%M").to_string(),
                start,
                end: start + 30.minutes(),
                service: &SERVICES[nth % SERVICES.len()],
                restriction: restrictions[nth / SERVICES.len() % restrictions.len()].clone(),
            });
        }
    }
    Ok(slots)
}

/// Everybody; a type; an organisation; both.
fn restrictions() -> Result<[SlotRestriction; 6], InvalidIdentifier> {
    let of = |organisation_type: Option<&str>, ods_codes: &[&str]| {
        let organisation_types = organisation_type.map(str::parse).into_iter().collect::<Result<_, _>>()?;
        let ods_codes = ods_codes.iter().map(|code| code.parse()).collect::<Result<_, _>>()?;
        Ok(SlotRestriction { organisation_types, ods_codes })
    };
    Ok([
        of(None, &[])?,
        of(Some("urgent-care"), &[])?,
        of(Some("gp-practice"), &[])?,
        of(None, &["A1001"])?,
        of(Some("urgent-care"), &["A1001", "A1003"])?,
        of(None, &[])?,
    ])
}
