//! The exit summary: what a session came to, for the log and as JSON for machines.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::{ExitReason, HealthStatus, ShadowTally, View};
use crate::types::{Qty, Span, Symbol, Timestamp, Usdt};

/// What a session came to. Money and ratios are decimal texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// `paper` or `live`.
    pub mode: String,
    /// The venue.
    pub venue: String,
    /// The feed.
    pub feed: String,
    /// CCXT unified symbols.
    pub symbols: Vec<Symbol>,
    /// Wall time, ISO 8601.
    pub started_at: String,
    /// Wall time, ISO 8601.
    pub ended_at: String,
    /// Seconds of wall time.
    pub uptime_s: f64,
    /// Why it ended.
    pub exit_reason: String,
    /// Closed minutes over all symbols.
    pub iterations: u64,
    /// Signals that became orders.
    pub signals_accepted: u64,
    /// Signals that did not, by reason.
    pub signals_rejected: BTreeMap<String, u64>,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Positions opened.
    pub positions_opened: u64,
    /// Positions closed.
    pub positions_closed: u64,
    /// Closed positions by reason; every reason is there.
    pub exits: BTreeMap<&'static str, u64>,
    /// Closed with a net gain.
    pub wins: u64,
    /// Closed without one.
    pub losses: u64,
    /// Realised results, fees and funding not included.
    pub realised_pnl: Usdt,
    /// Unrealised at the mark.
    pub unrealised_pnl: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Fees paid in other assets, which are in no other figure, by asset.
    pub fees_in_kind: BTreeMap<String, Qty>,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// Cash and unrealised results.
    pub equity: Usdt,
    /// Largest distance from the peak of equity, as a ratio of the peak.
    pub max_drawdown_ratio: String,
    /// Heartbeats that were logged.
    pub heartbeats: u64,
    /// The worst status that the monitor saw.
    pub health_worst: HealthStatus,
    /// The longest that one turn of the loop was late, in milliseconds.
    pub loop_lag_ms_max: f64,
    /// The longest that a position was without a confirmed stop, in seconds of session time.
    pub unprotected_seconds_max: f64,
    /// The venue beside paper; none on paper.
    pub shadow: Option<BesidePaper>,
}

/// How far live trading was from paper. Costs are what the venue took more than the simulated exchange would have; negative if
/// it took less.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BesidePaper {
    /// Orders filled in both places, of which the rest speaks.
    pub compared: u64,
    /// Orders filled at the venue alone.
    pub live_only: u64,
    /// Orders filled on paper alone.
    pub paper_only: u64,
    /// Orders filled in neither.
    pub unfilled: u64,
    /// Orders that were not followed to their end.
    pub let_go: u64,
    /// What was traded at the venue.
    pub notional: Usdt,
    /// What prices cost more.
    pub price_cost: Usdt,
    /// The same as a ratio of what was traded.
    pub price_cost_ratio: String,
    /// What fees cost more.
    pub fee_cost: Usdt,
    /// How much later the venue filled, on average, in milliseconds.
    pub delay_ms_mean: f64,
    /// How much later at most.
    pub delay_ms_max: f64,
}

/// What the summary needs beside the engine's view.
#[derive(Debug, Clone)]
pub struct Frame {
    /// `paper` or `live`.
    pub mode: String,
    /// The venue.
    pub venue: String,
    /// The feed.
    pub feed: String,
    /// Start in wall time.
    pub started_at: Timestamp,
    /// End in wall time.
    pub ended_at: Timestamp,
    /// Why it ended.
    pub exit_reason: String,
    /// Heartbeats that were logged.
    pub heartbeats: u64,
    /// The worst status that the monitor saw.
    pub health_worst: HealthStatus,
    /// The longest that one turn of the loop was late.
    pub loop_lag_max: Span,
}

impl Summary {
    /// Puts the figures together.
    pub fn new(view: &View, frame: Frame) -> Summary {
        let count = |reason: ExitReason| view.exits.get(&reason).copied().unwrap_or_default();
        Summary {
            mode: frame.mode,
            venue: frame.venue,
            feed: frame.feed,
            symbols: view.instruments.iter().map(|one| one.symbol.clone()).collect(),
            started_at: frame.started_at.to_string(),
            ended_at: frame.ended_at.to_string(),
            uptime_s: seconds(frame.ended_at - frame.started_at),
            exit_reason: frame.exit_reason,
            iterations: view.iterations,
            signals_accepted: view.signals_accepted,
            signals_rejected: view.signals_rejected.clone(),
            orders: view.orders,
            fills: view.fills,
            positions_opened: view.positions_opened,
            positions_closed: view.positions_closed,
            exits: ExitReason::ALL.into_iter().map(|reason| (reason.as_str(), count(reason))).collect(),
            wins: view.wins,
            losses: view.losses,
            realised_pnl: view.realised_pnl,
            unrealised_pnl: view.unrealised_pnl,
            fees: view.fees,
            fees_in_kind: view.fees_in_kind.clone(),
            funding: view.funding,
            equity: view.equity,
            max_drawdown_ratio: view.max_drawdown.decimal(),
            heartbeats: frame.heartbeats,
            health_worst: frame.health_worst,
            loop_lag_ms_max: seconds(frame.loop_lag_max) * 1_000.0,
            unprotected_seconds_max: seconds(view.unprotected_max),
            shadow: view.shadow.as_ref().map(BesidePaper::new),
        }
    }

    /// Won trades as a ratio of all, in whole per cent.
    pub fn win_rate_percent(&self) -> u64 {
        (self.wins * 100).checked_div(self.wins + self.losses).unwrap_or_default()
    }

    /// Writes the summary to the log, a line a subject.
    pub fn log(&self) {
        let closed: Vec<String> =
            self.exits.iter().filter(|(_, n)| **n > 0).map(|(reason, n)| format!("{reason} {n}")).collect();
        let exits = if closed.is_empty() { "none".to_owned() } else { closed.join(", ") };
        let rejected: Vec<String> = self.signals_rejected.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        tracing::info!("SESSION SUMMARY");
        tracing::info!(reason = %self.exit_reason, uptime_s = self.uptime_s, iterations = self.iterations, "session ended");
        tracing::info!(accepted = self.signals_accepted, rejected = %rejected.join(", "), "signals");
        tracing::info!(orders = self.orders, fills = self.fills, "orders");
        tracing::info!(opened = self.positions_opened, closed = self.positions_closed, %exits, "positions");
        tracing::info!(wins = self.wins, losses = self.losses, win_rate_percent = self.win_rate_percent(), "trades");
        tracing::info!(
            realised = %self.realised_pnl, open = %self.unrealised_pnl, fees = %self.fees, funding = %self.funding,
            equity = %self.equity, max_drawdown = %self.max_drawdown_ratio, "result in USDT"
        );
        tracing::info!(
            heartbeats = self.heartbeats,
            worst = self.health_worst.as_str(),
            loop_lag_ms_max = self.loop_lag_ms_max,
            unprotected_seconds_max = self.unprotected_seconds_max,
            "health"
        );
        if !self.fees_in_kind.is_empty() {
            let paid: Vec<String> = self.fees_in_kind.iter().map(|(asset, paid)| format!("{paid} {asset}")).collect();
            tracing::info!(paid = %paid.join(", "), "fees in other assets, which are in no other figure");
        }
        if let Some(shadow) = &self.shadow {
            shadow.log();
        }
    }
}

impl BesidePaper {
    fn new(tally: &ShadowTally) -> BesidePaper {
        BesidePaper {
            compared: tally.compared,
            live_only: tally.live_only,
            paper_only: tally.paper_only,
            unfilled: tally.unfilled,
            let_go: tally.let_go,
            notional: tally.notional,
            price_cost: tally.price_cost,
            price_cost_ratio: tally.price_cost_ratio().decimal(),
            fee_cost: tally.fee_cost,
            delay_ms_mean: tally.delay_us_mean() as f64 / 1_000.0,
            delay_ms_max: tally.delay_us_max as f64 / 1_000.0,
        }
    }

    fn log(&self) {
        tracing::info!(
            compared = self.compared, live_only = self.live_only, paper_only = self.paper_only, unfilled = self.unfilled,
            let_go = self.let_go, price_cost = %self.price_cost, price_cost_ratio = %self.price_cost_ratio,
            fee_cost = %self.fee_cost, delay_ms_mean = self.delay_ms_mean, delay_ms_max = self.delay_ms_max,
            "live beside paper"
        );
    }
}

fn seconds(span: Span) -> f64 {
    span.as_millis() as f64 / 1_000.0
}
