//! Joins rows that hang on others with a walk instead of a lookup: both come in the order of the owner's key.

use super::StorageError;

/// Owners in the order of their keys, and the place that the walk has reached.
pub(super) struct Owners<T> {
    owners: Vec<T>,
    reached: usize,
    what: &'static str,
    key: fn(&T) -> &str,
}

impl<T> Owners<T> {
    pub(super) const fn new(what: &'static str, key: fn(&T) -> &str) -> Self {
        Self { owners: Vec::new(), reached: 0, what, key }
    }

    pub(super) fn push(&mut self, owner: T) {
        self.owners.push(owner);
    }

    /// Begins the walk again, for the next kind of row.
    pub(super) const fn rewind(&mut self) {
        self.reached = 0;
    }

    /// The owner of that key, at or after the place reached. The order is the database's: keys are only compared for
    /// equality here.
    pub(super) fn owner(&mut self, key: &str) -> Result<&mut T, StorageError> {
        let ahead = self.owners[self.reached..].iter().position(|owner| (self.key)(owner) == key);
        let ahead =
            ahead.ok_or_else(|| StorageError::corrupt(self.what, key, "other rows belong to it, and it is missing"))?;
        self.reached += ahead;
        Ok(&mut self.owners[self.reached])
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.owners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_reach_their_owners_in_one_walk_and_strays_are_named() {
        let mut owners = Owners::new("a thing", |(key, _): &(&str, Vec<u8>)| key);
        ["a", "b", "c"].into_iter().for_each(|key| owners.push((key, Vec::new())));
        for (key, value) in [("a", 1), ("c", 2), ("c", 3)] {
            owners.owner(key).unwrap().1.push(value);
        }
        let stray = owners.owner("x").map(|_| ()).unwrap_err();
        assert!(stray.to_string().contains(r#"a thing "x""#), "{stray}");
        assert_eq!(owners.into_vec(), [("a", vec![1]), ("b", vec![]), ("c", vec![2, 3])]);
    }
}
