//! Requests as another client makes them, with their signatures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::call::{Call, Security};
use super::super::calls::market::{BarsOf, Page};
use super::super::calls::orders::Placing;
use super::super::calls::{account, market, orders};
use crate::protocol::{Amount, OrderKind, OrderRequest, TimeInForce, TriggerBy};
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Price, Qty, Side, Timestamp};
use crate::venue::binance::form::Form;
use crate::venue::binance::sign::Signer;
use crate::venue::binance::words::{IncomeType, MarginWord};

#[derive(Debug, serde::Deserialize)]
struct Recorded {
    method: String,
    input: serde_json::Value,
    secret: String,
    http_method: String,
    url: String,
    body: Option<String>,
}

/// A request of ours: method, path, parameters, and whether it is signed.
struct Ours {
    method: String,
    path: &'static str,
    form: String,
    signed: bool,
}

fn ours<T>(call: &Call<T>) -> Ours {
    Ours {
        method: call.method.to_string(),
        path: call.path,
        form: call.form(),
        signed: call.security == Security::Signed,
    }
}

fn of_placing(placing: &Placing) -> Ours {
    match placing {
        Placing::Regular(call) => ours(call),
        Placing::Conditional(call) => ours(call),
    }
}

/// Our request for what the other client was asked for, made from the values that it sent; none where we have no such
/// call, with the reason.
fn counterpart(recorded: &Recorded, path: &str, sent: &Form) -> Result<Ours, &'static str> {
    let text = |name: &str| sent.get(name).unwrap_or_default();
    let symbol = text("symbol");
    let instant = |name: &str| sent.get(name).map(|ms| Timestamp::from_millis(ms.parse().expect("milliseconds")));
    let page = Page {
        from: instant("startTime"),
        until: instant("endTime"),
        limit: sent.get("limit").map_or(500, |limit| limit.parse().expect("a limit")),
    };
    let id = || sent.get("origClientOrderId").map(|id| id.parse::<ClientOrderId>().expect("an id"));
    let by_number = "we cancel and query by our own id";
    Ok(match (recorded.http_method.as_str(), path) {
        ("GET", "/fapi/v1/time") => ours(&market::time()),
        ("GET", "/fapi/v1/klines") => ours(&market::klines(BarsOf::Trades, symbol, text("interval"), page)),
        ("GET", "/fapi/v1/premiumIndex") => ours(&market::premium_index(symbol)),
        ("GET", "/fapi/v1/fundingRate") => ours(&market::funding_rates(symbol, page)),
        ("POST", "/fapi/v1/order" | "/fapi/v1/algoOrder") => of_placing(&orders::place(&request(sent)?, symbol)),
        ("DELETE", "/fapi/v1/order") => ours(&orders::cancel(symbol, &id().ok_or(by_number)?)),
        ("GET", "/fapi/v1/order") => ours(&orders::query(symbol, &id().ok_or(by_number)?)),
        ("DELETE", "/fapi/v1/algoOrder") => {
            let id = "ltl-1".parse().expect("an id");
            ours(&orders::cancel_algo(&id))
        }
        ("DELETE", "/fapi/v1/allOpenOrders") => ours(&orders::cancel_all(symbol)),
        ("DELETE", "/fapi/v1/algoOpenOrders") => ours(&orders::cancel_all_algos(symbol)),
        ("GET", "/fapi/v1/openOrders") => ours(&orders::open(sent.get("symbol"))),
        ("GET", "/fapi/v1/openAlgoOrders") => ours(&orders::open_algos(sent.get("symbol"))),
        ("GET", "/fapi/v1/userTrades") => ours(&orders::trades(symbol, page)),
        ("GET", "/fapi/v3/positionRisk") => ours(&account::positions()),
        ("POST", "/fapi/v1/leverage") => {
            ours(&account::set_leverage(symbol, text("leverage").parse().expect("a number")))
        }
        ("POST", "/fapi/v1/marginType") => {
            let margin = MarginWord::read(text("marginType")).expect("a margin type");
            ours(&account::set_margin_type(symbol, margin))
        }
        ("GET", "/fapi/v1/leverageBracket") => ours(&account::brackets()),
        ("GET", "/fapi/v1/commissionRate") => ours(&account::commission(symbol)),
        ("GET", "/fapi/v1/income") => {
            ours(&account::income(sent.get("incomeType").map(|kind| IncomeType::read(kind).expect("a kind")), page))
        }
        ("GET", "/fapi/v1/ticker/24hr" | "/fapi/v1/aggTrades" | "/fapi/v1/depth") => return Err("streams tell it"),
        ("GET", "/fapi/v3/account") => return Err("the balance is asked for"),
        ("POST", "/fapi/v1/positionSide/dual") => return Err("another mode than one-way is refused, not changed"),
        ("GET", "/fapi/v1/allOrders") => return Err("an order is asked for by its id"),
        ("POST" | "DELETE", "/fapi/v1/batchOrders") => return Err("orders are sent one by one"),
        ("PUT", "/fapi/v1/order") => return Err("orders are cancelled and placed anew"),
        ("POST", "/fapi/v1/positionMargin") => return Err("the margin of a position is left alone"),
        (method, path) => panic!("{method} {path} ({} {})", recorded.method, recorded.input),
    })
}

/// The order that the other client sent.
fn request(sent: &Form) -> Result<OrderRequest, &'static str> {
    let price = |name: &str| sent.get(name).map(|text| text.parse::<Price>().expect("a price"));
    let kind = match sent.get("type") {
        Some("MARKET") => OrderKind::Market,
        Some("LIMIT") => {
            let tif = match sent.get("timeInForce") {
                Some("IOC") => TimeInForce::Ioc,
                Some("FOK") => TimeInForce::Fok,
                Some("GTX") => TimeInForce::PostOnly,
                Some(_) | None => TimeInForce::Gtc,
            };
            OrderKind::Limit { price: price("price").expect("a price"), tif }
        }
        Some("STOP_MARKET") => {
            OrderKind::Stop { trigger: price("triggerPrice").expect("a trigger"), by: TriggerBy::Mark }
        }
        Some("TAKE_PROFIT_MARKET") => {
            OrderKind::TakeProfit { trigger: price("triggerPrice").expect("a trigger"), by: TriggerBy::Mark }
        }
        Some(_) | None => return Err("stops become market orders, and trail by being moved"),
    };
    let id = sent.get("newClientOrderId").or(sent.get("clientAlgoId")).expect("an id");
    let qty = sent.get("quantity").map(|text| Amount::Qty(text.parse::<Qty>().expect("a quantity")));
    Ok(OrderRequest {
        client_id: id.parse().expect("an id"),
        instrument: InstrumentId(0),
        side: if sent.get("side") == Some("BUY") { Side::Buy } else { Side::Sell },
        position_side: match sent.get("positionSide") {
            Some("LONG") => PositionSide::Long,
            Some("SHORT") => PositionSide::Short,
            Some(_) | None => PositionSide::Both,
        },
        kind,
        amount: qty.unwrap_or(Amount::ClosePosition),
        reduce_only: sent.get("reduceOnly") == Some("true"),
    })
}

#[test]
fn requests_are_those_of_ccxt_and_every_signature_is_reproduced() {
    let Some(shared) = shared() else { return };
    let text = std::fs::read_to_string(shared.join("conformance/ccxt-generated/binanceusdm.jsonl")).expect("the file");
    let (mut compared, mut signatures) = (0, 0);
    let mut without: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        let recorded: Recorded = serde_json::from_str(line).expect("a request");
        let (address, query) = recorded.url.split_once('?').unwrap_or((&recorded.url, ""));
        let path = address.strip_prefix("https://fapi.binance.com").expect("the host");
        let form = recorded.body.as_deref().filter(|body| !body.is_empty()).unwrap_or(query);
        let signed = form.rsplit_once("&signature=");
        if let Some((payload, signature)) = signed {
            assert_eq!(Signer::new(&recorded.secret).sign(payload.as_bytes()), signature, "{line}");
            signatures += 1;
        }
        let sent = Form::parse(&[form.as_bytes()]).expect("a form");
        let ours = match counterpart(&recorded, path, &sent) {
            Ok(ours) => ours,
            Err(why) => {
                *without.entry(why).or_default() += 1;
                continue;
            }
        };
        let what = format!("{} {}", recorded.method, recorded.input);
        assert_eq!((ours.method.as_str(), ours.path), (recorded.http_method.as_str(), path), "{what}");
        assert_eq!(ours.signed, signed.is_some(), "{what}");
        let mine = Form::parse(&[ours.form.as_bytes()]).expect("a form");
        for (name, value) in mine.pairs() {
            if let Some(theirs) = sent.get(name) {
                assert_eq!(value, theirs, "{what}: {name}");
            }
        }
        // Besides time, window and signature the other client sends nothing that we leave out, but for these.
        let left_out =
            ["timestamp", "recvWindow", "signature", "algoId", "newOrderRespType", "triggerDirection", "side"];
        // A conditional order is cancelled by its id alone, and money is asked for of all symbols.
        let needs_symbol =
            path != "/fapi/v1/income" && (recorded.http_method.as_str(), path) != ("DELETE", "/fapi/v1/algoOrder");
        let is_expected = |name: &str| !left_out.contains(&name) && (needs_symbol || name != "symbol");
        for (name, _) in sent.pairs().iter().filter(|(name, _)| is_expected(name)) {
            assert!(mine.get(name).is_some(), "{what}: {name} is missing in {}", ours.form);
        }
        compared += 1;
    }
    println!("{compared} requests equal, {signatures} signatures reproduced; without a call of ours: {without:?}");
    assert_eq!((compared, signatures), (39, 48));
}

/// What only lies beside the project; a test that needs it says so if it is not there.
fn shared() -> Option<PathBuf> {
    crate::venue::binance::tests::shared()
}
