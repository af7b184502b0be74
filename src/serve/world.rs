//! All that the server knows, in one place and owned by one task: the exchange, the feed that moves it, and what is
//! told of both.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Books, Told};
use super::hub::Hub;
use super::listen::ListenKeys;
use super::market::{Listing, Market, Past};
use super::shift::ShiftedFeed;
use super::topic::Topic;
use crate::exchange::{AccountId, Change, Exchange};
use crate::feed::FeedError;
use crate::protocol::{DoneReason, MarketData, MarketEvent, Stage};
use crate::types::{InstrumentId, Timeframe, Timestamp, VenueOrderId};
use crate::venue::binance::stream::{ForceOrder, MarketMessage};
use crate::venue::binance::user::{EndangeredPosition, UserMessage};

/// Most records of the feed that are worked through at once, so that requests are heard in between.
const MOST_AT_ONCE: usize = 512;

/// The server's state.
pub(crate) struct World {
    pub exchange: Exchange,
    pub market: Market,
    pub books: Books,
    pub hub: Hub,
    pub listen: ListenKeys,
    feed: ShiftedFeed,
    /// When limit orders end by themselves.
    good_till: BTreeSet<(Timestamp, AccountId, VenueOrderId)>,
    /// When all orders of an account on an instrument are cancelled, unless it says again that it is there.
    countdowns: BTreeMap<(AccountId, InstrumentId), Timestamp>,
    /// Accounts in multi-assets mode: a word here, since there is one asset.
    multi_assets: BTreeSet<AccountId>,
    /// What each account's key may do: trade, and withdraw.
    pub rights: BTreeMap<AccountId, (bool, bool)>,
    /// Accounts that were told that they are close to liquidation.
    called: BTreeSet<AccountId>,
    /// Rows of the journal since they were last kept, if anybody keeps them.
    pub unkept: Option<Vec<Change>>,
    ticks: u64,
}

impl World {
    /// A world at `now`, whose feed goes on after what the exchange has seen.
    ///
    /// # Errors
    /// If the feed cannot say what was before.
    pub(crate) fn new(
        mut exchange: Exchange,
        books: Books,
        mut feed: ShiftedFeed,
        seed: u64,
        now: Timestamp,
    ) -> Result<World, FeedError> {
        let mut listings = Vec::new();
        for id in exchange.instruments().ids() {
            let past = Past {
                hours: feed.hours(id, now)?,
                minutes: feed.minutes(id, now)?,
                next_funding: feed.next_funding(id, now),
            };
            if let Some(last) = past.minutes.last() {
                // The first price, where the feed's first word of one is yet to come.
                let data = MarketData::History { timeframe: Timeframe::M1, bars: vec![*last] };
                exchange.advance_market(now, &MarketEvent { instrument: id, data });
            }
            listings.push(Listing::new(&mut exchange, id, &past, now));
        }
        let market = Market { listings, began: now, spoke_at: now };
        Ok(World {
            exchange,
            market,
            books,
            hub: Hub::default(),
            listen: ListenKeys::new(seed),
            feed,
            good_till: BTreeSet::new(),
            countdowns: BTreeMap::new(),
            multi_assets: BTreeSet::new(),
            rights: BTreeMap::new(),
            called: BTreeSet::new(),
            unkept: None,
            ticks: 0,
        })
    }

    /// When the feed next says something.
    pub(crate) fn next_at(&mut self) -> Option<Timestamp> {
        self.feed.next_at()
    }

    pub(crate) fn feed(&self) -> &ShiftedFeed {
        &self.feed
    }

    /// Takes in what the feed has said by `now`. Says whether that was all.
    ///
    /// # Errors
    /// If the feed is damaged.
    pub(crate) fn pump(&mut self, now: Timestamp) -> Result<bool, FeedError> {
        for _ in 0..MOST_AT_ONCE {
            let Some(at) = self.feed.next_at().filter(|at| *at <= now) else { return Ok(true) };
            let Some(record) = self.feed.next() else { return Ok(true) };
            if let (_, Some(event)) = record? {
                self.on_market(at, &event);
            }
        }
        Ok(false)
    }

    /// The market moves.
    pub(crate) fn on_market(&mut self, at: Timestamp, event: &MarketEvent) {
        self.market.on_prints(at, event, &mut self.exchange, &mut self.hub);
        self.exchange.advance_market(at, event);
        self.market.on_event(at, event, &self.exchange, &mut self.hub);
        self.tell();
    }

    /// Every 100 ms: what time alone brings.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.ticks += 1;
        self.exchange.advance(now);
        self.expire_orders(now);
        self.count_down(now);
        for (account, key) in self.listen.expire(now) {
            let message = UserMessage::Expired { E: now.as_millis(), listenKey: key };
            self.hub.tell(account, message.name(), &message);
            self.hub.cut_all(Some(account));
        }
        self.tell();
        if self.ticks.is_multiple_of(10) {
            self.call_margins(now);
        }
        self.market.on_tick(now, self.ticks, &self.exchange, &mut self.hub);
    }

    /// Tells what has happened since the last time.
    pub(crate) fn tell(&mut self) {
        let rows = self.exchange.drain_changes();
        if rows.is_empty() {
            return;
        }
        self.note_deadlines(&rows);
        let hub = &self.hub;
        let Told { private, trades, forced, touched } =
            self.books.take_in(&rows, &self.exchange, |account| hub.hears(account));
        if let Some(unkept) = &mut self.unkept {
            unkept.extend(rows);
        }
        for (account, message) in private {
            self.hub.tell(account, message.name(), &message);
        }
        for (id, number, trade, at) in trades {
            self.market.on_own_trade(at, id, number, &trade, &mut self.hub);
        }
        let now = self.exchange.now();
        for (id, o) in forced {
            let symbol = o.s.clone();
            let one = ForceOrder { E: now.as_millis(), o: o.clone(), ps: None, st: None };
            self.hub.publish(&Topic::ForceOrder(id), &MarketMessage::ForceOrder(one));
            let of_all = ForceOrder { E: now.as_millis(), o, ps: Some(symbol), st: Some(1) };
            self.hub.publish(&Topic::AllForceOrders, &MarketMessage::ForceOrder(of_all));
        }
        for id in touched {
            self.market.on_book(now, id, &self.exchange, &mut self.hub);
        }
    }

    /// Cancels an account's open orders on an instrument: those that wait for a trigger, or the others.
    pub(crate) fn cancel_all(&mut self, at: Timestamp, account: AccountId, id: InstrumentId, algo: bool) -> usize {
        let open: Vec<VenueOrderId> = match self.books.get(account) {
            Some(book) => book
                .open()
                .filter(|row| row.change.request.instrument == id && (row.is_algo() && !row.change.triggered) == algo)
                .map(|row| row.change.venue_order_id)
                .collect(),
            None => Vec::new(),
        };
        for order in &open {
            self.exchange.withdraw(at, account, *order, DoneReason::Canceled);
        }
        self.tell();
        open.len()
    }

    /// Starts, restarts or (without an instant) stops the countdown of an account on an instrument.
    pub(crate) fn set_countdown(&mut self, account: AccountId, id: InstrumentId, at: Option<Timestamp>) {
        match at {
            Some(at) => self.countdowns.insert((account, id), at),
            None => self.countdowns.remove(&(account, id)),
        };
    }

    pub(crate) fn is_multi_assets(&self, account: AccountId) -> bool {
        self.multi_assets.contains(&account)
    }

    /// Says whether that was a change.
    pub(crate) fn set_multi_assets(&mut self, account: AccountId, on: bool) -> bool {
        if on { self.multi_assets.insert(account) } else { self.multi_assets.remove(&account) }
    }

    /// Orders that end by themselves are those that are open and have a deadline; of the others nothing stays.
    fn note_deadlines(&mut self, rows: &[Change]) {
        for row in rows {
            let Change::Order(row) = row else { continue };
            let Some(at) = row.terms.good_till else { continue };
            let key = (at, row.account, row.venue_order_id);
            match row.stage {
                Stage::Done(_) => self.good_till.remove(&key),
                Stage::Intended | Stage::Sent | Stage::Working => self.good_till.insert(key),
            };
        }
    }

    /// The deadlines of orders that were open before this run.
    pub(crate) fn restore_deadlines(&mut self) {
        for account in self.exchange.accounts() {
            let open = self.books.get(account).into_iter().flat_map(|book| book.open());
            let ends = open.filter_map(|row| Some((row.change.terms.good_till?, account, row.change.venue_order_id)));
            self.good_till.extend(ends.collect::<Vec<_>>());
        }
    }

    fn expire_orders(&mut self, now: Timestamp) {
        while let Some((at, account, id)) = self.good_till.first().copied().filter(|(at, ..)| *at <= now) {
            self.good_till.remove(&(at, account, id));
            self.exchange.withdraw(now, account, id, DoneReason::Expired);
        }
    }

    fn count_down(&mut self, now: Timestamp) {
        let due = self.countdowns.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key);
        for (account, id) in due.collect::<Vec<_>>() {
            self.countdowns.remove(&(account, id));
            self.cancel_all(now, account, id, false);
        }
    }

    /// Tells accounts that come close to their liquidation, once until they are out of danger.
    fn call_margins(&mut self, now: Timestamp) {
        for account in self.exchange.accounts() {
            let (wallet, maintenance) =
                (self.exchange.cross_wallet(account), self.exchange.maintenance_margin(account));
            let equity = wallet + self.exchange.cross_unrealised(account);
            // Binance calls when the maintenance margin is four fifths of the margin balance.
            let close = maintenance.is_positive() && equity * 4 <= maintenance * 5;
            if !close {
                self.called.remove(&account);
            } else if self.called.insert(account) && self.hub.hears(account) {
                let message = UserMessage::MarginCall { E: now.as_millis(), cw: wallet, p: self.endangered(account) };
                self.hub.tell(account, message.name(), &message);
            }
        }
    }

    fn endangered(&self, account: AccountId) -> Vec<EndangeredPosition> {
        let legs = self.exchange.legs(account).into_iter().filter(|leg| !leg.qty.is_zero());
        let position = legs.map(|leg| EndangeredPosition {
            s: self.exchange.instruments().get(leg.instrument).venue_symbol.clone(),
            ps: leg.side.into(),
            pa: leg.qty,
            mt: match leg.mode {
                crate::exchange::MarginMode::Cross => "CROSSED".to_owned(),
                crate::exchange::MarginMode::Isolated => "ISOLATED".to_owned(),
            },
            iw: leg.isolated,
            mp: self.exchange.mark_price(leg.instrument).unwrap_or_default(),
            up: leg.unrealised,
            mm: leg.maintenance,
        });
        position.collect()
    }
}
