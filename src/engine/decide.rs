//! Steps three and four: the strategies are asked, and what they propose is planned against what we hold and what
//! is on its way.

use super::absorb::notify;
use super::commit::{Screened, Want};
use super::{Ending, Engine, EntryStyle};
use crate::protocol::{
    Actions, Amount, Command, ExitReason, Journal, NoticeKind, OrderKind, OrderRow, ProtectionPlan, SignalRow,
    TimeInForce, TradingState,
};
use crate::risk::SizeInput;
use crate::strategy::{Draft, Proposal, Signal};
use crate::types::{InstrumentId, Leg, Price, Rounding, Side, Timestamp, Words};

impl Engine {
    /// Feeds the bars that closed to the strategies and acts on what they propose.
    pub(super) fn decide(&mut self, at: Timestamp, out: &mut Actions) {
        let instrument = self.absorbed.instrument;
        for place in 0..self.absorbed.closed.len() {
            let bar = self.absorbed.closed[place];
            let held = self.portfolio.position(instrument).map(|row| (&*row.strategy, side_of(row.qty)));
            for proposal in self.desk.on_bar(instrument, bar.timeframe, &bar.bar, bar.live, held) {
                match proposal {
                    Proposal::Enter(Ok(signal)) => self.enter(at, &signal, out),
                    Proposal::Enter(Err(refused)) => {
                        let reason = refused.refusal.as_str();
                        self.count_rejected(reason);
                        let row = signal_row(at, &refused.draft, Some(reason));
                        out.row(Journal::Signal(row));
                    }
                    Proposal::Leave { reason, .. } => self.leave(at, instrument, ExitReason::Signal, reason, out),
                }
            }
        }
        self.time_exits(at, out);
        self.follow_exits(at, out);
    }

    /// A signal becomes an entry order, or a row that says why not.
    pub(super) fn enter(&mut self, at: Timestamp, signal: &Signal, out: &mut Actions) {
        let outcome = self.plan_entry(at, signal);
        let rejected = match outcome {
            Ok(want) => {
                self.totals.accepted += 1;
                self.risk.entered(at, signal.strategy(), signal.instrument(), signal.entry());
                self.commit(at, want, out);
                None
            }
            Err(reason) => {
                self.count_rejected(reason);
                Some(reason)
            }
        };
        out.row(Journal::Signal(signal_row(at, signal.draft(), rejected)));
    }

    fn plan_entry(&mut self, at: Timestamp, signal: &Signal) -> Result<Screened, &'static str> {
        let instrument = signal.instrument();
        self.may_enter(at, instrument, signal.strategy())?;
        self.risk
            .cooled_down(at, signal.strategy(), instrument, signal.entry())
            .map_err(|rejection| rejection.reason)?;
        let rules = self.instruments.get(instrument);
        let side = signal.side();
        let outwards = match side {
            Side::Buy => (Rounding::Down, Rounding::Up),
            Side::Sell => (Rounding::Up, Rounding::Down),
        };
        let stop = signal.stop().round_to(rules.tick, outwards.0);
        let take_profit = signal.take_profit().map(|price| price.round_to(rules.tick, outwards.1));
        let (kind, entry) = self.entry_kind(instrument, side).ok_or("no_quote")?;
        let qty = self
            .risk
            .size(&SizeInput {
                instrument,
                rules,
                side,
                entry,
                stop,
                volatility_factor: self.desk.volatility_factor(instrument),
                equity: self.portfolio.equity(),
                symbol_notional: self.symbol_notional(instrument),
                gross_notional: self.gross_notional(),
            })
            .map_err(|skip| skip.reason)?;
        let plan = ProtectionPlan { stop, take_profit, trailing: signal.trailing() };
        let want = Want {
            instrument,
            side,
            kind,
            amount: Amount::Qty(qty),
            reduce_only: false,
            leg: Leg::Entry,
            strategy: signal.strategy().into(),
            reason: signal.reason().clone(),
            reference_price: entry,
            plan: Some(plan),
        };
        self.screen(at, want).map_err(|rejection| rejection.reason)
    }

    /// Are we, and is this symbol, in a state to enter at all? What risk does not know about is judged here.
    fn may_enter(&self, at: Timestamp, instrument: InstrumentId, strategy: &str) -> Result<(), &'static str> {
        if self.ending != Ending::No {
            return Err("shutting_down");
        }
        if let Some(row) = self.portfolio.position(instrument) {
            return Err(if row.strategy == strategy { "position_open" } else { "conflict" });
        }
        if self.orders.open_of(instrument).any(|row| row.intent.leg == Leg::Entry) {
            return Err("entry_pending");
        }
        self.entry_block(at, instrument).map_or(Ok(()), Err)
    }

    /// Why no entry is made on this symbol now, in a word that can be counted.
    pub(super) fn entry_block(&self, at: Timestamp, instrument: InstrumentId) -> Option<&'static str> {
        let slot = &self.slots[instrument.index()];
        if slot.halted.is_some() {
            return Some("symbol_halted");
        }
        if !self.reconciliation.is_done() || self.reconciliation.disputes(instrument) {
            return Some("reconciliation_pending");
        }
        if slot.gapped {
            return Some("gap");
        }
        if self.orders.is_unknown(instrument) {
            return Some("order_unknown");
        }
        if !self.market.freshness(instrument, at).is_live() {
            return Some("stale_data");
        }
        if !self.market.tradable(instrument) {
            return Some("not_tradable");
        }
        None
    }

    fn entry_kind(&self, instrument: InstrumentId, side: Side) -> Option<(OrderKind, Price)> {
        let quote = self.market.quote(instrument)?;
        let (ours, theirs) = match side {
            Side::Buy => (quote.bid, quote.ask),
            Side::Sell => (quote.ask, quote.bid),
        };
        let rounding = if side == Side::Buy { Rounding::Down } else { Rounding::Up };
        Some(match self.settings.entry {
            EntryStyle::Market => (OrderKind::Market, theirs),
            EntryStyle::Limit => {
                let price = ours.round_to(self.instruments.get(instrument).tick, rounding);
                (OrderKind::Limit { price, tif: TimeInForce::Gtc }, price)
            }
        })
    }

    /// Does what a person asks for.
    pub(super) fn obey(&mut self, at: Timestamp, command: &Command, out: &mut Actions) {
        match command {
            Command::Pause => self.raise(at, TradingState::Paused, "paused by a person", out),
            Command::Resume => {
                let changes = self.risk.resume(at);
                self.tell_states(changes, out);
            }
            Command::Raise { state, reason } => self.raise(at, *state, reason, out),
            Command::Rearm { reason } => {
                let changes = self.risk.rearm(at, reason, self.portfolio.equity());
                self.tell_states(changes, out);
                for instrument in self.instruments.ids() {
                    if self.slot(instrument).halted.take().is_some() {
                        out.row(Journal::Halt { instrument, reason: None });
                    }
                }
            }
            Command::Close { instrument } => {
                let open: Vec<_> = self.portfolio.positions().map(|row| row.instrument).collect();
                for one in open.into_iter().filter(|one| instrument.is_none_or(|wanted| wanted == *one)) {
                    self.leave(at, one, ExitReason::Manual, "closed by a person".into(), out);
                }
            }
            Command::Shutdown { flatten, reason } => self.shut_down(at, *flatten, reason, out),
        }
    }

    fn shut_down(&mut self, at: Timestamp, flatten: bool, reason: &str, out: &mut Actions) {
        self.ending = if flatten { Ending::Flatten } else { Ending::Keep };
        self.cancel_entries(at, |_| true, out);
        if flatten {
            let open: Vec<_> = self.portfolio.positions().map(|row| row.instrument).collect();
            for instrument in open {
                self.leave(at, instrument, ExitReason::Manual, "closed at the end".into(), out);
            }
        }
        self.write_equity(at, out);
        out.push(notify(NoticeKind::Stopped, "", format!("Stopping: {reason}")));
    }

    /// Asks the venue to end the open entries that are meant.
    pub(super) fn cancel_entries(&mut self, at: Timestamp, meant: impl Fn(&OrderRow) -> bool, out: &mut Actions) {
        let entries = self.orders.open_entries().filter(|row| meant(row));
        let entries: Vec<_> = entries.map(|row| row.intent.request.client_id).collect();
        for client_id in entries {
            self.cancel(at, client_id, out);
        }
    }

    fn count_rejected(&mut self, reason: &str) {
        match self.totals.rejected.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.totals.rejected.insert(reason.to_owned(), 1)),
        }
    }
}

/// The side that a signed quantity was opened on.
pub(super) fn side_of(qty: crate::types::Qty) -> Side {
    if qty.is_negative() { Side::Sell } else { Side::Buy }
}

fn signal_row(at: Timestamp, draft: &Draft, rejected: Option<&'static str>) -> SignalRow {
    SignalRow {
        at,
        instrument: draft.instrument,
        strategy: draft.strategy.into(),
        side: draft.side,
        entry: draft.entry,
        stop: draft.stop,
        take_profit: draft.take_profit,
        reason: draft.reason.clone(),
        rejected: rejected.map(Words::from),
    }
}
