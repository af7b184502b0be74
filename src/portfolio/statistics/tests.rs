//! Every figure against a value worked out by hand.

use super::*;
use crate::protocol::ExitReason;
use crate::types::{InstrumentId, Price, Qty, Side};

fn curve(days: &[i64]) -> Vec<Point> {
    let at = |day: usize| Timestamp::EPOCH + Span::DAY * day as i64;
    days.iter().enumerate().map(|(day, equity)| Point { at: at(day), equity: Usdt::whole(*equity) }).collect()
}

fn trade(net: i64, opened: i64, closed: i64) -> TradeRow {
    TradeRow {
        instrument: InstrumentId(0),
        side: Side::Buy,
        strategy: "s".into(),
        entry_id: "a".parse().unwrap(),
        qty: Qty::whole(2),
        entry_price: Price::whole(100),
        exit_price: Price::whole(110),
        opened_at: Timestamp::EPOCH + Span::HOUR * opened,
        closed_at: Timestamp::EPOCH + Span::HOUR * closed,
        realised: Usdt::whole(net + 3),
        fees: Usdt::whole(2),
        funding: Usdt::whole(-1),
        exit: ExitReason::Signal,
        path_dependent: false,
    }
}

#[track_caller]
fn close(given: Option<f64>, expect: f64) {
    let given = given.expect("a figure");
    assert!((given - expect).abs() < 1e-9 * expect.abs().max(1.0), "{given} is not {expect}");
}

#[test]
fn returns() {
    let curve = curve(&[100, 110, 99, 121]);
    close(total_return(&curve), 0.21);
    // 1.21^(365/3) − 1
    close(annual_return(&curve), 1.21_f64.powf(365.0 / 3.0) - 1.0);
    let daily = daily_returns(&curve);
    let expect = [0.1, -0.1, 22.0 / 99.0];
    assert!(daily.len() == 3 && daily.iter().zip(expect).all(|(a, b)| (a - b).abs() < 1e-12), "{daily:?}");
}

#[test]
fn days_without_a_point_have_no_return() {
    let points = [(0, 100), (3, 110), (3, 121)]
        .map(|(day, equity)| Point { at: Timestamp::EPOCH + Span::DAY * day, equity: Usdt::whole(equity) });
    let daily = daily_returns(&points);
    assert!(daily.len() == 3 && daily[..2] == [0.0; 2] && (daily[2] - 0.21).abs() < 1e-12, "{daily:?}");
    // A minute after midnight belongs to the next day, and a single point is no day.
    let late = Point { at: points[1].at + Span::MINUTE, equity: Usdt::whole(121) };
    assert_eq!(daily_returns(&[points[0], points[1], late]).len(), 4);
    assert!(daily_returns(&points[..1]).is_empty());
}

#[test]
fn ratios_of_a_year() {
    // Mean 0.01; squares from it 0.0001 + 0.0009 + 0.0004 = 0.0014, by two: √0.0007.
    let daily = [0.02, -0.02, 0.03];
    close(sharpe(&daily), 0.01 / 0.0007_f64.sqrt() * 365.0_f64.sqrt());
    // One negative return of −0.02: √(0.0004 ÷ 3).
    close(sortino(&daily), 0.01 / (0.0004_f64 / 3.0).sqrt() * 365.0_f64.sqrt());
    assert_eq!((sharpe(&[0.01]), sortino(&[-0.01])), (None, None), "one day has no deviation");
    assert_eq!(sortino(&[0.01, 0.02]), None, "there is no downside");
}

#[test]
fn drawdown_and_its_length() {
    let curve = curve(&[100, 120, 90, 110, 119, 120, 130, 117]);
    let worst = max_drawdown(&curve).expect("it fell");
    assert!((worst.ratio - 0.25).abs() < 1e-12);
    assert_eq!(worst.amount, Usdt::whole(30));
    assert_eq!((worst.peak_at.day(), worst.trough_at.day()), (1, 2));
    assert_eq!(worst.recovered_at.map(Timestamp::day), Some(5));
    assert_eq!(worst.length, Span::DAY * 4);
    assert_eq!(longest_under_water(&curve), Span::DAY * 4);
    close(calmar(&curve), (1.17_f64.powf(365.0 / 7.0) - 1.0) / 0.25);
}

#[test]
fn a_drawdown_that_is_not_over_lasts_to_the_end() {
    let curve = curve(&[100, 80, 90]);
    let worst = max_drawdown(&curve).expect("it fell");
    assert_eq!((worst.recovered_at, worst.length), (None, Span::DAY * 2));
    assert_eq!(longest_under_water(&curve), Span::DAY * 2);
}

#[test]
fn figures_of_round_trips() {
    let trades = [trade(30, 0, 6), trade(-10, 3, 9), trade(-5, 20, 21), trade(25, 30, 60)];
    close(win_rate(&trades), 0.5);
    close(profit_factor(&trades), 55.0 / 15.0);
    close(expectancy(&trades), 10.0);
    // Squares from 10: 400 + 400 + 225 + 225 = 1250, by three.
    close(sqn(&trades), 2.0 * 10.0 / (1250.0_f64 / 3.0).sqrt());
    // Open during 0–9, 20–21 and 30–48 of the 48 hours: 28.
    let curve = curve(&[100, 100, 100]);
    close(exposure(&curve, &trades, &[]), 28.0 / 48.0);
    // One that was opened after 42 hours, and stays open, adds six of them to ten.
    close(exposure(&curve, &trades[..3], &[Timestamp::EPOCH + Span::HOUR * 42]), 16.0 / 48.0);
    close(turnover(&curve, Usdt::whole(1_680)), 16.8);
}

#[test]
fn nothing_gives_no_figures() {
    let alone = |curve: &[Point]| statistics(curve, &[]);
    assert_eq!(alone(&[]), Statistics::default());
    let flat = alone(&curve(&[100, 100, 100]));
    assert_eq!((flat.total_return, flat.sharpe, flat.calmar, flat.drawdown), (Some(0.0), None, None, None));
    assert_eq!((flat.exposure, flat.turnover, flat.win_rate), (Some(0.0), Some(0.0), None));
    let ruined = alone(&curve(&[100, 0, -5]));
    assert_eq!((ruined.annual_return, ruined.drawdown.map(|fall| fall.ratio > 1.0)), (None, Some(true)));
    assert_eq!(alone(&curve(&[0, 0])).total_return, None);
}

#[test]
fn every_figure_is_defined() {
    let json = serde_json::to_value(statistics(&curve(&[100, 90]), &[])).expect("figures are plain");
    let mut written: Vec<String> = json.as_object().expect("an object").keys().cloned().collect();
    // Two figures of a report are sums of the books, and no statistics.
    written.extend(["fees", "funding"].map(str::to_owned));
    assert_eq!(written, FIGURES.map(|figure| figure.key.to_owned()));
}

#[test]
fn other_orders_of_the_same_trades_fall_further_or_less_far() {
    let trades = [trade(-10, 0, 1), trade(10, 1, 2), trade(-10, 2, 3), trade(10, 3, 4)];
    let drawn = reshuffle(Usdt::whole(100), &trades, 6_000, 7).expect("four trades");
    assert_eq!(drawn, reshuffle(Usdt::whole(100), &trades, 6_000, 7).expect("the same orders"));
    assert!((drawn.actual - 0.1).abs() < 1e-12 && (drawn.worst - 0.2).abs() < 1e-12, "{drawn:?}");
    assert!(drawn.median <= drawn.p95 && drawn.p95 <= drawn.p99 && drawn.p99 <= drawn.worst, "{drawn:?}");
    // Of the six orders, gain loss gain loss alone falls less far: 10 of 110.
    assert!((drawn.at_least_actual - 5.0 / 6.0).abs() < 0.02, "{drawn:?}");
    assert_eq!(reshuffle(Usdt::whole(100), &trades[..1], 100, 7), None, "one trade has one order");
    assert_eq!(reshuffle(Usdt::ZERO, &trades, 100, 7), None);
}
