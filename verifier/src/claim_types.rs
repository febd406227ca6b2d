//! The claims that are more than a string, as JSON spells them.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::strict_json::{Text, UnknownNames};

/// The last second of the year 9999. What lies beyond is no date but a mistake, such as milliseconds.
const LAST_DATE: i64 = 253_402_300_799;

/// `aud` in both its forms (RFC 7519 §4.1.3).
pub(crate) struct Audience<'a>(pub(crate) Vec<Text<'a>>);

impl<'de> Deserialize<'de> for Audience<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;

        impl<'de> Visitor<'de> for AudienceVisitor {
            type Value = Audience<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Audience<'de>, E> {
                Ok(Audience(vec![Text(Cow::Borrowed(text))]))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Audience<'de>, E> {
                Ok(Audience(vec![Text(Cow::Owned(text.to_owned()))]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Audience<'de>, A::Error> {
                let mut audiences = Vec::new();
                while let Some(text) = items.next_element()? {
                    audiences.push(text);
                }
                Ok(Audience(audiences))
            }
        }

        deserializer.deserialize_any(AudienceVisitor)
    }
}

/// A time with its fraction rounded either way, so that each check can take the careful one.
#[derive(Clone, Copy)]
pub(crate) struct NumericDate {
    pub(crate) rounded_down: i64,
    pub(crate) rounded_up: i64,
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Clone, Copy)]
        struct DateVisitor;

        impl Visitor<'_> for DateVisitor {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since 1970")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<NumericDate, E> {
                if !(0..=LAST_DATE).contains(&seconds) {
                    return Err(E::custom("out of range"));
                }
                Ok(NumericDate { rounded_down: seconds, rounded_up: seconds })
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<NumericDate, E> {
                self.visit_i64(i64::try_from(seconds).map_err(E::custom)?)
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<NumericDate, E> {
                Ok(NumericDate {
                    rounded_down: self.visit_i64(whole(seconds.floor()).map_err(E::custom)?)?.rounded_down,
                    rounded_up: self.visit_i64(whole(seconds.ceil()).map_err(E::custom)?)?.rounded_up,
                })
            }
        }

        // Asks for a number by type: with `arbitrary_precision`, which FHIR libraries turn on, "any" would give a map.
        deserializer.deserialize_f64(DateVisitor)
    }
}

/// A float without fraction as an integer; there is no checked conversion but through text.
fn whole(seconds: f64) -> Result<i64, std::num::ParseIntError> {
    format!("{seconds:.0}").parse()
}

/// `cnf` (RFC 8705 §3.1); other ways to bind a token are not understood, and therefore not met.
pub(crate) struct UnverifiedConfirmation<'a>(pub(crate) Option<Text<'a>>);

impl<'de> Deserialize<'de> for UnverifiedConfirmation<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ConfirmationVisitor;

        impl<'de> Visitor<'de> for ConfirmationVisitor {
            type Value = UnverifiedConfirmation<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a confirmation object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut x5t_s256 = None;
                let mut unknown = UnknownNames::default();
                while let Some(Text(name)) = map.next_key()? {
                    match name.as_ref() {
                        "x5t#S256" if x5t_s256.is_none() => x5t_s256 = Some(map.next_value()?),
                        _ if name == "x5t#S256" => return Err(A::Error::custom("repeated member")),
                        _ => unknown.skip(name.into_owned(), &mut map)?,
                    }
                }
                Ok(UnverifiedConfirmation(x5t_s256))
            }
        }

        deserializer.deserialize_map(ConfirmationVisitor)
    }
}
