//! Identifiers of orders and trades. A client order id is a pure function of its parts, so that a replay
//! gives the same id, and it can be taken apart again to see whose it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest client order id a venue sends us (Binance USDⓈ-M allows 36; ours are 22).
const MAX_LEN: usize = 36;
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Lengths of our id's parts, in order: account, instance, epoch, sequence, attempt, leg, check.
const ACCOUNT: usize = 4;
const INSTANCE: usize = 2;
const EPOCH: usize = 5;
const SEQUENCE: usize = 6;
const OURS: usize = 1 + ACCOUNT + INSTANCE + EPOCH + SEQUENCE + 1 + 1 + 2;

/// The id under which an order can be looked up at the venue. Ours or somebody else's.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientOrderId {
    bytes: [u8; MAX_LEN],
    len: u8,
}

/// What the order is for; the last letter but two of our ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// Opens or grows a position.
    Entry,
    /// Closes a position at the market or at a limit.
    Exit,
    /// A protective stop.
    Stop,
    /// A resting take profit.
    TakeProfit,
    /// The `flatten` command's close.
    Flatten,
}

impl Leg {
    /// Every leg.
    pub const ALL: [Leg; 5] = [Leg::Entry, Leg::Exit, Leg::Stop, Leg::TakeProfit, Leg::Flatten];

    const fn letter(self) -> u8 {
        match self {
            Leg::Entry => b'e',
            Leg::Exit => b'x',
            Leg::Stop => b's',
            Leg::TakeProfit => b't',
            Leg::Flatten => b'f',
        }
    }

    /// Its name in logs and in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Leg::Entry => "entry",
            Leg::Exit => "exit",
            Leg::Stop => "stop",
            Leg::TakeProfit => "take_profit",
            Leg::Flatten => "flatten",
        }
    }
}

/// Who sends: the part of an id that stays the same from one start of the daemon to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdScope {
    /// Four letters or digits that stand for the account.
    pub account: [u8; ACCOUNT],
    /// Two that were drawn with the state folder.
    pub instance: [u8; INSTANCE],
    /// The number of this start; never used twice with one state folder.
    pub epoch: u32,
}

/// All that one of our ids says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdParts {
    /// Who sends.
    pub scope: IdScope,
    /// The intent's number within the epoch.
    pub sequence: u32,
    /// 0 for the first attempt; at most 35.
    pub attempt: u8,
    /// What the order is for.
    pub leg: Leg,
}

impl IdScope {
    /// The letters that every id of this account and instance begins with.
    pub fn prefix(&self) -> String {
        let mut text = String::from("l");
        text.extend(self.account.iter().chain(&self.instance).map(|b| char::from(*b)));
        text
    }
}

impl ClientOrderId {
    /// Writes an id from its parts.
    ///
    /// # Panics
    /// If the attempt is above 35 or a tag is not of `[a-z0-9]`: the caller's contradiction.
    pub fn compose(parts: &IdParts) -> ClientOrderId {
        assert!(parts.attempt < 36, "an intent has at most 36 attempts");
        let mut bytes = [0; MAX_LEN];
        bytes[0] = b'l';
        bytes[1..5].copy_from_slice(&parts.scope.account);
        bytes[5..7].copy_from_slice(&parts.scope.instance);
        let is_tag = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(bytes[1..7].iter().all(is_tag), "tags are lower-case letters and digits");
        write_base36(&mut bytes[7..12], parts.scope.epoch);
        write_base36(&mut bytes[12..18], parts.sequence);
        write_base36(&mut bytes[18..19], u32::from(parts.attempt));
        bytes[19] = parts.leg.letter();
        let check = check(&bytes[..20]);
        write_base36(&mut bytes[20..22], check);
        ClientOrderId { bytes, len: OURS as u8 }
    }

    /// Takes one of our ids apart; `None` if it is not of our form or its check does not fit.
    pub fn parts(&self) -> Option<IdParts> {
        let bytes = self.as_str().as_bytes();
        if bytes.len() != OURS || bytes[0] != b'l' || read_base36(&bytes[20..22])? != check(&bytes[..20]) {
            return None;
        }
        Some(IdParts {
            scope: IdScope {
                account: bytes[1..5].try_into().ok()?,
                instance: bytes[5..7].try_into().ok()?,
                epoch: read_base36(&bytes[7..12])?,
            },
            sequence: read_base36(&bytes[12..18])?,
            attempt: u8::try_from(read_base36(&bytes[18..19])?).ok()?,
            leg: Leg::ALL.into_iter().find(|leg| leg.letter() == bytes[19])?,
        })
    }

    /// A number that two different ids hardly ever share, for tables in memory.
    pub(super) fn scattered(&self) -> u64 {
        /// An odd number without a pattern: the golden ratio's first 64 bits.
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let words = [self.word(0), self.word(8), self.word(16), self.word(24), self.rest()];
        words.into_iter().fold(0, |mixed: u64, word| {
            let mixed = (mixed ^ word).wrapping_mul(ODD);
            mixed ^ mixed >> 32
        })
    }

    /// The text sent to the venue.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl ClientOrderId {
    /// Eight of the bytes as a number that stands in the order of the texts: what lies behind a text is zero.
    fn word(&self, at: usize) -> u64 {
        self.bytes[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// The bytes behind those that are taken in eights.
    fn rest(&self) -> u64 {
        self.bytes[32..].first_chunk().map_or(0, |bytes| u64::from(u32::from_be_bytes(*bytes)))
    }
}

impl PartialEq for ClientOrderId {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl Eq for ClientOrderId {}
impl std::hash::Hash for ClientOrderId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        [self.word(0), self.word(8), self.word(16), self.word(24), self.rest()].hash(state);
    }
}
impl PartialOrd for ClientOrderId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ClientOrderId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Eight by eight, and no further than they are the same: ids of one daemon differ in one place.
        for at in [0, 8, 16, 24] {
            let (ours, theirs) = (self.word(at), other.word(at));
            if ours != theirs {
                return ours.cmp(&theirs);
            }
        }
        self.rest().cmp(&other.rest())
    }
}

fn write_base36(out: &mut [u8], mut value: u32) {
    for slot in out.iter_mut().rev() {
        *slot = BASE36[(value % 36) as usize];
        value /= 36;
    }
    assert_eq!(value, 0, "the number does not fit its place in the id");
}

fn read_base36(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0_u32, |value, byte| {
        let digit = BASE36.iter().position(|b| b == byte)?;
        value.checked_mul(36)?.checked_add(u32::try_from(digit).ok()?)
    })
}

/// Weighted so that a changed or swapped letter shows.
fn check(bytes: &[u8]) -> u32 {
    /// So many letters cannot overflow 64 bits before the remainder is taken.
    const AT_ONCE: usize = 8;
    let sum = bytes
        .chunks(AT_ONCE)
        .fold(7_u64, |sum, bytes| bytes.iter().fold(sum, |sum, byte| sum * 31 + u64::from(*byte)) % (36 * 36 - 1));
    sum as u32
}

/// Why a text cannot be a client order id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a client order id has 1 to 36 printable ASCII characters")]
pub struct ParseIdError;

impl FromStr for ClientOrderId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.is_empty() || text.len() > MAX_LEN || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ParseIdError);
        }
        let mut bytes = [0; MAX_LEN];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(ClientOrderId { bytes, len: text.len() as u8 })
    }
}

impl TryFrom<String> for ClientOrderId {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<ClientOrderId> for String {
    fn from(id: ClientOrderId) -> String {
        id.as_str().to_owned()
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The venue's number of a trade, unique within an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TradeId(pub u64);

/// The venue's number of an order, unique within an instrument and its service (regular or conditional).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VenueOrderId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sequence: u32, leg: Leg) -> IdParts {
        IdParts { scope: IdScope { account: *b"papr", instance: *b"a1", epoch: 1 }, sequence, attempt: 0, leg }
    }

    #[test]
    fn an_id_can_be_taken_apart() {
        for leg in Leg::ALL {
            let id = ClientOrderId::compose(&parts(46_655, leg));
            assert_eq!(id.parts(), Some(parts(46_655, leg)));
            assert_eq!(id.as_str().len(), OURS);
            assert_eq!(id.as_str().parse(), Ok(id));
        }
    }

    #[test]
    fn a_damaged_or_foreign_id_is_not_ours() {
        let id = ClientOrderId::compose(&parts(7, Leg::Entry));
        for at in 0..OURS {
            let mut text = id.as_str().as_bytes().to_vec();
            text[at] = if text[at] == b'z' { b'y' } else { b'z' };
            let other: ClientOrderId = std::str::from_utf8(&text).expect("ascii").parse().expect("an id");
            assert_eq!(other.parts(), None, "{other}");
        }
        assert_eq!("autoclose-1".parse::<ClientOrderId>().expect("an id").parts(), None);
        assert!("".parse::<ClientOrderId>().is_err() && "ä".parse::<ClientOrderId>().is_err());
    }
}
