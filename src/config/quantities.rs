//! Numbers with a unit and a range, which the type holds.

use std::time::Duration;

use toml::Value;

use super::setting::Setting;

macro_rules! quantity {
    ($(#[$about:meta])+ $name:ident of $unit:literal) => {
        $(#[$about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<const MIN: u32, const MAX: u32>(u32);

        impl<const MIN: u32, const MAX: u32> $name<MIN, MAX> {
            /// The quantity. Panics outside `MIN..=MAX`, which is for defaults and tests; a file is read instead.
            pub const fn of(value: u32) -> Self {
                assert!(MIN <= value && value <= MAX, "out of range");
                Self(value)
            }

            /// The bare number.
            pub const fn number(self) -> u32 {
                self.0
            }
        }

        impl<const MIN: u32, const MAX: u32> Setting for $name<MIN, MAX> {
            fn expected(&self) -> String {
                format!(concat!("a whole number", $unit, " from {} to {}"), MIN, MAX)
            }

            fn read(&mut self, value: &Value) -> Result<(), String> {
                let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
                match number.filter(|number| (MIN..=MAX).contains(number)) {
                    Some(number) => *self = Self(number),
                    None => return Err(format!("expected {}", self.expected())),
                }
                Ok(())
            }

            fn show(&self) -> Option<Value> {
                Some(Value::Integer(self.0.into()))
            }
        }
    };
}

quantity! {
    /// A number of things.
    Count of ""
}
quantity! {
    /// A time in whole seconds.
    Seconds of " of seconds"
}
quantity! {
    /// A time in whole milliseconds.
    Milliseconds of " of milliseconds"
}

impl<const MIN: u32, const MAX: u32> Count<MIN, MAX> {
    /// The number.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const MIN: u32, const MAX: u32> Seconds<MIN, MAX> {
    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl<const MIN: u32, const MAX: u32> Milliseconds<MIN, MAX> {
    /// The time.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}
