//! Money and truth: results that are not so, and limits that limit nothing.

use std::path::Path;

use live_trading_launcher::coordinator::RunError;
use live_trading_launcher::feed::Feed;
use live_trading_launcher::market::Need;
use live_trading_launcher::protocol::{Amount, Command, OrderKind, OrderRequest, TradingState};
use live_trading_launcher::recorder;
use live_trading_launcher::risk::{self, Facts, Risk};
use live_trading_launcher::strategy::{self, Desk, Proposal, RegimeSettings};
use live_trading_launcher::types::{
    Exit, IdScope, Leg, PositionSide, Price, Qty, Rate, Rounding, Side, Span, Timeframe, Usdt,
};

use crate::bench::Bench;
use crate::script::{BASE, START, Script, bar};
use crate::setup::{Setup, TURNS_OF_AN_HOUR, folder, run_for};
use crate::stage::{BTC, ETH, LONG_AT, Rules, Stage};
use crate::support::until;

#[test]
fn paper_results_better_than_live_ones() {
    let mut stage = Stage::new();
    let entry = stage.enter(Side::Buy);
    // Over the settlement of a funding at 08:00, at a price that does not move.
    while stage.minute_at() < START + Span::mins(12) {
        stage.minute(LONG_AT);
    }
    stage.command(Command::Close { instrument: None });
    stage.minute(LONG_AT);
    let venue = stage.venue();
    let [bought, sold] = venue.fills.as_slice() else { panic!("{:?}", venue.fills) };
    let amount = |text: &str| text.parse::<Price>().expect("a price");
    let (paid, got) = (amount(&bought.4), amount(&sold.4));
    assert!(paid > LONG_AT && got < LONG_AT, "the spread is paid twice: {paid}, {got}");
    let Amount::Qty(qty) = entry.amount else { panic!("{entry:?}") };
    let taker = Rate::bps(5);
    let fee = |price: Price| price.notional(qty).times(taker, Rounding::Up);
    assert_eq!((bought.6.as_str(), sold.6.as_str()), (&*fee(paid).to_string(), &*fee(got).to_string()), "fees");
    // A long pays one basis point of its value at the mark.
    let view = stage.view();
    assert_eq!(view.funding, -LONG_AT.notional(qty).times(Rate::bps(1), Rounding::Up));
    let capital = Usdt::whole(10_000);
    let lost = (paid - got).notional(qty) + fee(paid) + fee(got) - view.funding;
    assert_eq!(capital - venue.balance, lost, "a round trip at one price costs what it costs");
    assert_eq!(view.cash, venue.balance);
    // And nothing happens at once.
    let db = rusqlite::Connection::open(stage.dir().join("ledger.sqlite")).expect("the ledger");
    let sql = "SELECT min(fill_rows.at - decided_at) FROM fill_rows JOIN intent_rows USING (client_id)";
    let soonest: i64 = db.query_row(sql, [], |row| row.get(0)).expect("fills");
    assert!(soonest >= 20_000_000, "a request takes 20 ms at least: {soonest} ns");
}

#[test]
fn breaker_counted_closed_trades_only() {
    let mut rules = Rules::new();
    let risk = &mut rules.rooms.risk;
    (risk.position_notional, risk.gross_notional) = (Rate::percent(300), Rate::percent(300));
    (risk.risk_per_trade, risk.daily_loss) = (Rate::percent(10), Rate::percent(1));
    let mut stage = Stage::with(rules);
    stage.enter(Side::Buy);
    assert_eq!(stage.view().state, TradingState::Active);
    // Price falls to just above the stop: three times equity loses 0.4 %, and nothing has been closed.
    stage.write([LONG_AT, LONG_AT, Price::whole(999), Price::whole(999)]);
    stage.pass(stage.minute_at() + Span::millis(1) - stage.at());
    let view = stage.view();
    assert_eq!((view.positions.len(), view.positions_closed), (1, 0));
    assert_eq!(view.state, TradingState::ReduceOnly, "{} of equity {}", view.unrealised_pnl, view.equity);
    assert!(view.state_reason.contains("day's loss"), "{}", view.state_reason);
}

#[test]
fn breaker_that_could_not_be_evaluated_let_all_pass() {
    let mut rules = Rules::new();
    rules.rooms.risk.equity_unknown = Span::mins(3);
    let mut stage = Stage::with(rules);
    stage.enter(Side::Buy);
    // After a restart nobody knows what BTC is worth. ETH has its prices, and a strategy that wants it.
    stage.script.forget_history(BTC);
    stage.restart();
    let eth = |stage: &mut Stage, close: i64| {
        let (open_time, open, close) = (stage.minute_at(), stage.script.last(ETH), Price::whole(close));
        stage.script.bar(ETH, bar(open_time, [open, open.max(close), open.min(close), close]));
        stage.skip_minute();
        stage.run_the_minute();
    };
    eth(&mut stage, 999);
    eth(&mut stage, 1_003);
    let view = stage.view();
    assert_eq!(view.signals_rejected.get("equity_unknown"), Some(&1), "{:?}", view.signals_rejected);
    assert_eq!(stage.entries().len(), 1, "BTC's");
    stage.pass(Span::mins(2));
    assert_eq!(stage.view().state, TradingState::ReduceOnly, "and in the end nothing but reducing");

    // What a breaker remembers cannot be read: it has tripped.
    let instruments = Script::new().instruments().clone();
    let mut risk = Risk::new(risk::Settings::default(), &instruments);
    risk.restore(START, Some("these are no memories"), None);
    assert_eq!(risk.state().0, TradingState::Halted);

    // And none can be left out.
    let bench = Bench::new();
    for breaker in ["daily_loss", "drawdown"] {
        let file = bench.file("settings.toml", &format!("[risk]\n{breaker} = \"0%\"\n"));
        let ended = bench.run(&[], &["--config", &file, "config", "check"]);
        assert_eq!(ended.code, Some(78), "{}", ended.text);
        assert!(ended.text.contains(&format!("risk.{breaker}")), "{}", ended.text);
    }
}

#[test]
fn size_multiplied_after_the_risk_check() {
    // Whatever is asked for, what leaves the check fits the limit: there is nothing behind it that could grow it, since
    // only risk can make an approved order, and nobody can change one.
    let instruments = Script::new().instruments().clone();
    let equity = Usdt::whole(10_000);
    let approve = |factor: i64| {
        let mut risk = Risk::new(risk::Settings::default(), &instruments);
        risk.begin(START, equity);
        let facts = Facts {
            at: START,
            leg: Leg::Entry,
            position: Qty::ZERO,
            reducing: Qty::ZERO,
            mark: Some(BASE),
            equity,
            symbol_notional: Usdt::ZERO,
            gross_notional: Usdt::ZERO,
            open_positions: 0,
            block: None,
        };
        let scope = IdScope { account: *b"papr", instance: *b"a1", epoch: 1 };
        let request = OrderRequest {
            client_id: live_trading_launcher::orders::IdSource::new(scope).next(Leg::Entry),
            instrument: BTC,
            side: Side::Buy,
            position_side: PositionSide::Both,
            kind: OrderKind::Market,
            amount: Amount::Qty(Qty::whole(2) * factor),
            reduce_only: false,
        };
        risk.screen(request, &facts).expect("a part of it fits").into_inner().amount
    };
    assert_eq!(approve(1), Amount::Qty(Qty::whole(2)));
    let most = Amount::Qty(Qty::new(25, 1));
    assert_eq!([2, 10, 1_000].map(approve), [most; 3], "a quarter of equity, and no more");
    // And what the venue got is what was approved and written down.
    let mut stage = Stage::new();
    let entry = stage.enter(Side::Buy);
    let Amount::Qty(qty) = entry.amount else { panic!("{entry:?}") };
    assert!(LONG_AT.notional(qty) <= Usdt::whole(2_500), "{qty}");
    assert_eq!(stage.held_at_venue(), Some(qty.to_string()));
}

#[test]
fn unitless_ratios() {
    let bench = Bench::new();
    for written in ["0.05", "\"0.05\"", "5"] {
        let file = bench.file("settings.toml", &format!("[risk]\ndaily_loss = {written}\n"));
        let ended = bench.run(&[], &["--config", &file, "config", "check"]);
        assert_eq!(ended.code, Some(78), "{written}: {}", ended.text);
        for word in ["risk.daily_loss", "settings.toml", "1%"] {
            assert!(ended.text.contains(word), "{written}: `{word}` is not in {}", ended.text);
        }
    }
    let ended = bench.run(&[("LTL__RISK__DAILY_LOSS", "0.05")], &["config", "check"]);
    assert_eq!(ended.code, Some(78), "{}", ended.text);
    for (written, meant) in [("5%", "5%"), ("5bps", "0.05%")] {
        let shown = bench.run(&[("LTL__RISK__DAILY_LOSS", written)], &["config", "show"]);
        let line = shown.text.lines().find(|line| line.contains("risk.daily_loss")).expect("it is shown");
        assert!(line.contains(&format!("\"{meant}\"")), "{line}");
    }
}

#[test]
fn environment_defaults_beat_the_file() {
    let bench = Bench::new();
    let file = bench.file(
        "settings.toml",
        "[health]\ninterval = \"7s\"\n[run]\nsymbols = [\"SOL/USDT:USDT\"]\n[risk]\nopen_positions = 2\n",
    );
    let show = |variables: &[(&str, &str)], flags: &[&str]| {
        let arguments = [flags, &["--config", &file, "config", "show"]].concat();
        let ended = bench.run(variables, &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        ended.text
    };
    let line = |text: &str, setting: &str| {
        let found = text.lines().find(|line| line.split_whitespace().any(|word| word == setting));
        found.unwrap_or_else(|| panic!("{setting} is not shown:\n{text}")).to_owned()
    };
    let of_file = show(&[], &[]);
    assert!(line(&of_file, "health.interval").contains("7s"), "{of_file}");
    assert!(line(&of_file, "health.interval").contains("settings.toml"), "{of_file}");
    assert!(line(&of_file, "risk.open_positions").contains("settings.toml"), "{of_file}");
    let of_both = show(&[("HEALTH_CHECK_INTERVAL", "9")], &[]);
    assert!(line(&of_both, "health.interval").contains("HEALTH_CHECK_INTERVAL"), "{of_both}");
    assert!(line(&of_both, "risk.open_positions").contains("settings.toml"), "{of_both}");
    let of_all = show(&[("TRADING_SYMBOLS", "ETH/USDT")], &["--symbols", "BTC/USDT"]);
    assert!(line(&of_all, "run.symbols").contains("BTC/USDT:USDT"), "{of_all}");
    assert!(line(&of_all, "run.symbols").contains("--symbols"), "{of_all}");
}

#[test]
fn limits_in_the_banner_were_not_those_enforced() {
    let bench = Bench::new();
    let variables = [("LTL__RISK__OPEN_POSITIONS", "1"), ("CAPITAL_USDT", "5000")];
    let mut daemon = bench.start(&variables, &["--speed", "300"]);
    daemon.hear(r#"limit="capital" value=5000 USDT"#);
    let said = daemon.hear(r#"limit="open positions""#);
    assert!(said.ends_with("value=1"), "{said}");
    let refused = until("a second position was refused", || {
        let status = bench.status()?;
        let held = status["view"]["positions"].as_array().map_or(0, Vec::len);
        assert!(held <= 1, "{status}");
        let rejected = status["view"]["signals_rejected"].as_object()?.clone();
        rejected.keys().any(|reason| reason.contains("position")).then_some(status)
    });
    assert_eq!(refused["view"]["signals_accepted"], 1, "{refused}");
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

#[test]
fn signals_on_a_forming_bar() {
    let mut stage = Stage::new();
    stage.minute(999);
    // Half a minute into the next bar it looks like a crossing; when it closes there was none.
    let forming = |close: Price| bar(stage.minute_at(), [Price::whole(999), close, Price::whole(999), close]);
    stage.script.bar_at(stage.minute_at() + Span::secs(52), BTC, forming(LONG_AT));
    stage.pass(Span::secs(5));
    assert!(stage.at() > stage.minute_at() + Span::secs(52));
    assert_eq!((stage.entries(), stage.view().signals_accepted), (Vec::new(), 0));
    stage.minute(999);
    assert_eq!(stage.entries(), []);
    stage.minute(LONG_AT);
    assert_eq!(stage.entries().len(), 1, "at the close, and not before");
}

#[test]
fn ema200_from_200_bars() {
    let instruments = Script::new().instruments().clone();
    // Everything that ships, with its longest average of 200 bars on 4h and on 30m.
    let needs = Desk::new(&strategy::Settings::default(), &RegimeSettings::default(), &instruments).needs();
    let bars = |timeframe| needs.iter().find(|need: &&Need| need.timeframe == timeframe).map(|need| need.bars);
    assert!(bars(Timeframe::H4) >= Some(800) && bars(Timeframe::M30) >= Some(800), "{needs:?}");
    // A strategy that has seen fewer than four periods keeps silent, however often it is asked.
    let mut settings = Rules::new().rooms.strategy;
    (settings.ema_cross.fast, settings.ema_cross.slow) = (10, 200);
    let regime = Rules::new().rooms.regime;
    let mut desk = Desk::new(&settings, &regime, &instruments);
    let mut first = None;
    for minute in 0..1_200_i64 {
        // Back and forth across the slow average, every thirty minutes.
        let price = Price::whole(if minute / 30 % 2 == 0 { 1_010 } else { 990 });
        let one = bar(START + Span::mins(minute), [price; 4]);
        let proposals = desk.on_bar(BTC, Timeframe::M1, &one, true, None);
        if proposals.iter().any(|one| matches!(one, Proposal::Enter(Ok(_)))) {
            first = first.or(Some(minute));
        }
    }
    assert!(first.is_some_and(|first| first >= 799), "the first signal came with bar {first:?}");
}

#[test]
fn tests_tested_a_copy_of_the_class() {
    // Nothing of the source is taken into a test otherwise than through the library and the binary.
    let mut files = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").as_path(), &mut files);
    assert!(files.len() > 20, "{files:?}");
    let (path, include) = (["#[pa", "th = \""].concat(), ["inclu", "de!("].concat());
    for (file, text) in &files {
        for line in text.lines() {
            let takes_in = line.trim_start().starts_with(&path) || line.trim_start().starts_with(&include);
            assert!(!(takes_in && line.contains("src/")), "{file}: {line}");
        }
    }
    let (_, daemon) = files.iter().find(|(file, _)| file.ends_with("daemon/bench.rs")).expect("the daemon's bench");
    assert!(daemon.contains("CARGO_BIN_EXE_live_trading_launcher"));
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a text")));
        }
    }
}

/// Each minute writes some rows, and the pages that are there hold a number of them.
const MINUTES_TO_A_FULL_PAGE: u32 = 1_000;

#[test]
fn disks_full() {
    let mut stage = Stage::new();
    stage.enter(Side::Buy);
    let stop = stage.sent(Leg::Stop).pop().expect("a stop");
    stage.crank().ledger.rehearse_full_disk(0).expect("a limit");
    // From the first write that fails on nothing leaves, whatever the session is asked for.
    let mut failed = None;
    for _ in 0..MINUTES_TO_A_FULL_PAGE {
        stage.write([LONG_AT; 4]);
        failed = stage.pass_or_fail(Span::MINUTE).err();
        if failed.is_some() {
            break;
        }
    }
    let error = failed.expect("the disk is full");
    assert!(matches!(error, RunError::Ledger(_)), "{error}");
    assert_eq!(error.exit(), Exit::LedgerUnwritable);
    let sent = stage.wire.orders().len();
    stage.command(Command::Close { instrument: None });
    assert!(stage.pass_or_fail(Span::MINUTE).is_err());
    assert_eq!(stage.wire.orders().len(), sent, "nothing is sent that is not written");
    assert_eq!(stage.at_venue(&stop).map(|(stage, _)| stage).as_deref(), Some("working"), "its stop stays");
    // With room on the disk it goes on where the ledger stands.
    stage.restart();
    stage.minute(LONG_AT);
    stage.assert_books_agree();
}

#[test]
fn memory_growing() {
    let dir = folder();
    let mut crank = Setup::demo(7).begin(dir.path());
    let mut sizes = Vec::new();
    for _ in 0..4 {
        run_for(&mut crank, Span::HOUR * 3, 3 * TURNS_OF_AN_HOUR);
        sizes.push(crank.session.engine().snapshot().len());
    }
    // Orders of the last day are kept, some hundred bytes each; indicators, bars and books have their bounds.
    let orders = usize::try_from(crank.session.engine().view().orders).expect("a small number");
    assert!(orders > 20, "{orders}");
    let grown = sizes[3].saturating_sub(sizes[0]);
    assert!(grown < orders * 1_000, "{sizes:?} bytes, {orders} orders");
}

#[test]
fn logs_unbounded() {
    let bench = Bench::new();
    // A log that has reached its cap, and the one before it.
    let (log, before) = (bench.folder().join("daemon.log"), bench.folder().join("daemon.log.1"));
    for full in [&log, &before] {
        std::fs::write(full, vec![b'x'; 1 << 20]).expect("written");
    }
    let log_text = log.to_string_lossy();
    let variables = [
        ("LTL__TELEMETRY__FILE", &*log_text),
        ("LTL__TELEMETRY__FILE_SIZE_MIB", "1"),
        ("LTL__TELEMETRY__FILES", "2"),
        ("LTL__RECORDER__SEGMENT_MIB", "1"),
        ("LTL__RECORDER__TOTAL_MIB", "3"),
    ];
    let mut daemon = bench.start(&variables, &["--speed", "max"]);
    daemon.hear("Production trading loop active");
    let segment = |number: u32| bench.state().join(format!("recordings/00001/segment-{number:05}.ltr"));
    until("a fifth segment is begun", || segment(5).exists().then_some(()));
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let logs = std::fs::read_dir(bench.folder()).expect("a folder").flatten();
    let logs: Vec<_> = logs.filter(|one| one.file_name().to_string_lossy().starts_with("daemon.log")).collect();
    let bytes: u64 = logs.iter().map(|one| one.metadata().map_or(0, |file| file.len())).sum();
    assert!(logs.len() == 2 && bytes <= 2 << 20, "{logs:?} hold {bytes} bytes");
    assert!(std::fs::read_to_string(&log).expect("a log").contains("SESSION SUMMARY"));
    // The segment that is being written comes on top.
    let recorded = size_of(&bench.state().join(recorder::RECORDINGS_DIR));
    assert!(recorded <= 4 << 20 && !segment(1).exists(), "{recorded} bytes of recordings");
}

fn size_of(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        bytes += if path.is_dir() { size_of(&path) } else { entry.metadata().map_or(0, |file| file.len()) };
    }
    bytes
}
