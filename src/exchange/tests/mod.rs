//! Tests of the simulated exchange. Expectations are worked by hand; a report is compared by its telling in words.

mod bars;
mod conditional;
mod direct;
mod faulted;
mod funding;
mod margin;
mod matching;
mod properties;
mod queries;
mod queue;
mod refusals;
mod standing;

use super::*;
use crate::protocol::{
    AccountReport, Amount, Bar, BookLevel, Depth, Mark, MarketData, OrderKind, OrderRequest, Quote, ReportBody,
    TimeInForce, Trade, TriggerBy, VenueReport,
};
use crate::types::{
    ClientOrderId, Instrument, InstrumentId, MarginTier, PositionSide, Price, Qty, Rate, Side, Span, Symbol, TradeId,
    Usdt,
};

pub(super) const A: AccountId = AccountId(0);
pub(super) const B: AccountId = AccountId(1);
pub(super) const BTC: InstrumentId = InstrumentId(0);
pub(super) const ETH: InstrumentId = InstrumentId(1);
/// 2024-08-08 00:00:00 UTC, a whole multiple of eight hours.
pub(super) const DAY: Timestamp = Timestamp::from_secs(1_723_075_200);

pub(super) fn p(text: &str) -> Price {
    text.parse().unwrap()
}
pub(super) fn q(text: &str) -> Qty {
    text.parse().unwrap()
}
pub(super) fn u(text: &str) -> Usdt {
    text.parse().unwrap()
}
pub(super) fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

fn instrument(name: &str, tick: &str, step: &str) -> Instrument {
    let tier = |floor, cap, max_leverage, rate, amount| MarginTier {
        notional_floor: Usdt::whole(floor),
        notional_cap: Usdt::whole(cap),
        max_leverage,
        maintenance_rate: Rate::new(rate, 4),
        maintenance_amount: Usdt::whole(amount),
    };
    Instrument {
        symbol: format!("{name}/USDT:USDT").parse().unwrap(),
        venue_symbol: format!("{name}USDT"),
        tick: p(tick),
        step: q(step),
        min_qty: q(step),
        max_qty: q("1000"),
        market_max_qty: q("500"),
        min_notional: u("5"),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(100),
        funding_interval: Span::secs(8 * 3_600),
        tiers: vec![
            tier(0, 50_000, 125, 40, 0),
            tier(50_000, 600_000, 50, 50, 50),
            tier(600_000, 3_000_000, 20, 100, 3_050),
        ],
    }
}

pub(super) fn instruments() -> Instruments {
    Instruments::new(vec![instrument("BTC", "0.1", "0.001"), instrument("ETH", "0.05", "0.01")]).unwrap()
}

pub(super) fn calm() -> Settings {
    Settings { request_latency: Vec::new(), report_latency: Vec::new(), ..Settings::default() }
}

pub(super) const QUOTES: FeedShape = FeedShape { quotes: true, trades: true, mark: true, depth: false };
pub(super) const BOOK: FeedShape = FeedShape { quotes: false, trades: true, mark: true, depth: true };

/// An exchange with two accounts, without latency, and a clock.
pub(super) struct Bench {
    pub ex: Exchange,
    pub at: Timestamp,
}

impl Bench {
    pub fn new(shape: FeedShape) -> Bench {
        Bench::with(calm(), shape, AccountConfig::default())
    }

    pub fn with(settings: Settings, shape: FeedShape, config: AccountConfig) -> Bench {
        settings.check().unwrap();
        let mut ex = Exchange::new(settings, instruments(), shape, 7);
        assert_eq!([ex.open_account(config), ex.open_account(config)], [A, B]);
        Bench { ex, at: DAY }
    }

    pub fn account(margin: MarginMode, leverage: u32, balance: &str) -> AccountConfig {
        AccountConfig { margin, leverage, balance: u(balance), hedge: false }
    }

    pub fn market(&mut self, instrument: InstrumentId, data: MarketData) {
        self.ex.on_market(self.at, &MarketEvent { instrument, data });
    }
    pub fn quote(&mut self, bid: &str, bid_qty: &str, ask: &str, ask_qty: &str) {
        let quote = Quote { bid: p(bid), bid_qty: q(bid_qty), ask: p(ask), ask_qty: q(ask_qty) };
        self.market(BTC, MarketData::Quote(quote));
    }
    pub fn trade(&mut self, taker: Side, price: &str, qty: &str) {
        self.market(BTC, MarketData::Trade(Trade { id: TradeId(1), price: p(price), qty: q(qty), taker }));
    }
    pub fn mark(&mut self, price: &str) {
        let mark = Mark { price: p(price), funding_rate: Rate::bps(1), next_funding: Timestamp::EPOCH };
        self.market(BTC, MarketData::Mark(mark));
    }
    pub fn bar(&mut self, prices: [&str; 4]) {
        self.bar_of(BTC, prices, "1000");
    }
    pub fn bar_of(&mut self, instrument: InstrumentId, [open, high, low, close]: [&str; 4], volume: &str) {
        let open_time = self.at.floor(Span::MINUTE) - Span::MINUTE;
        let bar = Bar { open_time, open: p(open), high: p(high), low: p(low), close: p(close), volume: q(volume) };
        self.market(instrument, MarketData::Bar(bar));
    }
    pub fn depth(&mut self, snapshot: bool, levels: &[(Side, &str, &str)]) {
        let levels = levels.iter().map(|(side, price, qty)| BookLevel { side: *side, price: p(price), qty: q(qty) });
        self.market(BTC, MarketData::Depth(Depth { snapshot, levels: levels.collect() }));
    }

    /// Sends an order and gives all that is reported by now, to whomever.
    pub fn submit(&mut self, account: AccountId, order: OrderRequest) -> Vec<String> {
        self.request(account, VenueRequest::Submit(order))
    }
    pub fn cancel(&mut self, account: AccountId, client_id: &str) -> Vec<String> {
        self.request(account, VenueRequest::Cancel { client_id: id(client_id), instrument: BTC })
    }
    pub fn request(&mut self, account: AccountId, request: VenueRequest) -> Vec<String> {
        self.ex.send(self.at, account, request);
        self.reports()
    }
    pub fn reports(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(delivery) = self.ex.poll(self.at) {
            told.push(tell(&delivery.report));
        }
        told
    }
    pub fn wait(&mut self, span: Span) -> Vec<String> {
        self.at += span;
        self.reports()
    }

    /// The net position in one-way mode.
    pub fn position(&self, account: AccountId) -> Qty {
        let positions = self.ex.positions(account);
        positions.iter().find(|one| one.instrument == BTC).map_or(Qty::ZERO, |one| one.qty)
    }

    /// Builds a position at a price by trading with the market's quote.
    pub fn hold(&mut self, account: AccountId, side: Side, qty: &str, price: &str) {
        let (below, above) = ((p(price) - p("0.1")).to_string(), (p(price) + p("0.1")).to_string());
        match side {
            Side::Buy => self.quote(&below, qty, price, qty),
            Side::Sell => self.quote(price, qty, &above, qty),
        }
        self.submit(account, market("hold", side, qty));
        assert_eq!(self.position(account), q(qty) * side.sign());
    }
}

pub(super) fn order(name: &str, side: Side, qty: &str, kind: OrderKind) -> OrderRequest {
    OrderRequest {
        client_id: id(name),
        instrument: BTC,
        side,
        position_side: PositionSide::Both,
        kind,
        amount: Amount::Qty(q(qty)),
        reduce_only: false,
    }
}
pub(super) fn market(name: &str, side: Side, qty: &str) -> OrderRequest {
    order(name, side, qty, OrderKind::Market)
}
pub(super) fn limit(name: &str, side: Side, qty: &str, price: &str) -> OrderRequest {
    order(name, side, qty, OrderKind::Limit { price: p(price), tif: TimeInForce::Gtc })
}
pub(super) fn limit_tif(name: &str, side: Side, qty: &str, price: &str, tif: TimeInForce) -> OrderRequest {
    order(name, side, qty, OrderKind::Limit { price: p(price), tif })
}
pub(super) fn reduce(order: OrderRequest) -> OrderRequest {
    OrderRequest { reduce_only: true, ..order }
}
pub(super) fn stop(name: &str, side: Side, qty: &str, trigger: &str) -> OrderRequest {
    order(name, side, qty, OrderKind::Stop { trigger: p(trigger), by: TriggerBy::Mark })
}
pub(super) fn take_profit(name: &str, side: Side, qty: &str, trigger: &str) -> OrderRequest {
    order(name, side, qty, OrderKind::TakeProfit { trigger: p(trigger), by: TriggerBy::Mark })
}
pub(super) fn closing(order: OrderRequest) -> OrderRequest {
    OrderRequest { amount: Amount::ClosePosition, ..order }
}

/// A report in words.
pub(super) fn tell(report: &VenueReport) -> String {
    match report {
        VenueReport::Order(report) => {
            let name = report.client_id;
            match &report.body {
                ReportBody::Sent => format!("sent {name}"),
                ReportBody::NotSent { .. } => format!("not sent {name}"),
                ReportBody::Accepted => format!("accepted {name}"),
                ReportBody::Rejected { code, .. } => format!("rejected {name} {code}"),
                ReportBody::Filled(fill) => {
                    let how = if fill.maker { "maker" } else { "taker" };
                    let path = if fill.path_dependent { " path" } else { "" };
                    format!("filled {name} {} @ {} {how}{path}", fill.qty, fill.price)
                }
                ReportBody::Triggered => format!("triggered {name}"),
                ReportBody::Ended { reason, filled } => format!("ended {name} {reason:?} {filled}"),
                ReportBody::Status { stage, filled } => format!("status {name} {stage:?} {filled}"),
                ReportBody::NotFound { endpoint } => format!("not found {name} {endpoint:?}"),
                ReportBody::Unanswered { .. } => format!("unanswered {name}"),
                ReportBody::CancelAnswered(outcome) => format!("cancel {name} {outcome:?}"),
            }
        }
        VenueReport::Account(report) => match report {
            AccountReport::OpenOrders(orders) => {
                let names: Vec<_> = orders.iter().map(|order| order.request.client_id.to_string()).collect();
                format!("open {}", names.join(" "))
            }
            AccountReport::Positions(positions) => {
                let each: Vec<_> = positions.iter().map(|one| format!("{} @ {}", one.qty, one.entry_price)).collect();
                format!("positions {}", each.join(", "))
            }
            AccountReport::Balance(balance) => format!("balance {balance}"),
            AccountReport::Fills(fills) => format!("fills {}", fills.len()),
            AccountReport::PollFailed { what, .. } => format!("failed {what}"),
            AccountReport::Funding(payment) => format!("funding {} at {}", payment.amount, payment.rate),
            AccountReport::Transfer { amount, .. } => format!("transfer {amount}"),
            AccountReport::Liquidated { .. } => "liquidated".to_owned(),
            AccountReport::FeeInKind(_) => unreachable!("fees are paid in USDT here"),
        },
    }
}
