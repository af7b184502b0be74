//! What an account did: orders, trades, movements of money.

use crate::exchange::CashKind;
use crate::serve::books::replies::{self, Answering};
use crate::serve::call::{Answer, Call, json};
use crate::serve::world::World;
use crate::types::{Span, Timestamp};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::order::{Amendment, AmendmentReply, Changed};
use crate::venue::binance::words::{IncomeType, PriceMatch};

/// Longest stretch that one query may cover.
const WEEK: Span = Span::secs(7 * 86_400);

/// A stretch of time, its ends included, of at most a week.
struct Stretch {
    from: Timestamp,
    until: Timestamp,
    /// Was a beginning named? Then the first rows are given, else the last.
    begins: bool,
}

impl Stretch {
    fn of(call: &Call<'_>) -> Result<Stretch, ApiError> {
        let (from, until) = (call.time("startTime")?, call.time("endTime")?);
        if let (Some(from), Some(until)) = (from, until) {
            if until < from {
                return Err(ApiError::new(-1023, "Start time is greater than end time."));
            }
            if until.since(from) > WEEK {
                return Err(ApiError::new(-4165, "Maximum time interval is 7 days."));
            }
        }
        let end = until.unwrap_or_else(|| from.map_or(Timestamp::MAX, |from| from + WEEK));
        let begin = from.unwrap_or_else(|| until.map_or(call.at - WEEK, |until| until - WEEK));
        Ok(Stretch { from: begin, until: end, begins: from.is_some() })
    }

    fn holds(&self, at: Timestamp) -> bool {
        at >= self.from && at <= self.until
    }
}

/// The first or the last `limit` of a list.
fn cut<T>(mut list: Vec<T>, first: bool, limit: usize) -> Vec<T> {
    if first {
        list.truncate(limit);
    } else if list.len() > limit {
        list.drain(..list.len() - limit);
    }
    list
}

pub(crate) fn all_orders(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let (first, stretch, limit) = (call.number("orderId")?, Stretch::of(call)?, call.limit(500, 1_000)?);
    let book = world.books.get(call.account);
    let all = book.into_iter().flat_map(|book| book.orders(call.at));
    let wanted = all.filter(|row| row.is_actual() && row.change.request.instrument == id);
    let wanted = wanted.filter(|row| match first {
        Some(first) => row.id() >= first,
        None => stretch.holds(row.change.created_at),
    });
    let rows = cut(wanted.collect(), first.is_some() || stretch.begins, limit);
    let instruments = world.exchange.instruments();
    json(&rows.into_iter().map(|row| replies::order(row, instruments, Answering::List)).collect::<Vec<_>>())
}

pub(crate) fn forced_orders(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.some_instrument(world.exchange.instruments())?;
    let (stretch, limit) = (Stretch::of(call)?, call.limit(50, 100)?);
    let prefix = match call.get("autoCloseType") {
        None => "",
        Some("LIQUIDATION") => "autoclose-",
        Some("ADL") => "adl_autoclose",
        Some(_) => return Err(ApiError::malformed("autoCloseType")),
    };
    let book = world.books.get(call.account);
    let forced = book.into_iter().flat_map(|book| book.orders(call.at)).filter(|row| {
        let name = row.change.request.client_id;
        let named = name.as_str().starts_with("autoclose-") || name.as_str().starts_with("adl_autoclose");
        named && name.as_str().starts_with(prefix)
    });
    let wanted = forced
        .filter(|row| id.is_none_or(|id| id == row.change.request.instrument))
        .filter(|row| stretch.holds(row.change.created_at));
    let rows = cut(wanted.collect(), stretch.begins, limit);
    let instruments = world.exchange.instruments();
    json(&rows.into_iter().map(|row| replies::order(row, instruments, Answering::List)).collect::<Vec<_>>())
}

pub(crate) fn trades(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let (order, first) = (call.number("orderId")?, call.number("fromId")?);
    let (stretch, limit) = (Stretch::of(call)?, call.limit(500, 1_000)?);
    if first.is_some() && (call.get("startTime").is_some() || call.get("endTime").is_some()) {
        return Err(ApiError::of(-1128));
    }
    let all = world.books.get(call.account).into_iter().flat_map(|book| book.trades());
    let wanted = all.filter(|row| row.fill.instrument == id && order.is_none_or(|order| order == row.order));
    let wanted = wanted.filter(|row| match (first, order) {
        (Some(first), _) => row.fill.trade_id.0 >= first,
        (None, Some(_)) => true,
        (None, None) => stretch.holds(row.fill.at),
    });
    let rows = cut(wanted.collect(), first.is_some() || stretch.begins, limit);
    json(&rows.into_iter().map(|row| replies::trade(row, world.exchange.instruments())).collect::<Vec<_>>())
}

pub(crate) fn income(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.some_instrument(world.exchange.instruments())?;
    let kind = call.get("incomeType").map(IncomeType::read);
    let (from, until) = (call.time("startTime")?, call.time("endTime")?);
    let page = usize::try_from(call.number("page")?.unwrap_or(1).max(1)).unwrap_or(usize::MAX) - 1;
    let limit = call.limit(100, 1_000)?;
    let from = from.unwrap_or_else(|| until.unwrap_or(call.at) - WEEK);
    let all = world.books.get(call.account).into_iter().flat_map(|book| book.income());
    let wanted = all.filter(|row| {
        let change = &row.change;
        let of_kind = match kind {
            None => true,
            Some(Some(kind)) => kinds(kind).contains(&change.kind),
            Some(None) => false,
        };
        of_kind
            && id.is_none_or(|id| change.instrument == Some(id))
            && change.at >= from
            && change.at <= until.unwrap_or(Timestamp::MAX)
    });
    let rows = wanted.skip(page.saturating_mul(limit)).take(limit);
    json(&rows.map(|row| replies::income(row, world.exchange.instruments())).collect::<Vec<_>>())
}

/// What the exchange calls a kind of income.
const fn kinds(kind: IncomeType) -> &'static [CashKind] {
    match kind {
        IncomeType::Transfer => &[CashKind::Transfer],
        IncomeType::RealizedPnl => &[CashKind::Realised],
        IncomeType::FundingFee => &[CashKind::Funding],
        IncomeType::Commission => &[CashKind::Fee],
        IncomeType::InsuranceClear => &[CashKind::Liquidation],
    }
}

pub(crate) fn amendments(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let (order, name) = (call.number("orderId")?, call.get("origClientOrderId"));
    let (stretch, limit) = (Stretch::of(call)?, call.limit(50, 100)?);
    let book = world.books.get(call.account);
    let all = book.into_iter().flat_map(|book| book.amendments.iter().enumerate());
    let wanted = all.filter(|(_, row)| {
        row.instrument == id
            && order.is_none_or(|order| order == row.order)
            && name.is_none_or(|name| name == row.client_id.as_str())
            && stretch.holds(row.at)
    });
    let symbol = world.exchange.instruments().get(id).venue_symbol.clone();
    let replies = wanted.map(|(at, row)| AmendmentReply {
        amendment_id: at as u64 + 1,
        symbol: symbol.clone(),
        pair: symbol.clone(),
        order_id: row.order,
        client_order_id: row.client_id.to_string(),
        time: row.at.as_millis(),
        amendment: Amendment {
            price: Changed { before: row.price.0, after: row.price.1 },
            orig_qty: Changed { before: row.qty.0, after: row.qty.1 },
            count: row.count,
            modify_id: row.modify_id,
        },
        price_match: book
            .and_then(|book| book.order(row.order, call.at))
            .map_or(PriceMatch::None, |order| order.price_match),
    });
    json(&cut(replies.collect(), stretch.begins, limit))
}
