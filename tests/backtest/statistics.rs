//! Our figures equal those of other people's libraries on the same curves and trades. `tests/data/statistics/generate.py`
//! wrote both the data and the figures.

use std::path::PathBuf;

use live_trading_launcher::portfolio::statistics::{self, Point, Statistics};
use live_trading_launcher::protocol::{ExitReason, TradeRow};
use live_trading_launcher::types::{InstrumentId, Price, Qty, Side, Span, Timestamp, Usdt};
use serde_json::Value;

/// Largest difference allowed, relative to the value.
const TOLERANCE: f64 = 1e-9;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/statistics").join(name)
}

fn curve(name: &str) -> Vec<Point> {
    let mut file = csv::Reader::from_path(path(name)).expect("the data is in the project");
    let rows = file.deserialize::<(i64, Usdt)>().map(|row| row.expect("a row"));
    rows.map(|(second, equity)| Point { at: Timestamp::from_secs(second), equity }).collect()
}

fn trades() -> Vec<TradeRow> {
    let mut file = csv::Reader::from_path(path("trades.csv")).expect("the data is in the project");
    let rows = file.deserialize::<(Usdt,)>().map(|row| row.expect("a row").0);
    let trade = |net| TradeRow {
        instrument: InstrumentId(0),
        side: Side::Buy,
        strategy: "any".into(),
        entry_id: "a".parse().expect("an id"),
        qty: Qty::ONE,
        entry_price: Price::ONE,
        exit_price: Price::ONE,
        opened_at: Timestamp::EPOCH,
        closed_at: Timestamp::EPOCH,
        realised: net,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
        exit: ExitReason::Signal,
        path_dependent: false,
    };
    rows.map(trade).collect()
}

fn figures(of: &str) -> Value {
    let text = std::fs::read_to_string(path("figures.json")).expect("the data is in the project");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    all[of].clone()
}

#[track_caller]
fn same(figures: &Value, name: &str, ours: Option<f64>) {
    let (theirs, ours) = (figures[name].as_f64().expect("a figure of theirs"), ours.expect("a figure of ours"));
    assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs(), "{name}: {ours} is not {theirs}");
}

fn compare(figures: &Value, of: &Statistics, curve: &[Point]) {
    assert_eq!(figures["days"], statistics::daily_returns(curve).len());
    same(figures, "total_return", of.total_return);
    same(figures, "annual_return", of.annual_return);
    for name in ["sharpe", "sharpe_quantstats"] {
        same(figures, name, of.sharpe);
    }
    for name in ["sortino", "sortino_quantstats"] {
        same(figures, name, of.sortino);
    }
    for name in ["max_drawdown", "max_drawdown_quantstats"] {
        same(figures, name, of.drawdown.map(|fall| fall.ratio));
    }
}

#[test]
fn figures_of_a_curve_of_days_equal_those_of_empyrical_and_quantstats() {
    let (curve, figures) = (curve("days.csv"), figures("days"));
    let of = statistics::statistics(&curve, &[]);
    compare(&figures, &of, &curve);
    same(&figures, "calmar", of.calmar);
    let fall = of.drawdown.expect("it fell");
    let day = |at: Timestamp| at.to_string()[..10].to_owned();
    assert_eq!(figures["drawdown_first_day_below"], day(fall.peak_at), "the day that begins at the peak");
    assert_eq!(figures["drawdown_lowest_day"], day(fall.trough_at - Span::DAY), "the day that ends at the trough");
    let recovered = fall.recovered_at.expect("it was recovered");
    assert_eq!(figures["drawdown_last_day_below"], day(recovered - Span::DAY * 2), "the day before it was recovered");
    assert_eq!(fall.length, recovered - fall.peak_at);
}

#[test]
fn figures_of_a_curve_of_minutes_equal_those_of_empyrical_and_quantstats() {
    let (curve, figures) = (curve("minutes.csv"), figures("minutes"));
    compare(&figures, &statistics::statistics(&curve, &[]), &curve);
}

#[test]
fn figures_of_trades_equal_those_of_quantstats_and_scipy() {
    let (trades, figures) = (trades(), figures("trades"));
    let of = statistics::statistics(&[], &trades);
    assert_eq!(of.trades, 321);
    same(&figures, "win_rate", of.win_rate);
    same(&figures, "profit_factor", of.profit_factor);
    same(&figures, "expectancy", of.expectancy);
    same(&figures, "sqn", of.sqn);
}
