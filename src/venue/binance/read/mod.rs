//! What a client of ours reads. Only what is used is asked for: a field that is new, or gone, or has a word that is
//! not known here, fails nothing. A reply that lacks what its call is made for cannot be read, and says so.

pub(crate) mod account;
pub(crate) mod info;
pub(crate) mod market;
pub(crate) mod order;
pub(crate) mod stream;
pub(crate) mod user;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::words::Word;

/// Places after the point that our amounts hold. The venue writes some averages with more.
const PLACES: usize = 12;
/// Most bytes of an unreadable payload that an error shows.
const SHOWN: usize = 120;

/// A payload that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be read: {why}: `{shown}`")]
pub struct Unreadable {
    /// What was expected.
    pub what: &'static str,
    /// What is wrong with it.
    pub why: String,
    /// How it begins.
    pub shown: String,
}

impl Unreadable {
    pub(crate) fn new(what: &'static str, why: impl fmt::Display, bytes: &[u8]) -> Unreadable {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
        let shown = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Unreadable { what, why: why.to_string(), shown }
    }
}

/// A word of a set that may have grown since this was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said<W> {
    Known(W),
    Other(String),
}

impl<W: Copy> Said<W> {
    pub(crate) fn known(&self) -> Option<W> {
        match self {
            Said::Known(word) => Some(*word),
            Said::Other(_) => None,
        }
    }
}

impl<W> Default for Said<W> {
    fn default() -> Said<W> {
        Said::Other(String::new())
    }
}

impl<'de, W: Word> Deserialize<'de> for Said<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Said<W>, D::Error> {
        let text = scalar(deserializer)?.unwrap_or_default();
        Ok(W::known(&text).map_or_else(|| Said::Other(text.into_owned()), Said::Known))
    }
}

/// A number, or anything that is read from its text: it may come as a text or as a JSON number.
pub(crate) fn amount<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error> {
    optional(deserializer)?.ok_or_else(|| D::Error::custom("a number is missing"))
}

/// The same where there may be none: `null`, `""`, and the text `"null"` that some fields have.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(text) = scalar(deserializer)? else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    let wrong = || D::Error::invalid_value(Unexpected::Str(text), &"a number");
    text.parse().or_else(|_| rounded(text).parse()).map(Some).map_err(|_| wrong())
}

/// Cut to the places that we hold.
fn rounded(text: &str) -> &str {
    let end = text.find('.').map_or(text.len(), |point| point + 1 + PLACES);
    text.get(..end).unwrap_or(text)
}

/// A text, or the text of a number or truth value; none for `null`.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    struct Scalar<'de>(PhantomData<&'de str>);
    impl<'de> Visitor<'de> for Scalar<'de> {
        type Value = Option<Cow<'de, str>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a number")
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Some(Cow::Borrowed(text)))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(Cow::Owned(text.to_owned())))
        }
        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(Cow::Owned(number.to_string())))
        }
        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(Cow::Owned(number.to_string())))
        }
        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok(Some(Cow::Owned(format!("{number:.PLACES$}"))))
        }
        fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
            Ok(Some(Cow::Borrowed(if truth { "true" } else { "false" })))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Scalar(PhantomData))
}

/// Reads JSON.
pub(crate) fn json<'a, T: Deserialize<'a>>(what: &'static str, bytes: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable::new(what, error, bytes))
}

/// A bare ratio, `"0.0001"`, as the venue writes rates.
pub(crate) fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<crate::types::Rate, D::Error> {
    use crate::types::{Rate, Rounding, Usdt};
    let bare: Option<Usdt> = optional(deserializer)?;
    Ok(bare.map_or(Rate::ZERO, |bare| bare.ratio_of(Usdt::ONE, Rounding::Down)))
}
