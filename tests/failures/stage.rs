//! A session whose market the test writes and whose wire the test holds. All else is what ships: the crank, the engine,
//! the ledger, the paper venue with its own file.

use std::path::Path;

use std::sync::Arc;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::coordinator::{self, Assembled, Crank, Outside, Place, Plan, RunError};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::protocol::{Command, Event, Notice, OrderRequest, VenueRequest, View};
use live_trading_launcher::pulse::Pulses;
use live_trading_launcher::session::Source;
use live_trading_launcher::strategy::{EmaCrossSettings, RegimeSettings, UnknownRegime};
use live_trading_launcher::types::{InstrumentId, Leg, Price, Rate, Side, Span, Timeframe, Timestamp};
use live_trading_launcher::venue::paper::PaperBooks;
use live_trading_launcher::{engine, exchange, market, orders, recorder, risk, strategy};
use tempfile::TempDir;

use crate::script::{BASE, START, SYMBOLS, Script, bar};
use crate::wire::Wire;

pub const BTC: InstrumentId = InstrumentId(0);
pub const ETH: InstrumentId = InstrumentId(1);
/// The price that [`Stage::enter`] goes long at; a short is entered as far on the other side of [`BASE`].
pub const LONG_AT: Price = Price::whole(1_003);
/// Turns within one minute of session time that no session here needs.
const MOST_TURNS: u32 = 20_000;
/// After a minute has closed, so much of the next goes by: longer than every wait of the order protocol.
const AFTER_A_CLOSE: Span = Span::secs(50);

/// What a session is begun with.
#[derive(Clone)]
pub struct Rules {
    pub rooms: Rooms,
    pub exchange: exchange::Settings,
    pub faults: exchange::faults::Settings,
}

impl Rules {
    /// What ships, with one strategy that follows a crossing of two very short averages.
    pub fn new() -> Rules {
        let ema_cross = EmaCrossSettings {
            enabled: true,
            timeframe: Timeframe::M1,
            fast: 2,
            slow: 3,
            atr_period: 2,
            stop_min: Rate::bps(50),
            ..EmaCrossSettings::default()
        };
        let mut strategy = strategy::Settings { ema_cross, ..strategy::Settings::default() };
        (strategy.oversold_bounce.enabled, strategy.short_the_rip.enabled) = (false, false);
        let rooms = Rooms {
            engine: engine::Settings::default(),
            market: market::Settings::default(),
            orders: orders::Settings::default(),
            strategy,
            regime: RegimeSettings { unknown: UnknownRegime::Neutral, ..RegimeSettings::default() },
            risk: risk::Settings::default(),
        };
        Rules { rooms, exchange: exchange::Settings::default(), faults: exchange::faults::Settings::default() }
    }

    /// With these faults at the venue, as a configuration file has them.
    pub fn with_faults(text: &str) -> Rules {
        Rules { faults: toml::from_str(text).expect("faults"), ..Rules::new() }
    }
}

/// The session.
pub struct Stage {
    pub script: Script,
    pub wire: Wire,
    pub notices: Vec<Notice>,
    rules: Rules,
    dir: TempDir,
    crank: Option<Crank>,
    minute: Timestamp,
    /// How far time has been let go on, whether or not anything happened by then.
    now: Timestamp,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(Rules::new())
    }

    pub fn with(rules: Rules) -> Stage {
        let mut stage = Stage::unstarted(rules);
        stage.start().expect("a session starts");
        stage
    }

    /// Nothing is opened yet.
    pub fn unstarted(rules: Rules) -> Stage {
        let dir = crate::setup::folder();
        let (script, wire) = (Script::new(), Wire::default());
        Stage { script, wire, notices: Vec::new(), rules, dir, crank: None, minute: START, now: START }
    }

    /// Opens what the folder holds and starts a session on it.
    pub fn start(&mut self) -> Result<(), RunError> {
        let symbols = SYMBOLS.map(|text| text.parse().expect("a symbol"));
        let plan = Plan {
            dir: self.dir.path(),
            feed: Box::new(self.script.clone()),
            rooms: self.rules.rooms.clone(),
            place: Place::Paper {
                exchange: Box::new(self.rules.exchange.clone()),
                faults: Box::new(self.rules.faults.clone()),
            },
            seed: 1,
            recorder: Some(recorder::Settings::default()),
            config: String::new(),
            pulses: Pulses::new(&symbols, true),
            time: None,
            arrivals: Arc::default(),
        };
        let Assembled { mut crank, recovered, .. } = coordinator::assemble(plan, Clock::start())?;
        crank.venue = self.wire.around(crank.venue);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let begun = coordinator::start(&mut crank, recovered, Span::MINUTE, |_| {});
        self.notices.extend(runtime.block_on(begun)?);
        self.now = crank.session.at();
        self.crank = Some(crank);
        Ok(())
    }

    /// The process dies without a word.
    pub fn kill(&mut self) {
        self.crank = None;
    }

    /// The process dies, and another starts.
    pub fn restart(&mut self) {
        self.kill();
        self.start().expect("a session starts again");
    }

    pub fn crank(&mut self) -> &mut Crank {
        self.crank.as_mut().expect("the session runs")
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn view(&self) -> View {
        self.crank.as_ref().expect("the session runs").session.engine().view()
    }

    /// What the venue itself holds to be true.
    pub fn venue(&self) -> PaperBooks {
        PaperBooks::read(self.dir()).expect("the venue's file")
    }

    pub fn at(&self) -> Timestamp {
        self.now
    }

    /// Open time of the minute that is written next.
    pub fn minute_at(&self) -> Timestamp {
        self.minute
    }

    /// Something from outside, now.
    pub fn event(&mut self, event: Event) {
        let at = self.at();
        self.crank().session.push(at, Source::Operator, event);
    }

    pub fn command(&mut self, command: Command) {
        self.event(Event::Command(command));
    }

    /// An order that the daemon did not give.
    pub fn by_hand(&mut self, request: VenueRequest) {
        let at = self.at();
        self.crank().venue.send(at, request).expect("the venue takes it");
    }

    /// Session time goes on by as much.
    pub fn pass(&mut self, span: Span) {
        self.pass_until(|_| false, span);
    }

    /// Session time goes on until something is so, and at most by as much. Was it so?
    pub fn pass_until(&mut self, is_so: impl Fn(&Stage) -> bool, at_most: Span) -> bool {
        let end = self.now + at_most;
        let mut turns = 0;
        loop {
            if is_so(self) {
                return true;
            }
            match self.turn_by(end) {
                Ok(true) => turns += 1,
                Ok(false) => {
                    self.now = end;
                    return false;
                }
                Err(error) => panic!("the session cannot go on: {error}"),
            }
            assert!(turns < MOST_TURNS, "the session spins at {}", self.at());
        }
    }

    /// Session time goes on by as much, or until the session cannot.
    pub fn pass_or_fail(&mut self, span: Span) -> Result<(), RunError> {
        let end = self.now + span;
        while self.turn_by(end)? {}
        self.now = end;
        Ok(())
    }

    /// One turn, if there is one by then.
    fn turn_by(&mut self, end: Timestamp) -> Result<bool, RunError> {
        let crank = self.crank.as_mut().expect("the session runs");
        if crank.next_at().is_none_or(|at| at > end) {
            return Ok(false);
        }
        let Outside { notices, leave } = crank.turn()?;
        self.now = self.now.max(crank.session.at());
        assert_eq!(leave, None);
        self.notices.extend(notices);
        Ok(true)
    }

    /// A minute in which BTC goes straight to this price, and what follows from it.
    pub fn minute(&mut self, close: impl Into<Whole>) {
        let (open, close) = (self.script.last(BTC), close.into().0);
        self.write([open, open.max(close), open.min(close), close]);
        self.run_the_minute();
    }

    /// Writes a minute of BTC with these prices, in which ETH rests. It is not played yet.
    pub fn write(&mut self, prices: [Price; 4]) {
        self.script.bar(BTC, bar(self.minute, prices));
        self.script.bar(ETH, bar(self.minute, [self.script.last(ETH); 4]));
        self.skip_minute();
    }

    /// The test has written this minute itself.
    pub fn skip_minute(&mut self) {
        self.minute += Span::MINUTE;
    }

    /// Turns until what was written has closed, and the better part of a minute beyond.
    pub fn run_the_minute(&mut self) {
        let end = self.minute + AFTER_A_CLOSE;
        self.pass(end - self.at());
    }

    /// Lets the strategy enter BTC on this side, and gives the entry. `after_close` of the session has passed then.
    pub fn enter(&mut self, side: Side) -> OrderRequest {
        let before = self.entries().len();
        let there = LONG_AT - BASE;
        self.minute(BASE - Price::whole(side.sign()));
        self.minute(BASE + there * side.sign());
        let entries = self.entries();
        assert_eq!(entries.len(), before + 1, "one entry: {entries:?}");
        entries[before].clone()
    }

    /// As [`Stage::enter`], but stops at the instant of the decision, with the order just sent.
    pub fn decide(&mut self, side: Side) -> OrderRequest {
        let before = self.entries().len();
        let there = LONG_AT - BASE;
        self.minute(BASE - Price::whole(side.sign()));
        let close = BASE + there * side.sign();
        let open = self.script.last(BTC);
        self.write([open, open.max(close), open.min(close), close]);
        assert!(self.pass_until(|stage| stage.entries().len() > before, Span::mins(2)), "nothing was decided");
        self.entries()[before].clone()
    }

    /// Entries that were sent, in order.
    pub fn entries(&self) -> Vec<OrderRequest> {
        self.sent(Leg::Entry)
    }

    /// Orders for this purpose that were sent, in order.
    pub fn sent(&self, leg: Leg) -> Vec<OrderRequest> {
        let is_for = |order: &OrderRequest| order.client_id.parts().is_some_and(|parts| parts.leg == leg);
        self.wire.orders().into_iter().map(|(_, order)| order).filter(is_for).collect()
    }

    /// How an order of ours stands at the venue: the stage and the filled quantity.
    pub fn at_venue(&self, order: &OrderRequest) -> Option<(String, String)> {
        let id = order.client_id.as_str();
        self.venue().orders.into_iter().find(|(one, ..)| one == id).map(|(_, stage, filled)| (stage, filled))
    }

    /// What the venue holds of BTC, as it writes it; none if it is flat.
    pub fn held_at_venue(&self) -> Option<String> {
        self.venue().positions.into_iter().find(|(one, _)| *one == BTC.0).map(|(_, qty)| qty)
    }

    /// Why nothing is entered on BTC now, if so.
    pub fn blocked(&self) -> Option<String> {
        self.view().instruments[BTC.index()].blocked.clone()
    }

    /// Holds the ledger against the venue's file.
    pub fn assert_books_agree(&self) {
        crate::books::assert_books_agree(self.dir());
    }
}

/// A price in whole USDT, or an exact one.
pub struct Whole(Price);

impl From<i64> for Whole {
    fn from(price: i64) -> Whole {
        Whole(Price::whole(price))
    }
}

impl From<Price> for Whole {
    fn from(price: Price) -> Whole {
        Whole(price)
    }
}
