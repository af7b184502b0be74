//! Command lines, good and bad, and what commands print.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;
use crate::clock::Speed;
use crate::config::Environment;
use crate::control::{HealthLine, Status};
use crate::ledger::TradeRecord;
use crate::protocol::{ExitReason, PositionView, ShadowTally, TradingState, View};
use crate::telemetry::LogFormat;
use crate::types::{Exit, Price, Qty, Side, Span, Timestamp, Usdt};

fn line(words: &str) -> Result<Invocation, clap::Error> {
    let words = std::iter::once("live_trading_launcher").chain(words.split_whitespace());
    parse(words.map(OsString::from))
}

#[test]
fn the_parser_itself_is_consistent() {
    Invocation::command().debug_assert();
}

#[test]
fn no_arguments_run_the_daemon_on_its_defaults() {
    let invocation = line("").expect("nothing");
    assert_eq!(invocation.task, None);
    assert_eq!(invocation.run.overrides(), []);
    assert_eq!((invocation.run.max_restarts, invocation.run.restart_delay), (1_000, Span::secs(30)));
}

#[test]
fn flags_become_values() {
    let run = line(
        "--paper --duration 0.5 --infinite --auto-restart --max-restarts 3 --restart-delay 2.5 --debug --dry-run \
         --symbols BTC/USDT,ETH/USDT:USDT --feed file:some/where --speed max --timerange 20241001-20241105 --seed 7 \
         --faults f.toml --reset-paper --log-format json --log-file a.log --summary-json s.json --config c.toml \
         --state-dir d",
    )
    .expect("flags");
    assert_eq!((run.config, run.state_dir), (Some("c.toml".into()), Some("d".into())));
    let flags = run.run;
    assert!(flags.paper && flags.infinite && flags.auto_restart && flags.debug && flags.dry_run && flags.reset_paper);
    assert_eq!((flags.duration, flags.restart_delay), (Some(Span::millis(500)), Span::millis(2_500)));
    assert_eq!((flags.max_restarts, flags.seed, flags.speed), (3, Some(7), Some(Speed::Max)));
    assert_eq!(flags.log_format, Some(LogFormat::Json));
    assert_eq!(flags.summary_json, Some(PathBuf::from("s.json")));
    let shown: Vec<String> =
        flags.overrides().iter().map(|o| format!("{} {}={}", o.flag, o.setting, o.value)).collect();
    assert_eq!(
        shown,
        [
            r#"--symbols run.symbols=["BTC/USDT:USDT", "ETH/USDT:USDT"]"#,
            "--seed run.seed=7",
            r#"--speed run.speed="max""#,
            r#"--feed feed.source="file:some/where""#,
            r#"--timerange feed.timerange="20241001-20241105""#,
            r#"--log-format telemetry.format="json""#,
            r#"--log-file telemetry.file="a.log""#,
        ]
    );
}

#[test]
fn every_flag_of_a_setting_reaches_it() {
    let run = line(
        "--symbols SOL/USDT --feed file:x --speed 5 --timerange 20241001- --seed 9 --log-format json --log-file l",
    )
    .expect("flags");
    let environment = Environment::default();
    let inputs =
        crate::config::Inputs { file: None, environment: &environment, flags: run.run.overrides(), faults: None };
    let settings = crate::config::load(inputs).expect("settings").settings;
    assert_eq!(settings.run.symbols.iter().map(ToString::to_string).collect::<Vec<_>>(), ["SOL/USDT:USDT"]);
    assert_eq!((settings.run.seed, settings.run.speed), (9, Some(Speed::X(5.0))));
    assert_eq!((settings.feed.source.as_str(), settings.feed.timerange.as_deref()), ("file:x", Some("20241001-")));
    assert_eq!((settings.telemetry.format, settings.telemetry.file), (LogFormat::Json, Some("l".into())));
}

#[test]
fn commands_are_read() {
    for (words, task) in [
        ("status --json", Task::Status { json: true }),
        ("stop", Task::Stop),
        ("pause", Task::Pause),
        ("resume", Task::Resume),
        ("doctor --state-dir d", Task::Doctor),
        ("replay 2025 --verify", Task::Replay { session: "2025".into(), verify: true, html: None }),
        ("completions bash", Task::Completions { shell: Shell::Bash }),
        ("--symbols BTC/USDT config check", Task::Config { command: ConfigCommand::Check }),
        ("config show --format toml", Task::Config { command: ConfigCommand::Show { format: ConfigFormat::Toml } }),
        (
            "trades --format csv --symbol BTC/USDT --last 5",
            Task::Trades(TradesFlags {
                format: TradesFormat::Csv,
                symbol: "BTC/USDT:USDT".parse().ok(),
                last: Some(5),
            }),
        ),
    ] {
        assert_eq!(line(words).expect(words).task, Some(task));
    }
    let words = ["live_trading_launcher", "rearm", "--reason", "looked at it"].map(OsString::from);
    assert_eq!(parse(words).expect("rearm").task, Some(Task::Rearm { reason: "looked at it".into() }));
}

#[test]
fn a_wrong_argument_is_named_with_its_value_and_the_remedy_and_leaves_with_2() {
    for (words, parts) in [
        ("--duration abc", ["--duration", "'abc'", "whole or fractional seconds above 0"]),
        ("--duration 0", ["--duration", "'0'", "above 0"]),
        ("--duration -5", ["--duration", "'-5'", "above 0"]),
        ("--duration inf", ["--duration", "'inf'", "above 0"]),
        ("--restart-delay 0", ["--restart-delay", "'0'", "above 0"]),
        ("--max-restarts many", ["--max-restarts", "'many'", "from 0 to"]),
        ("--symbols BTCUSDT", ["--symbols", "`BTCUSDT`", "write it like `BTC/USDT:USDT`"]),
        ("--symbols BTC/USDT,", ["--symbols", "``", "write it like `BTC/USDT:USDT`"]),
        ("--feed nowhere", ["--feed", "'nowhere'", "file:PATH"]),
        ("--speed 0", ["--speed", "'0'", "`max`"]),
        ("--speed fast", ["--speed", "'fast'", "`max`"]),
        ("--timerange yesterday", ["--timerange", "'yesterday'", "20241001-20241105"]),
        ("--seed -1", ["--seed", "'-1'", ""]),
        ("--speed -2", ["--speed", "'-2'", "`max`"]),
        ("--seed 99999999999999999999", ["--seed", "99999999999999999999", ""]),
        ("--log-format xml", ["--log-format", "'xml'", "pretty, json, journald"]),
        ("--duraton 5", ["--duraton", "similar argument exists", "--duration"]),
        ("--live --paper", ["--live", "cannot be used with", "--paper"]),
        ("stats", ["stats", "status", ""]),
        ("backtest", ["backtest", "", ""]),
        ("backtest --feed synthetic --split 2", ["--split", "'2'", "write `1%`"]),
        ("backtest --feed synthetic --split 2%", ["--split", "'2%'", "from 5% to 95%"]),
        ("backtest --feed synthetic --no-checks --split 50%", ["--no-checks", "cannot be used with", "--split"]),
        ("trades --last 0", ["--last", "'0'", "1.."]),
        ("trades --format xml", ["--format", "'xml'", "table, csv, json"]),
        ("rearm", ["--reason", "required", ""]),
        ("rearm --reason=", ["--reason", "why it is safe again", ""]),
        ("replay", ["SESSION", "required", ""]),
        ("config", ["show", "check", "schema"]),
    ] {
        let error = line(words).expect_err(words);
        assert_eq!(error.exit_code(), 2, "{words}");
        let text = error.to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{words}\n{text}\n{part}"));
    }
}

#[test]
fn help_teaches_and_names_nothing_that_is_not_there() {
    let error = line("--help").expect_err("help");
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::DisplayHelp, 0));
    let text = error.to_string();
    for part in
        ["--paper --duration 60", "HEALTH_CHECK_INTERVAL=10", "--timerange", "rearm", "Exit codes", "LTL__SECTION__KEY"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("reload"), "a command that is not built");
    assert_eq!(line("--version").expect_err("version").exit_code(), 0);
}

#[test]
fn every_shell_gets_its_script() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        let script = completions(shell);
        assert!(script.contains("timerange") && script.contains("rearm"), "{shell}");
    }
}

#[test]
fn the_state_directory_is_the_flags_systemds_or_the_users() {
    let find = |flag: Option<&str>, variables: &[(&str, &str)]| {
        state_dir(flag.map(PathBuf::from), &Environment::from_pairs(variables.iter().copied()))
            .map_err(|e| e.to_string())
    };
    let all = [("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), ("XDG_STATE_HOME", "/x"), ("HOME", "/home/u")];
    assert_eq!(find(Some("here"), &all).as_deref(), Ok(Path::new("here")));
    assert_eq!(find(None, &all).as_deref(), Ok(Path::new("/var/lib/a")));
    assert_eq!(find(None, &all[1..]).as_deref(), Ok(Path::new("/x/live_trading_launcher")));
    let home = Path::new("/home/u/.local/state/live_trading_launcher");
    assert_eq!(find(None, &all[2..]).as_deref(), Ok(home));
    assert_eq!(find(None, &[("XDG_STATE_HOME", "relative"), all[2]]).as_deref(), Ok(home));
    assert!(find(None, &[]).expect_err("nowhere").starts_with("--state-dir"));
}

fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

fn trade() -> TradeRecord {
    TradeRecord {
        id: 1,
        session: 1,
        symbol: "BTC/USDT".parse().expect("a symbol"),
        side: Side::Buy,
        strategy: "ema_cross".into(),
        entry_id: "lpapra10000100000a0e00".parse().expect("an id"),
        qty: "0.01".parse::<Qty>().expect("a quantity"),
        entry_price: price("61800.2"),
        exit_price: price("62000"),
        opened_at: Timestamp::from_secs(1_730_000_000),
        closed_at: Timestamp::from_secs(1_730_005_400),
        realised: "1.998".parse().expect("money"),
        fees: "0.619".parse().expect("money"),
        funding: Usdt::ZERO,
        net: "1.379".parse().expect("money"),
        exit: ExitReason::TakeProfit,
        path_dependent: false,
    }
}

#[test]
fn trades_are_a_table_csv_or_json() {
    let loss = TradeRecord { id: 2, side: Side::Sell, net: "-2.001".parse().expect("money"), ..trade() };
    let trades = [trade(), loss];
    let table = trades_text(&trades, TradesFormat::Table).expect("a table");
    for part in [
        "BTC/USDT:USDT",
        "long",
        "short",
        "2024-10-27 05:03",
        "1h30m",
        "take_profit",
        "1.37",
        "-2.01",
        "2 trades, 1 of them won, net -0.63 USDT",
    ] {
        assert!(table.contains(part), "{part}\n{table}");
    }
    let csv = trades_text(&trades, TradesFormat::Csv).expect("CSV");
    assert!(
        csv.starts_with("id,session,symbol,side,strategy,qty,entry_price,exit_price,opened_at,closed_at,"),
        "{csv}"
    );
    assert!(csv.contains("1,1,BTC/USDT:USDT,long,ema_cross,0.01,61800.2,62000,2024-10-27T03:33:20.000Z,"), "{csv}");
    let json: serde_json::Value =
        serde_json::from_str(&trades_text(&trades, TradesFormat::Json).expect("JSON")).expect("JSON");
    assert_eq!((json[1]["side"].as_str(), json[1]["net"].as_str()), (Some("short"), Some("-2.001")));
    assert_eq!(trades_text(&[], TradesFormat::Table).expect("a table"), "No trades yet.\n");
    assert_eq!(trades_text(&[], TradesFormat::Json).expect("JSON"), "[]\n");
}

#[test]
fn a_status_is_one_screen() {
    let position = PositionView {
        symbol: "BTC/USDT".parse().expect("a symbol"),
        side: Side::Sell,
        qty: "0.01".parse().expect("a quantity"),
        entry_price: price("61800.2"),
        mark_price: price("61700"),
        unrealised: "1.002".parse().expect("money"),
        stop: Some(price("62100")),
        take_profit: None,
        strategy: "short_the_rip".into(),
        opened_at: Timestamp::EPOCH,
        unprotected_since: None,
    };
    let view = View {
        state: TradingState::Paused,
        state_reason: "by hand".into(),
        waiting_for: vec!["history of BTC".into()],
        equity: Usdt::whole(10_000),
        positions: vec![position],
        shadow: Some(ShadowTally {
            compared: 12,
            notional: Usdt::whole(10_000),
            price_cost: "2.5".parse().expect("money"),
            fee_cost: "-0.4".parse().expect("money"),
            delay_us: 1_500_000,
            ..ShadowTally::default()
        }),
        ..View::default()
    };
    let page = Status {
        version: "1.2.3".into(),
        pid: 99,
        uptime: Span::secs(3_725),
        mode: "paper".into(),
        venue: "paper".into(),
        feed: "synthetic".into(),
        health: HealthLine { reasons: vec!["disk is full".into()], ..HealthLine::default() },
        view,
    };
    let text = status_text(&page);
    for part in [
        "pid 99, up 62m",
        "paused (by hand)",
        "healthy (disk is full)",
        "waiting  history of BTC",
        "equity 10000.00",
        "12 orders filled there as well: prices cost 2.50 more here (0.025%), fees -0.40, 125 ms later on average",
        "short",
        "62100",
        "none",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(status_text(&Status { view: View::default(), ..page }).contains("no open positions"));
}

#[test]
fn a_doctors_findings_make_a_table_and_an_exit_code() {
    let finding = |verdict| Finding { subject: "disk".into(), verdict, detail: "2 GiB free".into() };
    let all = [Verdict::Good, Verdict::Doubtful, Verdict::Unknown].map(finding);
    assert_eq!(doctor_exit(&all), Exit::Clean);
    assert!(doctor_table(&all).ends_with("It will run; 1 to look at.\n"));
    assert!(doctor_table(&all[..1]).ends_with("All is well.\n"));
    let bad = [Verdict::Bad(Exit::TryLater), Verdict::Good, Verdict::Bad(Exit::Configuration)].map(finding);
    assert_eq!(doctor_exit(&bad), Exit::Configuration);
    assert!(doctor_table(&bad).contains("It will not run: 2 to mend"));
}
