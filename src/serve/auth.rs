//! Who may: the key, the time window, and the signature over the bytes as they came.

use super::keyring::{Holder, Keyring};
use super::route::{Method, Route, Security};
use crate::exchange::AccountId;
use crate::types::{Span, Timestamp};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::form::{Form, split_signature};

/// How long after its stamp a request is taken, unless it says otherwise, and at most.
const USUAL_WINDOW: i64 = 5_000;
const LONGEST_WINDOW: i64 = 60_000;
/// A request may be stamped this far ahead of the server's clock.
const MAX_AHEAD: Span = Span::SECOND;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Presented<'a> {
    pub key: Option<&'a str>,
    pub query: &'a [u8],
    pub body: &'a [u8],
}

/// Lets a request in. Gives the account that it acts for; of public requests it does not matter.
///
/// # Errors
/// −2014 without a key, −2015 with one that is not known or may not, −1102 without timestamp or signature, −1021
/// outside of the window, −1022 with a wrong signature.
pub(crate) fn admit(
    route: &Route,
    presented: &Presented<'_>,
    params: &Form,
    keyring: &Keyring,
    told: Timestamp,
) -> Result<AccountId, ApiError> {
    if route.security == Security::Public {
        return Ok(AccountId(0));
    }
    let holder = holder(presented.key, keyring)?;
    if route.security == Security::Signed {
        check_window(params, told)?;
        check_signature(holder, presented)?;
        check_permission(holder, route.method)?;
    }
    Ok(holder.account)
}

/// The holder of a key.
///
/// # Errors
/// −2014 without a key, −2015 with one that is not known.
pub(crate) fn holder<'a>(key: Option<&str>, keyring: &'a Keyring) -> Result<&'a Holder, ApiError> {
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| ApiError::of(-2014))?;
    keyring.find(key).ok_or_else(|| ApiError::of(-2015))
}

/// May the key's holder do more than look?
///
/// # Errors
/// −2015 if it may not.
pub(crate) fn check_permission(holder: &Holder, method: Method) -> Result<(), ApiError> {
    if holder.may_trade || method == Method::Get { Ok(()) } else { Err(ApiError::of(-2015)) }
}

/// Was the request stamped within its window?
///
/// # Errors
/// −1102 without a stamp, −1021 outside.
pub(crate) fn check_window(params: &Form, told: Timestamp) -> Result<(), ApiError> {
    let number = |name: &str| params.get(name).map(|text| text.parse::<i64>().map_err(|_| ApiError::missing(name)));
    let stamp = number("timestamp").transpose()?.ok_or_else(|| ApiError::missing("timestamp"))?;
    let window = number("recvWindow").transpose()?.unwrap_or(USUAL_WINDOW);
    if !(0..=LONGEST_WINDOW).contains(&window) {
        return Err(ApiError::new(-1131, "recvWindow must be less than 60000."));
    }
    let server = told.as_millis();
    if stamp >= server.saturating_add(MAX_AHEAD.as_millis()) {
        return Err(ApiError::new(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if server.saturating_sub(stamp) > window {
        return Err(ApiError::of(-1021));
    }
    Ok(())
}

fn check_signature(holder: &Holder, presented: &Presented<'_>) -> Result<(), ApiError> {
    let (query, body) = (split_signature(presented.query), split_signature(presented.body));
    let signature = match (&query, &body) {
        (Some((_, signature)), _) | (None, Some((_, signature))) => *signature,
        (None, None) => return Err(ApiError::missing("signature")),
    };
    let kept = |split: &Option<(Vec<u8>, &str)>, whole: &[u8]| match split {
        Some((kept, _)) => kept.clone(),
        None => whole.to_vec(),
    };
    let (query, body) = (kept(&query, presented.query), kept(&body, presented.body));
    if holder.signer.verifies(&[&query, &body], signature) { Ok(()) } else { Err(ApiError::of(-1022)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::keyring::AccountSpec;
    use crate::serve::routes;
    use crate::venue::binance::sign::Signer;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn keyring() -> Keyring {
        let reader = AccountSpec { may_trade: false, ..AccountSpec::new("reader", "secret").expect("an account") };
        Keyring::new(&[AccountSpec::new("key", "secret").expect("an account"), reader]).expect("keys")
    }

    fn ask(method: Method, path: &str, key: Option<&str>, query: &str, body: &str) -> Result<AccountId, i64> {
        let route = routes::find(method, path).expect("a route");
        let params = Form::parse(&[query.as_bytes(), body.as_bytes()]).expect("a form");
        let presented = Presented { key, query: query.as_bytes(), body: body.as_bytes() };
        admit(route, &presented, &params, &keyring(), NOW).map_err(|error| error.code)
    }

    fn signed(text: &str) -> String {
        format!("{text}&signature={}", Signer::new("secret").sign(text.as_bytes()))
    }

    #[test]
    fn each_lock_has_its_number() {
        use Method::{Get, Post};
        let path = "/fapi/v1/order";
        let stamp = "timestamp=1700000000000";
        assert_eq!(ask(Get, "/fapi/v1/time", None, "", ""), Ok(AccountId(0)));
        assert_eq!(ask(Post, "/fapi/v1/listenKey", Some("key"), "", ""), Ok(AccountId(0)));
        assert_eq!(ask(Get, path, None, &signed(stamp), ""), Err(-2014));
        assert_eq!(ask(Get, path, Some("else"), &signed(stamp), ""), Err(-2015));
        assert_eq!(ask(Get, path, Some("key"), &signed("a=1"), ""), Err(-1102));
        assert_eq!(ask(Get, path, Some("key"), stamp, ""), Err(-1102));
        assert_eq!(ask(Get, path, Some("key"), &format!("{stamp}&signature=00"), ""), Err(-1022));
        assert_eq!(ask(Get, path, Some("key"), &signed(stamp), ""), Ok(AccountId(0)));
        assert_eq!(ask(Post, path, Some("key"), "", &signed(stamp)), Ok(AccountId(0)));
        assert_eq!(ask(Get, path, Some("reader"), &signed(stamp), ""), Ok(AccountId(1)));
        assert_eq!(ask(Post, path, Some("reader"), "", &signed(stamp)), Err(-2015));
    }

    #[test]
    fn query_and_body_are_signed_as_one_without_anything_between() {
        let (query, body) = ("symbol=BTCUSDT", "timestamp=1700000000000");
        let signature = Signer::new("secret").sign(format!("{query}{body}").as_bytes());
        let path = "/fapi/v1/order";
        let with = format!("{body}&signature={signature}");
        assert_eq!(ask(Method::Post, path, Some("key"), query, &with), Ok(AccountId(0)));
        let with = format!("{query}&signature={signature}");
        assert_eq!(ask(Method::Post, path, Some("key"), &with, body), Ok(AccountId(0)));
    }

    #[test]
    fn a_stamp_is_taken_from_a_window_behind_to_a_second_ahead() {
        for (stamp, window, code) in [
            (0, None, None),
            (999, None, None),
            (1_000, None, Some(-1021)),
            (-5_000, None, None),
            (-5_001, None, Some(-1021)),
            (-9_000, Some(10_000), None),
            (0, Some(60_001), Some(-1131)),
        ] {
            let window = window.map(|window: i64| format!("&recvWindow={window}")).unwrap_or_default();
            let query = signed(&format!("timestamp={}{window}", NOW.as_millis() + stamp));
            let told = ask(Method::Get, "/fapi/v1/order", Some("key"), &query, "");
            assert_eq!(told.err(), code, "{stamp} {window}");
        }
    }
}
