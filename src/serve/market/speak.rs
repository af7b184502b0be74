//! What is said on market streams, and when.

use super::candles::Candle;
use super::ladder::{BookDiff, Cadence};
use super::tape::Print;
use super::{Listing, Market};
use crate::exchange::Exchange;
use crate::protocol::Quote;
use crate::serve::hub::Hub;
use crate::serve::topic::Topic;
use crate::types::{Side, Span, Timestamp};
use crate::venue::binance::interval::Interval;
use crate::venue::binance::stream::{ContinuousKline, KlineEvent, MarketMessage};

impl Market {
    /// What is told every so many ticks of 100 ms, and marks and tickers at whole seconds. Bars come after the quotes, trades and
    /// marks of their end, so that who decides at a bar's close knows the prices of that instant.
    pub(super) fn speak(&mut self, at: Timestamp, tick: u64, exchange: &Exchange, hub: &mut Hub) {
        self.speak_depth(at, tick, exchange, hub);
        let before = std::mem::replace(&mut self.spoke_at, at);
        let passed = |span| at.floor(span) > before.floor(span);
        let (second, three) = (passed(Span::SECOND), passed(Span::secs(3)));
        for topic in hub.topics() {
            match topic {
                Topic::Mark(id, fast) if second && fast || three => {
                    if let Some(listing) = self.listings.get(id.index()) {
                        hub.publish(&topic, &listing.mark_update(exchange, at));
                    }
                }
                Topic::AllMarks(fast) if second && fast || three => {
                    let all: Vec<_> = self.listings.iter().map(|one| one.mark_update(exchange, at)).collect();
                    hub.publish(&topic, &all);
                }
                Topic::MiniTicker(id) if second => {
                    if let Some(listing) = self.listings.get(id.index()) {
                        hub.publish(&topic, &listing.mini_ticker(exchange, at));
                    }
                }
                Topic::AllMiniTickers if second => {
                    hub.publish(
                        &topic,
                        &self.listings.iter().map(|one| one.mini_ticker(exchange, at)).collect::<Vec<_>>(),
                    );
                }
                Topic::Ticker(id) if second => {
                    if let Some(listing) = self.listings.get(id.index()) {
                        hub.publish(&topic, &listing.ticker(exchange, at));
                    }
                }
                Topic::AllTickers if second => {
                    hub.publish(&topic, &self.listings.iter().map(|one| one.ticker(exchange, at)).collect::<Vec<_>>());
                }
                Topic::Kline(..)
                | Topic::ContinuousKline(..)
                | Topic::Mark(..)
                | Topic::AllMarks(_)
                | Topic::MiniTicker(_)
                | Topic::AllMiniTickers
                | Topic::Ticker(_)
                | Topic::AllTickers
                | Topic::AggTrade(_)
                | Topic::Trade(_)
                | Topic::BookTicker(_)
                | Topic::AllBookTickers
                | Topic::Depth(..)
                | Topic::Partial(..)
                | Topic::ForceOrder(_)
                | Topic::AllForceOrders
                | Topic::ContractInfo => {}
            }
        }
        if Cadence::Usual.is_due(tick) {
            self.speak_bars(at, before, hub);
        }
    }

    /// Bars that had closed by the last tick, and behind them the open ones that have changed.
    fn speak_bars(&mut self, at: Timestamp, before: Timestamp, hub: &mut Hub) {
        for listing in &mut self.listings {
            while let Some((_, closed)) = listing.closed.pop_front_if(|(since, _)| *since <= before) {
                listing.speak_closed(&closed, at, hub);
            }
        }
        for topic in hub.topics() {
            let (Topic::Kline(id, interval) | Topic::ContinuousKline(id, interval)) = topic else { continue };
            if let Some(listing) = self.listings.get(id.index()).filter(|listing| listing.is_stirred()) {
                let candle = listing.candles.open_bar(interval);
                listing.speak_bar(topic, &candle, interval, false, at, hub);
            }
        }
        self.listings.iter_mut().filter(|one| one.is_stirred()).for_each(|one| one.stirred = false);
    }

    fn speak_depth(&mut self, at: Timestamp, tick: u64, exchange: &Exchange, hub: &mut Hub) {
        for listing in &mut self.listings {
            let id = listing.id;
            listing.ladder.refresh(exchange, id, at);
            for cadence in Cadence::ALL.into_iter().filter(|cadence| cadence.is_due(tick)) {
                let Some(diff) = listing.ladder.take(cadence) else { continue };
                let topic = Topic::Depth(id, cadence);
                if hub.wants(&topic) {
                    hub.publish(&topic, &listing.depth(&diff, at));
                }
                for levels in [5, 10, 20] {
                    let topic = Topic::Partial(id, levels, cadence);
                    if hub.wants(&topic) {
                        let top = |side| listing.ladder.top(side, usize::from(levels));
                        let whole = BookDiff { bids: top(Side::Buy), asks: top(Side::Sell), ..diff };
                        hub.publish(&topic, &listing.depth(&whole, at));
                    }
                }
            }
        }
    }
}

impl Listing {
    /// Is there something to tell of the open minute, and nothing of those before it?
    fn is_stirred(&self) -> bool {
        self.stirred && self.closed.is_empty()
    }

    pub(super) fn speak_trade(&self, print: &Print, at: Timestamp, hub: &mut Hub) {
        let (aggregated, plain) = (Topic::AggTrade(self.id), Topic::Trade(self.id));
        if hub.wants(&aggregated) {
            hub.publish(&aggregated, &self.agg_trade(print, at));
        }
        if hub.wants(&plain) {
            hub.publish(&plain, &self.trade(print, at));
        }
    }

    /// Tells the best bid and ask where they have changed.
    pub(super) fn speak_best(&mut self, at: Timestamp, exchange: &Exchange, hub: &mut Hub) {
        let (one, all) = (Topic::BookTicker(self.id), Topic::AllBookTickers);
        let best: Option<Quote> = exchange.public_best(self.id);
        if best == self.best {
            return;
        }
        self.best = best;
        self.ladder.step();
        let Some(best) = best.filter(|_| hub.wants(&one) || hub.wants(&all)) else { return };
        let message = self.book_ticker(&best, at);
        hub.publish(&one, &message);
        hub.publish(&all, &message);
    }

    /// A minute is closed, and perhaps longer bars with it.
    fn speak_closed(&mut self, minute: &Candle, at: Timestamp, hub: &mut Hub) {
        let end = minute.open_time + Span::MINUTE;
        self.stirred = true;
        for topic in hub.topics() {
            let (Topic::Kline(id, interval) | Topic::ContinuousKline(id, interval)) = topic else { continue };
            if id != self.id || interval.open_of(end) != end {
                continue;
            }
            let window = super::candles::Window { from: None, until: Some(minute.open_time), limit: 1 };
            let bar = self.candles.list(interval, window).last().copied();
            self.speak_bar(topic, &bar.unwrap_or(*minute), interval, true, at, hub);
        }
    }

    fn speak_bar(&self, topic: Topic, bar: &Candle, interval: Interval, closed: bool, at: Timestamp, hub: &mut Hub) {
        let continuous = matches!(topic, Topic::ContinuousKline(..));
        let k = self.kline(bar, interval, closed, !continuous);
        let (s, ps) = (self.symbol.clone(), self.symbol.clone());
        if continuous {
            let ct = "PERPETUAL".to_owned();
            hub.publish(&topic, &MarketMessage::ContinuousKline(ContinuousKline { E: at.as_millis(), ps, ct, k }));
        } else {
            hub.publish(&topic, &MarketMessage::Kline(KlineEvent { E: at.as_millis(), s, k }));
        }
    }

    pub(super) fn speak_contract(&self, at: Timestamp, exchange: &Exchange, hub: &mut Hub) {
        if hub.wants(&Topic::ContractInfo) {
            hub.publish(&Topic::ContractInfo, &self.contract(exchange, at));
        }
    }
}
