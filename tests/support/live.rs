//! A daemon that trades live against a served exchange, in two processes, and the books of both held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use live_trading_launcher::ledger;
use live_trading_launcher::strategy::{RegimeSettings, Settings as StrategySettings};
use live_trading_launcher::types::{Symbol, Usdt};
use serde::Serialize;
use serde_json::Value;

use super::books::ledger_file;
use super::served::{KEY, SECRET, Served};
use super::{Daemon, Ended};

/// What a line of the log says once the market is traded.
pub const TRADING: &str = "Production trading loop active";
/// How orders end of which the venue knows nothing.
const NEVER_THERE: [&str; 3] = ["not_sent", "absent", "rejected"];
/// A run that is to come to rest may be cut off between a fill and its report; the next one settles that.
const RUNS_TO_REST: usize = 4;
/// How long a position may be without a stop, in seconds of session time.
pub const UNPROTECTED_AT_MOST: f64 = 3.0;
/// Limits that would end the trading of a bad day, which is not what is looked at here.
const LIVELY: [(&str, &str); 6] = [
    ("LTL__RISK__STOP_OUT_PAUSE", "0s"),
    ("LTL__RISK__COOLDOWN", "0s"),
    ("LTL__RISK__DAILY_LOSS", "100%"),
    ("LTL__RISK__DRAWDOWN", "100%"),
    ("LTL__RISK__ORDERS_PER_MINUTE", "10000"),
    ("LTL__RISK__ORDERS_PER_DAY", "1000000"),
];

/// Where both run, and what they trade.
pub struct Stage<D> {
    pub folder: PathBuf,
    /// The program, from its folder and arguments.
    pub program: D,
    /// The server's market: `synthetic`, or recorded bars with a range.
    pub market: Vec<String>,
    pub symbols: Vec<&'static str>,
    pub speed: f64,
    /// Are the venue's rate limits held?
    pub limits: bool,
}

/// The strategies of the demo, which decide every minute, whatever the regime is.
#[derive(Serialize)]
struct Config {
    strategy: StrategySettings,
    regime: RegimeSettings,
}

/// What the server did, and where the ledger says otherwise.
#[derive(Debug, Default)]
pub struct Comparison {
    pub orders: usize,
    pub fills: usize,
    pub positions: usize,
    pub differences: Vec<String>,
}

impl<D: Fn(&Path, &[&str]) -> Command> Stage<D> {
    /// Starts the server.
    pub fn serve(&self, port: u16) -> Served {
        let state = self.folder.join("exchange.db");
        let (port, speed, state, symbols) =
            (port.to_string(), self.speed.to_string(), state.to_string_lossy().into_owned(), self.unified());
        let mut all = vec!["exchange", "--port", &port, "--control", "--speed", &speed, "--state", &state];
        all.extend(["--symbols", &symbols]);
        all.extend(self.market.iter().map(String::as_str));
        if !self.limits {
            all.push("--no-rate-limits");
        }
        Served::start((self.program)(&self.folder, &all))
    }

    /// Starts the daemon.
    pub fn trade(&self, served: &Served, arguments: &[&str]) -> Daemon {
        let config = self.folder.join("live.toml");
        let text = toml::to_string(&Config { strategy: StrategySettings::demo(), regime: RegimeSettings::demo() });
        std::fs::write(&config, text.expect("settings are TOML")).expect("the folder can be written");
        let (config, state) = (config.to_string_lossy().into_owned(), self.state().to_string_lossy().into_owned());
        let (speed, symbols) = (self.speed.to_string(), self.unified());
        let all = ["--live", "--config", &config, "--state-dir", &state, "--symbols", &symbols, "--speed", &speed];
        let mut command = (self.program)(&self.folder, &[&all, arguments].concat());
        let http = format!("http://{}", served.address);
        if self.market.iter().any(|word| word.starts_with("file:")) {
            // Recorded bars move the best prices a few times a minute.
            command.env("LTL__MARKET__QUOTE_CADENCE", "1m");
        }
        command.envs(LIVELY).envs([
            ("BINANCE_KEY", KEY),
            ("BINANCE_SECRET", SECRET),
            ("LTL__VENUE__BINANCE__REST_URL", &http),
            ("LTL__VENUE__BINANCE__ACCOUNT_URL", &http),
            ("LTL__VENUE__BINANCE__STREAM_URL", &format!("ws://{}", served.address)),
        ]);
        Daemon::start(command)
    }

    /// The daemon's folder.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn unified(&self) -> String {
        self.symbols.join(",")
    }

    fn venue_symbols(&self) -> Vec<String> {
        self.symbols.iter().map(|symbol| symbol.replace('/', "")).collect()
    }

    /// Lets a daemon settle what is open and compares the books, until they agree or it has had its chances.
    pub fn settle(&self, served: &Served) -> (Comparison, Option<Ended>) {
        let mut ended = None;
        let mut books = self.compare(served);
        for _ in 0..RUNS_TO_REST {
            if books.differences.is_empty() {
                break;
            }
            ended = Some(self.trade(served, &["--duration", "0.5"]).end());
            books = self.compare(served);
        }
        (books, ended)
    }

    /// The longest that a position had no stop at the venue for all of it, in seconds of session time, by the venue's
    /// own books.
    pub fn longest_without_a_stop(&self, served: &Served) -> f64 {
        let now = served.ask("/fapi/v1/time", "")["serverTime"].as_i64().expect("an instant");
        let longest = |symbol: &String| longest_without_a_stop(served, symbol, now);
        self.venue_symbols().iter().map(longest).max().unwrap_or_default() as f64 / 1_000.0
    }

    /// Holds the ledger against the server's books.
    pub fn compare(&self, served: &Served) -> Comparison {
        let symbols = self.venue_symbols();
        let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let mut differences = Vec::new();
        let fills = compare_fills(&self.state(), served, &symbols, &mut differences);
        let orders = compare_orders(&self.state(), served, &symbols, &mut differences);
        let positions = compare_account(&self.state(), served, &mut differences);
        let halted = entries_while_halted(&self.state());
        differences.extend(halted.iter().map(|id| format!("{id} was entered while entries were forbidden")));
        Comparison { orders, fills, positions, differences }
    }
}

type Fill = (String, i64, Usdt, Usdt, Usdt);

fn compare_fills(dir: &Path, served: &Served, symbols: &[&str], differences: &mut Vec<String>) -> usize {
    let theirs: BTreeSet<Fill> = served
        .list("/fapi/v1/userTrades", symbols, "limit=1000")
        .iter()
        .map(|row| {
            let id = row["id"].as_i64().expect("a number");
            (text(row, "symbol"), id, money(row, "price"), money(row, "qty"), money(row, "commission"))
        })
        .collect();
    let sql = "SELECT symbol, trade_id, price, qty, fee FROM fill_rows";
    let ours: BTreeSet<Fill> = rows(dir, sql, |row| {
        let amount = |at: usize| row.get::<_, String>(at).map(|text| text.parse().expect("an amount"));
        Ok((venue_name(&row.get::<_, String>(0)?), row.get(1)?, amount(2)?, amount(3)?, amount(4)?))
    })
    .into_iter()
    .collect();
    differences.extend(theirs.difference(&ours).map(|fill| format!("not in the ledger: {fill:?}")));
    differences.extend(ours.difference(&theirs).map(|fill| format!("not at the venue: {fill:?}")));
    theirs.len()
}

fn compare_orders(dir: &Path, served: &Served, symbols: &[&str], differences: &mut Vec<String>) -> usize {
    let mut theirs: BTreeMap<String, (String, Usdt)> = BTreeMap::new();
    let algos = served.list("/fapi/v1/allAlgoOrders", symbols, "limit=1000");
    let conditional: BTreeSet<String> = algos.iter().map(|row| text(row, "clientAlgoId")).collect();
    let regular = served.list("/fapi/v1/allOrders", symbols, "limit=1000");
    let regular = regular.iter().filter(|row| !conditional.contains(&text(row, "clientOrderId")));
    let regular = regular.map(|row| (text(row, "clientOrderId"), text(row, "status"), money(row, "executedQty")));
    let algos = algos.iter().map(|row| (text(row, "clientAlgoId"), text(row, "algoStatus"), money(row, "actualQty")));
    let all: Vec<_> = regular.chain(algos).collect();
    for (id, status, filled) in &all {
        if theirs.insert(id.clone(), (stage(status).to_owned(), *filled)).is_some() {
            differences.push(format!("accepted twice: {id}"));
        }
    }
    let sql = "SELECT client_id, stage, filled FROM order_rows";
    let ours: BTreeMap<String, (String, Usdt)> = rows(dir, sql, |row| {
        let filled: String = row.get(2)?;
        Ok((row.get(0)?, (row.get(1)?, filled.parse().expect("an amount"))))
    })
    .into_iter()
    .collect();
    for (id, order) in &theirs {
        // The venue's own orders, which close by force, are nobody's intent.
        let forced = id.starts_with("autoclose-") || id.starts_with("adl_autoclose");
        if !forced && ours.get(id) != Some(order) {
            differences.push(format!("{id}: {order:?} at the venue, {:?} in the ledger", ours.get(id)));
        }
    }
    let more =
        ours.iter().filter(|(id, (stage, _))| !theirs.contains_key(*id) && !NEVER_THERE.contains(&stage.as_str()));
    differences.extend(more.map(|(id, order)| format!("{id}: nothing at the venue, {order:?} in the ledger")));
    theirs.len()
}

fn compare_account(dir: &Path, served: &Served, differences: &mut Vec<String>) -> usize {
    let audit = ledger::audit(dir).expect("the ledger can be counted again");
    if !audit.agrees() {
        differences.push(format!("the ledger does not add up: {audit:?}"));
    }
    let balances = served.ask("/fapi/v3/balance", "");
    let balance = money(&balances[0], "balance");
    if audit.cash != Some(balance) {
        differences.push(format!("cash {:?} in the ledger, {balance} at the venue", audit.cash));
    }
    let listed = served.ask("/fapi/v3/positionRisk", "");
    let held = listed.as_array().expect("a list").iter().map(|row| (text(row, "symbol"), money(row, "positionAmt")));
    let held: BTreeMap<String, Usdt> = held.filter(|(_, amount)| !amount.is_zero()).collect();
    let kept: BTreeMap<String, Usdt> = audit
        .positions
        .iter()
        .map(|(symbol, qty)| (venue_name(symbol.as_str()), qty.to_string().parse().expect("an amount")))
        .collect();
    if held != kept {
        differences.push(format!("positions {kept:?} in the ledger, {held:?} at the venue"));
    }
    let stops = served.ask("/fapi/v1/openAlgoOrders", "");
    for symbol in held.keys() {
        let is_stop = |row: &Value| text(row, "symbol") == *symbol && text(row, "orderType") == "STOP_MARKET";
        if !stops.as_array().expect("a list").iter().any(is_stop) {
            differences.push(format!("{symbol} has a position and no stop at the venue"));
        }
    }
    let paid = served.ask("/fapi/v1/income", "incomeType=FUNDING_FEE&limit=1000");
    let paid: Usdt = paid.as_array().expect("a list").iter().map(|row| money(row, "income")).sum();
    let booked = rows(dir, "SELECT amount FROM funding_rows", |row| row.get::<_, String>(0));
    let booked: Usdt = booked.iter().map(|text| text.parse::<Usdt>().expect("an amount")).sum();
    if paid != booked {
        differences.push(format!("funding {booked} in the ledger, {paid} at the venue"));
    }
    held.len()
}

/// A stop at the venue: its side, how much it closes (all, if nothing is said), and from when until when it was there.
struct Stop {
    sells: bool,
    qty: Option<Usdt>,
    from: i64,
    until: i64,
}

/// In milliseconds.
fn longest_without_a_stop(served: &Served, symbol: &str, now: i64) -> i64 {
    let at = |row: &Value, name: &str| row[name].as_i64().expect("an instant");
    let is_stop = |row: &&Value| text(row, "orderType") == "STOP_MARKET";
    let algos = served.list("/fapi/v1/allAlgoOrders", &[symbol], "limit=1000");
    let stops: Vec<Stop> = algos
        .iter()
        .filter(is_stop)
        .map(|row| Stop {
            sells: text(row, "side") == "SELL",
            qty: (row["closePosition"] != Value::Bool(true)).then(|| money(row, "quantity")),
            from: at(row, "createTime"),
            until: if text(row, "algoStatus") == "NEW" { i64::MAX } else { at(row, "updateTime") },
        })
        .collect();
    let trades = served.list("/fapi/v1/userTrades", &[symbol], "limit=1000");
    let moves: Vec<(i64, Usdt)> = trades
        .iter()
        .map(|row| {
            let qty = money(row, "qty");
            (at(row, "time"), if row["buyer"] == Value::Bool(true) { qty } else { -qty })
        })
        .collect();
    let ends = stops.iter().flat_map(|stop| [stop.from, stop.until.min(now)]);
    let instants: BTreeSet<i64> = ends.chain(moves.iter().map(|(at, _)| *at)).chain([now]).collect();
    let (mut bare_since, mut longest) = (None, 0);
    for at in instants {
        let held: Usdt = moves.iter().filter(|(moved, _)| *moved <= at).map(|(_, qty)| *qty).sum();
        let closes = |stop: &&Stop| {
            let covers = stop.qty.is_none_or(|qty| qty >= held.abs());
            stop.sells == (held > Usdt::ZERO) && covers && (stop.from..stop.until).contains(&at)
        };
        let since = *bare_since.get_or_insert(at);
        longest = longest.max(at - since);
        if held.is_zero() || stops.iter().any(|stop| closes(&stop)) {
            bare_since = None;
        }
    }
    longest
}

/// Entries that were decided while the trading state forbade them.
fn entries_while_halted(dir: &Path) -> Vec<String> {
    let sql = "SELECT client_id FROM intent_rows AS entry WHERE reduce_only = 0 AND kind IN ('market', 'limit') AND ( \
               SELECT state FROM state_rows WHERE (session, seq) < (entry.session, entry.seq) \
               ORDER BY session DESC, seq DESC LIMIT 1) <> 'active'";
    rows(dir, sql, |row| row.get(0))
}

/// How the ledger calls what the venue calls so.
fn stage(status: &str) -> &str {
    match status {
        "FILLED" | "FINISHED" => "filled",
        "CANCELED" => "canceled",
        "EXPIRED" | "EXPIRED_IN_MATCH" => "expired",
        "REJECTED" => "rejected",
        _ => "working",
    }
}

fn venue_name(symbol: &str) -> String {
    let symbol: Symbol = symbol.parse().expect("a symbol");
    format!("{}USDT", symbol.base())
}

fn text(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}

fn money(row: &Value, name: &str) -> Usdt {
    row[name].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn rows<T>(dir: &Path, sql: &str, read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let ledger = ledger_file(dir);
    let mut statement = ledger.prepare(sql).expect("the ledger can be asked");
    let rows = statement.query_map([], read).expect("the ledger answers");
    rows.collect::<rusqlite::Result<_>>().expect("its rows can be read")
}
