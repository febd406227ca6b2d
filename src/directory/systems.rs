//! What the directory knows of systems.

use std::collections::{BTreeMap, BTreeSet};

use careconnect_verifier::Asid;
use ldap3::Ldap;

use super::{Directory, DirectoryError, DirectorySystem, endpoint, entry::Entry, filter, problems::Problems, system};

/// Systems that are asked for at once.
const PORTION: usize = 50;
/// Entries of one answer: of systems, or of endpoints, of which a party can have hundreds.
const MOST_ENTRIES: u16 = 1_000;

/// Entries by what was asked for, and those of which there are more than the directory gives.
#[derive(Default)]
struct Answer {
    entries: Vec<Entry>,
    cut_off: BTreeSet<String>,
    has_references: bool,
}

impl Directory {
    /// Can it be reached, and does it have the base?
    pub async fn check(&self) -> Result<(), DirectoryError> {
        self.connected(async |mut ldap| self.find_base(&mut ldap).await).await
    }

    /// What it knows of one system; `None` when there is none of that ASID.
    pub async fn find_system(&self, asid: &Asid) -> Result<Option<DirectorySystem>, DirectoryError> {
        Ok(self.find_systems(std::slice::from_ref(asid)).await?.remove(asid))
    }

    /// What it knows of these systems; those that it does not know are not in the result. They are asked for in portions,
    /// one after the other, on one connection; unless all could be asked for, the result is an error. Everything is in
    /// memory at the end: whoever has many thousands asks in portions, too.
    pub async fn find_systems(&self, asids: &[Asid]) -> Result<BTreeMap<Asid, DirectorySystem>, DirectoryError> {
        if asids.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.connected(async |mut ldap| {
            let mut found = BTreeMap::new();
            for portion in asids.chunks(PORTION) {
                found.extend(self.find_portion(&mut ldap, portion).await?);
            }
            Ok(found)
        })
        .await
    }

    async fn find_portion(
        &self,
        ldap: &mut Ldap,
        asids: &[Asid],
    ) -> Result<Vec<(Asid, DirectorySystem)>, DirectoryError> {
        let names: Vec<&str> = asids.iter().map(Asid::as_str).collect();
        let answer = self.find_all(ldap, "nhsAs", "uniqueIdentifier", &names, system::ATTRIBUTES).await?;
        let by_asid = answer.by("uniqueIdentifier");
        if answer.has_references && asids.iter().any(|asid| !by_asid.contains_key(asid.as_str())) {
            return Err(DirectoryError::odd(
                "it refers to other directories for what it lacks, and they are not asked",
            ));
        }
        let mut systems = Vec::new();
        for asid in asids {
            let mut problems = answer.problems_of(asid.as_str());
            let entries = by_asid.get(asid.as_str()).map(Vec::as_slice).unwrap_or_default();
            systems.extend(system::read(asid, entries, &mut problems).map(|system| (system, problems)));
        }
        let keys = systems.iter().filter_map(|(system, _)| system.party_key.clone());
        let keys: BTreeMap<String, String> = keys.map(|key| (folded(&key), key)).collect();
        let keys: Vec<&str> = keys.values().map(String::as_str).collect();
        let answer = self.find_all(ldap, "nhsMhs", "nhsMHSPartyKey", &keys, endpoint::ATTRIBUTES).await?;
        let by_key = answer.by("nhsMHSPartyKey");
        let with_endpoints = |(mut system, mut problems): (DirectorySystem, Problems)| {
            if let Some(key) = system.party_key.as_deref().map(folded) {
                let own = by_key.get(&key).into_iter().flatten();
                system.endpoints = own.flat_map(|entry| endpoint::read(entry, &mut problems)).collect();
                system.endpoints.sort_by(|one, other| one.interaction.cmp(&other.interaction));
                system.has_all_endpoints = !answer.cut_off.contains(&key) && !answer.has_references;
                if answer.cut_off.contains(&key) {
                    problems.push("its party has more endpoints than the directory gives at once: some are left out");
                }
            }
            system.problems = problems.into_sentences();
            (system.asid.clone(), system)
        };
        Ok(systems.into_iter().map(with_endpoints).collect())
    }

    /// All entries of `class` whose `attribute` is one of `values`. Where that is more than comes at once, halves are asked
    /// for.
    async fn find_all(
        &self,
        ldap: &mut Ldap,
        class: &str,
        attribute: &str,
        values: &[&str],
        attributes: &[&str],
    ) -> Result<Answer, DirectoryError> {
        let mut answer = Answer::default();
        let mut to_ask: Vec<&[&str]> = if values.is_empty() { Vec::new() } else { vec![values] };
        while let Some(part) = to_ask.pop() {
            let filter = filter::any_of(class, attribute, part.iter().copied());
            let found = self.find(ldap, &filter, attributes, MOST_ENTRIES).await?;
            answer.has_references |= found.has_references;
            match part {
                [_, _, ..] if !found.is_complete => to_ask.extend(<[_; 2]>::from(part.split_at(part.len() / 2))),
                _ => {
                    answer.entries.extend(found.entries);
                    answer.cut_off.extend(part.iter().filter(|_| !found.is_complete).map(|value| folded(value)));
                }
            }
        }
        Ok(answer)
    }
}

impl Answer {
    /// The entries by each value of `attribute`.
    fn by(&self, attribute: &str) -> BTreeMap<String, Vec<&Entry>> {
        let mut sorted = BTreeMap::<_, Vec<_>>::new();
        for entry in &self.entries {
            for value in entry.texts(attribute, &mut Problems::default()) {
                sorted.entry(folded(value)).or_default().push(entry);
            }
        }
        sorted
    }

    /// What is odd about the answer as a whole.
    fn problems_of(&self, asked: &str) -> Problems {
        let mut problems = Problems::default();
        if self.has_references {
            problems.push("the directory refers to other directories, which are not asked");
        }
        if self.cut_off.contains(asked) {
            problems.push("the directory has more entries of this ASID than it gives at once");
        }
        problems
    }
}

/// As attributes that ignore case are compared: without the blanks around, and with one of several within.
fn folded(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
