//! One market, three ends: the same bars through a backtest, the daemon on paper, and the daemon trading live against a
//! served exchange. What each decided and what became of it is read from a ledger, so that the three can be held against
//! each other; a backtest's rows are written into one for that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use live_trading_launcher::backtest::{self, Plan};
use live_trading_launcher::clock::Clock;
use live_trading_launcher::config::{ConfigFile, Environment, Inputs, Settings, load};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::exchange;
use live_trading_launcher::feed;
use live_trading_launcher::ledger::{EpochRule, Identity, Ledger, SessionStart};
use live_trading_launcher::market;
use live_trading_launcher::risk;
use live_trading_launcher::strategy::{
    BollingerReversionSettings, EmaCrossSettings, RegimeSettings, Settings as StrategySettings,
};
use live_trading_launcher::types::{Price, Qty, Rate, Span, Timeframe, Timestamp, Usdt};
use serde::Serialize;

use crate::support::books::ledger_file;
use crate::support::live::TRADING;
use crate::support::served::{KEY, SECRET, Served};
use crate::support::{Daemon, Ended, command, pause, until};

/// The seed of every end.
const SEED: u64 = 1;
/// A run on paper is some thousand commits, on whatever disk: it may take five minutes.
const LOOKS: u32 = 3_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is told of a trade, by the names that a ledger and a report share.
const TRADE: [&str; 9] =
    ["side", "strategy", "qty", "entry_price", "exit_price", "realised", "fees", "funding", "exit"];

/// Bars as files, and who is traded on them.
pub struct Market {
    /// A folder of bars.
    pub data: PathBuf,
    /// From when on they are traded.
    pub from: Timestamp,
    pub symbols: Vec<&'static str>,
}

/// Where it all happens.
pub struct Stage {
    pub folder: PathBuf,
    pub program: PathBuf,
    pub market: Market,
    /// Seconds of the served market in one of the wall's.
    pub speed: f64,
}

/// The settings that all ends share.
#[derive(Serialize)]
struct Shared {
    strategy: StrategySettings,
    regime: RegimeSettings,
    risk: risk::Settings,
    market: market::Settings,
    exchange: exchange::Settings,
}

impl Shared {
    /// Three strategies on 1m bars that decide often. Rules that are held against a length of time are out of the way: an end
    /// that hears of a bar a tenth of a second later is to decide as the others do.
    fn new(latency: bool) -> Shared {
        let all = StrategySettings::demo();
        let strategy = StrategySettings {
            ema_cross: EmaCrossSettings { fast: 4, slow: 12, ..all.ema_cross },
            bollinger_reversion: BollingerReversionSettings {
                enabled: true,
                timeframe: Timeframe::M1,
                ..all.bollinger_reversion
            },
            ..all
        };
        let risk = risk::Settings {
            daily_loss: Rate::percent(100),
            drawdown: Rate::percent(100),
            stop_out_pause: Span::ZERO,
            cooldown: Span::ZERO,
            orders_per_minute: 10_000,
            orders_per_day: 1_000_000,
            ..risk::Settings::default()
        };
        // Between two bars nothing is quoted anew.
        let market = market::Settings { quote_cadence: Some(Span::mins(5)), ..market::Settings::default() };
        let usual = exchange::Settings::default();
        let exchange = if latency {
            usual
        } else {
            exchange::Settings { request_latency: Vec::new(), report_latency: Vec::new(), ..usual }
        };
        Shared { strategy, regime: RegimeSettings::demo(), risk, market, exchange }
    }
}

/// A stretch of the market: whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Stretch {
    /// For who runs it: a little more, so that what was decided in its last minute comes to its end.
    fn range(&self) -> String {
        format!("{}-{}", self.from.as_secs(), (self.until + Span::mins(2)).as_secs())
    }

    fn holds(&self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at.floor(Span::MINUTE))
    }
}

impl Stage {
    fn config(&self, latency: bool) -> PathBuf {
        let path = self.folder.join(if latency { "usual.toml" } else { "at-once.toml" });
        let text = toml::to_string(&Shared::new(latency)).expect("settings are TOML");
        std::fs::write(&path, text).expect("the folder can be written");
        path
    }

    fn feed(&self) -> String {
        format!("file:{}", self.market.data.display())
    }

    fn symbols(&self) -> String {
        self.market.symbols.join(",")
    }

    fn command(&self, config: &Path, arguments: &[&str]) -> Command {
        let mut command = command(&self.program, &self.folder, &[], arguments);
        command.args(["--config", &config.to_string_lossy(), "--symbols", &self.symbols()]);
        command
    }

    /// A backtest of the stretch: what it decided, in a ledger.
    pub fn backtest(&self, stretch: Stretch, latency: bool) -> Told {
        let config = self.config(latency);
        let file = ConfigFile::read(Some(&config)).expect("it can be read");
        let environment = Environment::from_pairs(Vec::<(String, String)>::new());
        let inputs = Inputs { file, environment: &environment, flags: Vec::new(), faults: None };
        let Settings { engine, market, orders, strategy, regime, risk, exchange, feed: settings, .. } =
            load(inputs).expect("the settings are right").settings;
        let symbols: Vec<_> = self.market.symbols.iter().map(|symbol| symbol.parse().expect("a symbol")).collect();
        let range = Some(stretch.range().parse().expect("a range"));
        let feed = feed::open(&settings, &self.feed(), &symbols, range, SEED).expect("a feed");
        let instruments = feed.instruments().clone();
        let rooms = Rooms { engine, market, orders, strategy, regime, risk };
        let rows = backtest::journal(Plan { feed, rooms, guests: Vec::new(), exchange, seed: SEED }).expect("a run");
        let state = self.state("backtest");
        let name = String::from("backtest");
        let identity = Identity { mode: name.clone(), venue: name.clone(), account: name };
        let wall = Clock::start().wall();
        let start = SessionStart {
            wall,
            version: String::new(),
            config_hash: String::new(),
            seed: SEED,
            instance: *b"00",
            epoch: EpochRule::Counted,
        };
        let (mut ledger, _) = Ledger::open(&state, &identity, &instruments, &start).expect("a ledger");
        ledger.commit(1, stretch.until, wall, &rows).expect("it takes the rows");
        drop(ledger);
        Told::read(&state, stretch)
    }

    /// The `backtest` command over the stretch: its trades.
    pub fn trades_of_the_command(&self, stretch: Stretch, latency: bool) -> BTreeMap<String, Vec<String>> {
        let (feed, range, seed) = (self.feed(), stretch.range(), SEED.to_string());
        let report = self.folder.join("report.json").to_string_lossy().into_owned();
        let flags = ["backtest", "--feed", &feed, "--timerange", &range, "--seed", &seed];
        let more = ["--no-checks", "--no-cache", "--json", &report];
        let ended = Daemon::start(self.command(&self.config(latency), &[&flags[..], &more].concat())).end();
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        let text = std::fs::read_to_string(report).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut trades: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for trade in report["trades"].as_array().expect("trades") {
            let text = |name: &str| trade[name].as_str().expect(name).to_owned();
            if text("closed_at") < stretch.until.to_string() {
                let side = if text("side") == "long" { "buy" } else { "sell" }.to_owned();
                let all = TRADE[1..].iter().map(|name| text(name));
                trades
                    .entry(text("symbol"))
                    .or_default()
                    .push([side].into_iter().chain(all).collect::<Vec<_>>().join(" "));
            }
        }
        trades
    }

    /// The daemon on paper over the stretch.
    pub fn paper(&self, stretch: Stretch, latency: bool) -> Told {
        let state = self.state("paper");
        let (feed, range, seed, dir) = (self.feed(), stretch.range(), SEED.to_string(), state.to_string_lossy());
        let flags = ["--paper", "--feed", &feed, "--timerange", &range, "--seed", &seed];
        let more = ["--speed", "max", "--state-dir", &dir];
        let mut daemon = Daemon::start(self.command(&self.config(latency), &[&flags[..], &more].concat()));
        let mut looks = 0;
        while !daemon.has_ended() && looks < LOOKS {
            pause(LOOK_EVERY);
            looks += 1;
        }
        let ended = daemon.end();
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        Told::read(&state, stretch)
    }

    /// The daemon trading live for so many minutes of a served market: what it did, and the stretch that it saw whole.
    pub fn live(&self, minutes: i64) -> (Told, Stretch, Ended) {
        let (state, config) = (self.state("live"), self.config(true));
        let served = self.serve(&config);
        let mut daemon = self.trade(&config, &state, &served);
        daemon.hear(TRADING);
        let whole = Span::mins(minutes).as_secs() as f64 / self.speed;
        let begun = |ledger: &Path| minute(ledger, "SELECT min(at) FROM equity_rows");
        pause(Duration::from_secs_f64(whole));
        let first = until("a minute", || begun(&state));
        let id = rustix::process::Pid::from_child(&daemon.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it takes a signal");
        let ended = daemon.end();
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        let last = minute(&state, "SELECT max(at) FROM equity_rows").expect("a minute");
        // The minute that it was told to end in is left out, and those before anything was quoted: between two bars nothing is.
        let unquoted = minute(&state, "SELECT max(at) FROM signal_rows WHERE rejected = 'no_quote'");
        let stretch = Stretch { from: unquoted.unwrap_or(first - Span::MINUTE), until: last - Span::MINUTE };
        (Told::read(&state, stretch), stretch, ended)
    }

    fn serve(&self, config: &Path) -> Served {
        let (feed, speed, seed) = (self.feed(), self.speed.to_string(), SEED.to_string());
        let range = format!("{}-", self.market.from.as_secs());
        let flags = ["exchange", "--port", "0", "--feed", &feed, "--timerange", &range, "--seed", &seed];
        let more = ["--speed", &speed, "--no-rate-limits", "--recorded-time"];
        Served::start(self.command(config, &[&flags[..], &more].concat()))
    }

    fn trade(&self, config: &Path, state: &Path, served: &Served) -> Daemon {
        let (speed, dir, http) =
            (self.speed.to_string(), state.to_string_lossy(), format!("http://{}", served.address));
        let mut command = self.command(config, &["--live", "--state-dir", &dir, "--speed", &speed]);
        command.envs([
            ("BINANCE_KEY", KEY),
            ("BINANCE_SECRET", SECRET),
            ("LTL__VENUE__BINANCE__REST_URL", &http),
            ("LTL__VENUE__BINANCE__ACCOUNT_URL", &http),
            ("LTL__VENUE__BINANCE__STREAM_URL", &format!("ws://{}", served.address)),
        ]);
        Daemon::start(command)
    }

    /// A folder for one run more.
    fn state(&self, end: &str) -> PathBuf {
        let used = (0..).map(|at| self.folder.join(format!("{end}-{at}")));
        used.into_iter().find(|path| !path.exists()).expect("there are numbers enough")
    }
}

fn minute(state: &Path, sql: &str) -> Option<Timestamp> {
    let ledger = state.join(live_trading_launcher::ledger::LEDGER_FILE);
    let at = ledger.exists().then(|| ledger_file(state).query_row(sql, [], |row| row.get::<_, Option<i64>>(0)));
    at?.ok()?.map(|at| Timestamp::from_nanos(at).floor(Span::MINUTE))
}

/// What a strategy asked for, and what came of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub at: Timestamp,
    pub what: String,
}

/// An order, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub at: Timestamp,
    pub leg: String,
    /// Everything that was decided, but for the size and the price that it was decided at.
    pub what: String,
    pub qty: Option<Qty>,
    pub reference: Price,
    /// The planned stop.
    pub stop: Option<Price>,
    pub fills: Vec<Fill>,
}

/// A trade at the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    pub at: Timestamp,
    pub price: Price,
    pub qty: Qty,
    pub fee: Usdt,
    pub realised: Usdt,
}

/// What a run did, by symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub signals: BTreeMap<String, Vec<Signal>>,
    pub orders: BTreeMap<String, Vec<Order>>,
    pub trades: BTreeMap<String, Vec<String>>,
    /// Equity after each minute.
    pub equity: BTreeMap<Timestamp, Usdt>,
}

impl Told {
    fn read(state: &Path, stretch: Stretch) -> Told {
        let ledger = ledger_file(state);
        let mut told = Told::default();
        let at = |row: &rusqlite::Row<'_>, column: &str| row.get(column).map(Timestamp::from_nanos);
        let words = |row: &rusqlite::Row<'_>, columns: &[&str]| -> rusqlite::Result<String> {
            let one = |column: &&str| Ok(row.get::<_, Option<String>>(*column)?.unwrap_or_else(|| "-".to_owned()));
            Ok(columns.iter().map(one).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
        };
        let columns = ["strategy", "side", "entry", "stop", "take_profit", "reason", "rejected"];
        each(&ledger, "SELECT * FROM signal_rows ORDER BY id", |row| {
            let signal = Signal { at: at(row, "at")?, what: words(row, &columns)? };
            if stretch.holds(signal.at) {
                told.signals.entry(row.get("symbol")?).or_default().push(signal);
            }
            Ok(())
        });
        let mut fills: BTreeMap<String, Vec<Fill>> = BTreeMap::new();
        each(&ledger, "SELECT * FROM fill_rows ORDER BY id", |row| {
            let fill = Fill {
                at: at(row, "at")?,
                price: amount(row, "price")?.expect("a price"),
                qty: amount(row, "qty")?.expect("a quantity"),
                fee: amount(row, "fee")?.expect("a fee"),
                realised: amount(row, "realised")?.expect("a result"),
            };
            if stretch.holds(fill.at) {
                fills.entry(row.get("client_id")?).or_default().push(fill);
            }
            Ok(())
        });
        let columns = ["side", "kind", "price", "trigger_price", "trigger_by", "strategy", "reason", "plan"];
        each(&ledger, "SELECT * FROM intent_rows ORDER BY id", |row| {
            let plan: Option<String> = row.get("plan")?;
            let plan: Option<serde_json::Value> = plan.and_then(|plan| serde_json::from_str(&plan).ok());
            let order = Order {
                at: at(row, "decided_at")?,
                leg: row.get("leg")?,
                what: words(row, &columns)?,
                qty: amount(row, "qty")?,
                reference: amount(row, "reference_price")?.expect("a price"),
                stop: plan.and_then(|plan| plan["stop"].as_str().and_then(|stop| stop.parse().ok())),
                fills: fills.remove(&row.get::<_, String>("client_id")?).unwrap_or_default(),
            };
            if stretch.holds(order.at) {
                told.orders.entry(row.get("symbol")?).or_default().push(order);
            }
            Ok(())
        });
        each(&ledger, "SELECT * FROM trade_rows ORDER BY id", |row| {
            let closed = at(row, "closed_at")?;
            if stretch.holds(closed) {
                told.trades.entry(row.get("symbol")?).or_default().push(words(row, &TRADE)?);
            }
            Ok(())
        });
        each(&ledger, "SELECT * FROM equity_rows ORDER BY id", |row| {
            let equity = amount(row, "equity")?.expect("equity");
            told.equity.insert(at(row, "at")?.floor(Span::MINUTE), equity);
            Ok(())
        });
        told
    }

    /// How many orders, fills and trades there are.
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        let orders: Vec<&Order> = self.orders.values().flatten().collect();
        let fills = orders.iter().map(|order| order.fills.len()).sum();
        let signals = self.signals.values().map(Vec::len).sum();
        (signals, orders.len(), fills, self.trades.values().map(Vec::len).sum())
    }
}

fn each(ledger: &rusqlite::Connection, sql: &str, mut take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>) {
    let mut statement = ledger.prepare(sql).expect("the ledger can be asked");
    let mut rows = statement.query([]).expect("the ledger answers");
    while let Some(row) = rows.next().expect("its rows can be read") {
        take(row).expect("a row of the schema");
    }
}

fn amount<T: std::str::FromStr>(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<String>>(column)?.and_then(|text| text.parse().ok()))
}
