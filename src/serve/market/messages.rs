//! Market events in Binance's words.

use super::Listing;
use super::candles::Candle;
use super::ladder::BookDiff;
use super::tape::Print;
use crate::exchange::Exchange;
use crate::protocol::Quote;
use crate::types::{Rate, Rounding, Span, Timestamp};
use crate::venue::binance::interval::Interval;
use crate::venue::binance::stream::{
    AggTrade, BookTicker, ContractBracket, ContractInfo, DepthUpdate, Kline, MarkUpdate, MarketMessage, MiniTicker,
    Ticker, Trade,
};

/// The kind of symbol that a perpetual settled in USDT is.
pub(crate) const PERPETUAL: u8 = 1;
/// When a perpetual is delivered: never, which Binance writes as the year 2100.
pub(crate) const NEVER: i64 = 4_133_404_800_000;

impl Listing {
    pub(super) fn agg_trade(&self, print: &Print, at: Timestamp) -> MarketMessage {
        MarketMessage::AggTrade(AggTrade {
            E: at.as_millis(),
            s: self.symbol.clone(),
            a: print.id,
            p: print.price,
            q: print.qty,
            nq: print.qty,
            f: print.id,
            l: print.id,
            T: print.at.as_millis(),
            m: print.buyer_made,
            st: PERPETUAL,
            places: self.places,
        })
    }

    pub(super) fn trade(&self, print: &Print, at: Timestamp) -> MarketMessage {
        MarketMessage::Trade(Trade {
            E: at.as_millis(),
            T: print.at.as_millis(),
            s: self.symbol.clone(),
            t: print.id,
            p: print.price,
            q: print.qty,
            X: "MARKET".to_owned(),
            m: print.buyer_made,
            places: self.places,
        })
    }

    pub(super) fn book_ticker(&self, best: &Quote, at: Timestamp) -> MarketMessage {
        MarketMessage::BookTicker(BookTicker {
            u: self.ladder.last(),
            E: at.as_millis(),
            T: at.as_millis(),
            s: self.symbol.clone(),
            ps: self.symbol.clone(),
            b: best.bid,
            B: best.bid_qty,
            a: best.ask,
            A: best.ask_qty,
            st: PERPETUAL,
            places: self.places,
        })
    }

    pub(super) fn depth(&self, diff: &BookDiff, at: Timestamp) -> MarketMessage {
        MarketMessage::Depth(DepthUpdate {
            E: at.as_millis(),
            T: self.ladder.changed_at.as_millis(),
            s: self.symbol.clone(),
            U: diff.first,
            u: diff.last,
            pu: diff.previous,
            b: diff.bids.clone(),
            a: diff.asks.clone(),
            ps: self.symbol.clone(),
            st: PERPETUAL,
            places: self.places,
        })
    }

    pub(super) fn kline(&self, candle: &Candle, interval: Interval, closed: bool, symbol: bool) -> Kline {
        let end = interval.end_of(candle.open_time);
        let number = |id: u64| if id == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) };
        Kline {
            t: candle.open_time.as_millis(),
            T: (end - Span::millis(1)).as_millis(),
            s: symbol.then(|| self.symbol.clone()),
            i: interval.as_str().to_owned(),
            f: number(candle.first),
            L: number(candle.last),
            o: candle.open,
            c: candle.close,
            h: candle.high,
            l: candle.low,
            v: candle.volume,
            n: candle.trades,
            x: closed,
            q: candle.quote,
            V: candle.bought,
            Q: candle.bought_quote,
            B: "0".to_owned(),
        }
    }

    pub(super) fn mark_update(&self, exchange: &Exchange, at: Timestamp) -> MarketMessage {
        let mark = self.mark(exchange);
        MarketMessage::Mark(MarkUpdate {
            E: at.as_millis(),
            s: self.symbol.clone(),
            p: mark,
            ap: mark,
            P: mark,
            i: mark,
            r: self.funding_rate,
            T: self.next_funding.as_millis(),
            st: PERPETUAL,
        })
    }

    pub(super) fn mini_ticker(&self, exchange: &Exchange, at: Timestamp) -> MarketMessage {
        let day = self.day(exchange);
        MarketMessage::MiniTicker(MiniTicker {
            E: at.as_millis(),
            s: self.symbol.clone(),
            c: day.close,
            o: day.open,
            h: day.high,
            l: day.low,
            v: day.volume,
            q: day.quote,
            ps: self.symbol.clone(),
            st: PERPETUAL,
        })
    }

    pub(super) fn ticker(&self, exchange: &Exchange, at: Timestamp) -> MarketMessage {
        let day = self.day(exchange);
        MarketMessage::Ticker(Ticker {
            E: at.as_millis(),
            s: self.symbol.clone(),
            p: day.close - day.open,
            P: percent((day.close - day.open).ratio_of(day.open, Rounding::Down)),
            w: day.quote.per_qty(day.volume, Rounding::Down).round_to(crate::types::Price::new(1, 8), Rounding::Down),
            c: day.close,
            Q: self.tape.last().map(|last| last.qty).unwrap_or_default(),
            o: day.open,
            h: day.high,
            l: day.low,
            v: day.volume,
            q: day.quote,
            O: day.open_time.as_millis(),
            C: at.as_millis(),
            F: day.first,
            L: day.last,
            n: day.trades,
            ps: self.symbol.clone(),
            st: PERPETUAL,
        })
    }

    pub(super) fn contract(&self, exchange: &Exchange, at: Timestamp) -> MarketMessage {
        let tiers = &exchange.instruments().get(self.id).tiers;
        let bracket = |(at, tier): (usize, &crate::types::MarginTier)| ContractBracket {
            bs: at + 1,
            bnf: tier.notional_floor,
            bnc: tier.notional_cap,
            mmr: tier.maintenance_rate.to_f64(),
            cf: tier.maintenance_amount,
            mi: tiers.get(at + 1).map_or(1, |next| next.max_leverage + 1),
            ma: tier.max_leverage,
        };
        MarketMessage::ContractInfo(ContractInfo {
            E: at.as_millis(),
            s: self.symbol.clone(),
            ps: self.symbol.clone(),
            ct: "PERPETUAL".to_owned(),
            dt: NEVER,
            ot: super::super::rest::info::ONBOARD,
            cs: if exchange.is_halted(self.id) { "SETTLING" } else { "TRADING" }.to_owned(),
            bks: tiers.iter().enumerate().map(bracket).collect(),
            st: PERPETUAL,
        })
    }
}

/// A ratio in percent with three places, as the 24-hour tickers have it.
pub(crate) fn percent(rate: Rate) -> String {
    format!("{:.3}", rate.to_f64() * 100.0)
}
