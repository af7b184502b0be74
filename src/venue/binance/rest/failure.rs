//! What a request that did not succeed means. The table of codes is the venue's documentation and its clients'
//! experience put together; a code that is not in it proves nothing about an order.

use serde::Deserialize;

use crate::types::Timestamp;

/// Longest explanation that is kept.
const MAX_REASON: usize = 200;

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// It certainly never reached the venue.
    #[error("not sent: {reason}")]
    NotSent {
        reason: String,
        /// When it may be tried again by the venue's clock, if that is known.
        retry_at: Option<Timestamp>,
    },
    /// Nobody knows whether the venue carried it out.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// The venue's code, if it gave one.
        code: Option<i64>,
        reason: String,
    },
    /// The venue certainly did not carry it out.
    #[error("refused with {code}: {reason}")]
    Refused { class: Class, code: i64, reason: String },
}

/// What a certain refusal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The venue is overloaded: this order is over; a new decision may be made after a pause.
    Overloaded,
    /// Limits are used up: nothing until they are free again.
    Limited,
    /// Our clock is off: measure it anew.
    Clock,
    /// Key, signature or permission: trading at this venue halts.
    Halt,
    /// Our own mistake, or rules that have changed: load the rules anew, and tell people.
    Invalid,
    /// The stream's key is gone: take a new one, connect, reconcile.
    ListenKeyGone,
    /// Risk, funds or the venue's rules: never again by itself.
    Rejected,
    /// There is no such order, as far as this endpoint can see.
    NoSuchOrder,
    /// The trigger has been crossed already.
    WouldTrigger,
    /// Nothing to reduce, or not by so much: ask for the position and the open orders.
    ReduceOnly,
    /// Too many orders are open.
    TooManyOrders,
    /// It already is as asked: a success.
    Unchanged,
    /// A mode cannot be changed now: the start ends here.
    ModeLocked,
    /// The account is in another mode than we think: read the mode, and halt.
    ModeMismatch,
    /// The stop is triggering: wait, and ask.
    Triggering,
    /// A conditional order at the endpoint of others.
    WrongEndpoint,
    /// There is a close-position stop on that side already.
    StopExists,
    /// Too far from the mark: another price, or none.
    PriceBand,
    /// Fill-or-kill or post-only could not be kept: an ordinary end.
    TimeInForce,
}

impl Failure {
    /// When it may be tried again by the venue's clock, if it was not sent and that is known.
    pub(crate) fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Failure::NotSent { retry_at, .. } => *retry_at,
            Failure::Unknown { .. } | Failure::Refused { .. } => None,
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Failure {
        Failure::Unknown { code: None, reason: reason.into() }
    }

    /// The class of a certain refusal.
    pub(crate) fn class(&self) -> Option<Class> {
        match self {
            Failure::Refused { class, .. } => Some(*class),
            Failure::NotSent { .. } | Failure::Unknown { .. } => None,
        }
    }

    /// Is what was asked for already so?
    pub(crate) fn is_unchanged(&self) -> bool {
        self.class() == Some(Class::Unchanged)
    }

    /// Is it certain that there is no such order at this endpoint?
    pub(crate) fn is_no_such_order(&self) -> bool {
        self.class() == Some(Class::NoSuchOrder)
    }
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub code: Option<i64>,
    #[serde(default)]
    pub msg: Option<String>,
}

impl ErrorBody {
    pub(super) fn read(body: &[u8]) -> ErrorBody {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// What a reply that is no success means. `body` is what it says, whatever that is.
pub(crate) fn judge(status: u16, body: &[u8]) -> Failure {
    let said = ErrorBody::read(body);
    let reason = said.msg.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    let named = |code: Option<i64>| Failure::Unknown { code, reason: format!("HTTP {status}: {reason}") };
    let refused = |class, code| Failure::Refused { class, code, reason: reason.clone() };
    match (status, said.code) {
        // The limits speak through the status, whatever the body says.
        (429 | 418, code) => refused(Class::Limited, code.unwrap_or(-1003)),
        (_, Some(code)) => match class_of(code) {
            Some(class) => refused(class, code),
            None if status == 503 && is_certain(&reason) => refused(Class::Overloaded, code),
            None => named(Some(code)),
        },
        (503, None) if is_certain(&reason) => refused(Class::Overloaded, -1008),
        (_, None) => named(None),
    }
}

/// One of the three texts that come with status 503 says that nothing was done; the others say that nobody knows.
fn is_certain(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("service unavailable")
}

/// The class of a code; none if it does not prove that nothing was done.
pub(crate) const fn class_of(code: i64) -> Option<Class> {
    Some(match code {
        -1008 => Class::Overloaded,
        -1003 | -1015 => Class::Limited,
        -1021 | -5028 => Class::Clock,
        -1002 | -1022 | -1099 | -2014 | -2015 => Class::Halt,
        -4131 | -4016 | -4024 => Class::PriceBand,
        -1106..=-1100 | -1111 | -1118..=-1115 | -1121 | -1128 | -1130 => Class::Invalid,
        -4015..=-4000 | -4023 | -4030..=-4029 => Class::Invalid,
        -1125 => Class::ListenKeyGone,
        -2010 | -2020..=-2018 | -2024..=-2023 | -2028..=-2027 => Class::Rejected,
        -4051..=-4050 | -4109 | -4141..=-4140 | -4164 | -4192 | -4403..=-4400 => Class::Rejected,
        -2011 | -2013 => Class::NoSuchOrder,
        -2021 | -4142 => Class::WouldTrigger,
        -2022 | -4118 => Class::ReduceOnly,
        -2025 | -4045 => Class::TooManyOrders,
        -4046 | -4059 | -4171 => Class::Unchanged,
        -4048..=-4047 | -4068..=-4067 | -4531 => Class::ModeLocked,
        -4061 => Class::ModeMismatch,
        -4117 => Class::Triggering,
        -4120 => Class::WrongEndpoint,
        -4130 => Class::StopExists,
        -5022..=-5021 => Class::TimeInForce,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, code: i64, msg: &str) -> Failure {
        judge(status, format!(r#"{{"code":{code},"msg":"{msg}"}}"#).as_bytes())
    }

    /// The table of errors, row by row.
    #[test]
    fn every_row_of_the_table_has_its_class() {
        let table: [(&[i64], Class); 19] = [
            (&[-1008], Class::Overloaded),
            (&[-1003, -1015], Class::Limited),
            (&[-1021, -5028], Class::Clock),
            (&[-1022, -2014, -2015, -1002, -1099], Class::Halt),
            (
                &[
                    -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1111, -1115, -1116, -1117, -1118, -1121, -1128,
                    -1130, -4000, -4001, -4003, -4014, -4015, -4023, -4029, -4030,
                ],
                Class::Invalid,
            ),
            (&[-1125], Class::ListenKeyGone),
            (
                &[
                    -2010, -2018, -2019, -2020, -2023, -2024, -2027, -2028, -4050, -4051, -4109, -4140, -4141, -4164,
                    -4192, -4400, -4401, -4402, -4403,
                ],
                Class::Rejected,
            ),
            (&[-2011, -2013], Class::NoSuchOrder),
            (&[-2021, -4142], Class::WouldTrigger),
            (&[-2022, -4118], Class::ReduceOnly),
            (&[-2025, -4045], Class::TooManyOrders),
            (&[-4046, -4059, -4171], Class::Unchanged),
            (&[-4047, -4048, -4067, -4068, -4531], Class::ModeLocked),
            (&[-4061], Class::ModeMismatch),
            (&[-4117], Class::Triggering),
            (&[-4120], Class::WrongEndpoint),
            (&[-4130], Class::StopExists),
            (&[-4131, -4016, -4024], Class::PriceBand),
            (&[-5021, -5022], Class::TimeInForce),
        ];
        for (codes, class) in table {
            for code in codes {
                assert_eq!(judged(400, *code, "why").class(), Some(class), "{code}");
            }
        }
    }

    #[test]
    fn what_proves_nothing_is_unknown() {
        for code in [-1000, -1001, -1006, -1007, -4116, -9999, -2099] {
            for status in [400, 500, 503] {
                let failure = judged(status, code, "Unknown error, please check your request or try again later.");
                assert!(matches!(failure, Failure::Unknown { code: Some(c), .. } if c == code), "{failure:?}");
            }
        }
        for status in [403, 404, 408, 500, 502, 503, 504] {
            let failure = judge(status, b"<html>Gateway</html>");
            assert!(matches!(failure, Failure::Unknown { code: None, .. }), "{failure:?}");
        }
        for text in ["Unknown error, please check your request", "Internal error; unable to process your request."] {
            assert!(matches!(judge(503, text.as_bytes()), Failure::Unknown { .. }), "{text}");
        }
    }

    #[test]
    fn statuses_speak_where_bodies_do_not() {
        assert_eq!(judge(503, b"Service Unavailable.").class(), Some(Class::Overloaded));
        assert_eq!(judged(503, -1008, "Service Unavailable.").class(), Some(Class::Overloaded));
        assert_eq!(judge(429, b"").class(), Some(Class::Limited));
        assert_eq!(judged(418, -1003, "banned until 1700000000000").class(), Some(Class::Limited));
        assert!(judged(400, -4059, "").is_unchanged() && judged(400, -2013, "").is_no_such_order());
    }

    #[test]
    fn an_explanation_is_short_and_of_one_line() {
        let failure = judge(500, format!("a\n{}", "b".repeat(1_000)).as_bytes()).to_string();
        assert!(failure.len() < 300 && !failure.contains('\n'), "{failure}");
    }
}
