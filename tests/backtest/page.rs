//! The page of a report in a browser without a network: no error, nothing asked of anyone, every chart drawn, and nothing
//! wider than the screen.

use std::path::{Path, PathBuf};

use live_trading_launcher::backtest::{self, Books, Candles, Outcome, Performance, Report, Subject};
use live_trading_launcher::feed::instruments;
use live_trading_launcher::portfolio::statistics::Point;
use live_trading_launcher::protocol::{Bar, ExitReason, MarketData, MarketEvent, TradeRow, View};
use live_trading_launcher::types::{InstrumentId, Instruments, Price, Qty, Side, Symbol, Timestamp, Usdt};

use crate::browser::Browser;

const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--{{script}}";
/// 2024-10-01.
const START: i64 = 1_727_740_800;
const BARS: i64 = 50_000;
const TRADES: i64 = 5_000;

fn instruments() -> Instruments {
    let symbols: Vec<Symbol> = ["BTC/USDT", "ETH/USDT", "SOL/USDT"].map(|text| text.parse().expect("a symbol")).into();
    instruments::load(None, &symbols).expect("embedded instruments")
}

/// A price that goes up and down, in cents.
fn price(minute: i64) -> Price {
    let swing = ((minute as f64 / 700.0).sin() * 5_000.0 + (minute as f64 / 31.0).cos() * 700.0) as i64;
    Price::new(6_000_000 + swing, 2)
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(START + minute * 60)
}

fn trade(number: i64) -> TradeRow {
    let (opened, closed) = (number * BARS / TRADES, number * BARS / TRADES + 7);
    let (entry_price, exit_price) = (price(opened), price(closed));
    TradeRow {
        instrument: InstrumentId((number % 3) as u16),
        side: if number % 2 == 0 { Side::Buy } else { Side::Sell },
        strategy: if number % 5 == 0 { HOSTILE.into() } else { "plain".into() },
        entry_id: "a".parse().expect("an id"),
        qty: Qty::new(1, 1),
        entry_price,
        exit_price,
        opened_at: at(opened),
        closed_at: at(closed),
        realised: (exit_price - entry_price).notional(Qty::new(1, 1)),
        fees: Usdt::new(1, 3),
        funding: Usdt::ZERO,
        exit: ExitReason::ALL[(number % 7) as usize],
        path_dependent: number % 11 == 0,
    }
}

/// A page of many bars and trades, or of none, in a folder.
fn written(folder: &Path, bars: i64, trades: i64) -> PathBuf {
    let instruments = instruments();
    let mut books = Books::default();
    books.trades = (0..trades).map(trade).collect();
    books.equity = (0..bars.max(1))
        .map(|n| Point { at: at(n), equity: Usdt::whole(10_000) + (price(n) - price(0)).notional(Qty::ONE) })
        .collect();
    books.rejected.insert((HOSTILE.into(), HOSTILE.into()), 3);
    let mut candles = Candles::new(&instruments);
    for n in 0..bars {
        for id in instruments.ids() {
            let (open, close) = (price(n), price(n + 1));
            let bar =
                Bar { open_time: at(n), open, high: open.max(close), low: open.min(close), close, volume: Qty::ONE };
            candles.hear(&MarketEvent { instrument: id, data: MarketData::Bar(bar) });
        }
    }
    let mut view = View { equity: Usdt::whole(10_000), ..View::default() };
    view.exits = ExitReason::ALL.map(|why| (why, trades as u64 / 7)).into();
    let outcome = Outcome {
        started_at: at(0),
        ended_at: at(bars),
        records: bars as u64,
        events: bars as u64,
        view,
        books,
        left: Some(HOSTILE.to_owned()),
    };
    let subject = Subject {
        kind: "backtest",
        feed: HOSTILE.to_owned(),
        instruments,
        strategies: vec![HOSTILE.to_owned(), "plain".to_owned()],
        assumptions: Vec::new(),
        capital: Usdt::whole(10_000),
    };
    let performance = Performance {
        events: 1,
        records: 1,
        events_per_second: 1.0,
        load_seconds: 0.0,
        run_seconds: 1.0,
        peak_rss_bytes: None,
    };
    let report = Report::new(subject, &outcome, None, performance);
    let path = folder.join("page.html");
    std::fs::write(&path, backtest::page(&report, &outcome, candles).expect("a page")).expect("a file");
    path
}

/// For each chart: its name, and what was drawn of it: pixels in each of its colours, or cells and bars.
const CHARTS: &str =
    "new Promise(done => setTimeout(() => done([...document.querySelectorAll('[data-chart]')].map(chart => {
    const names = { curves: ['gain', 'loss'], candles: ['rise', 'fall', 'gain', 'loss'] }[chart.dataset.chart];
    if (!names) return [chart.dataset.chart, [chart.querySelectorAll('td, .fill').length]];
    const wanted = names.map((name) => parseInt(colour(name).slice(1), 16));
    const counts = names.map(() => 0);
    for (const canvas of chart.querySelectorAll('canvas')) {
        if (!canvas.width || !canvas.height) continue;
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        for (let n = 0; n < pixels.length; n += 4) {
            const place = wanted.indexOf(pixels[n] * 65536 + pixels[n + 1] * 256 + pixels[n + 2]);
            if (place >= 0 && pixels[n + 3] === 255) counts[place] += 1;
        }
    }
    return [chart.dataset.chart, counts];
})), 1500))";

fn look(browser: &mut Browser, page: &Path, width: u32, scheme: &str) -> Vec<(String, Vec<u64>)> {
    browser.open(page, width, scheme);
    let charts = browser.evaluate(CHARTS);
    let charts: Vec<(String, Vec<u64>)> = serde_json::from_value(charts).expect("names and numbers");
    assert_eq!(browser.complaints(), [] as [String; 0], "at {width}");
    let address = format!("file://{}", page.display());
    let others: Vec<&String> = browser.requests().iter().filter(|url| **url != address && *url != "data:,").collect();
    assert!(others.is_empty(), "{others:?}");
    let widest = browser.evaluate("document.documentElement.scrollWidth").as_u64().expect("a number");
    assert!(widest <= u64::from(width), "the page is {widest} wide on a screen of {width}");
    println!("{width} {scheme}: {charts:?}");
    charts
}

#[test]
fn a_large_report_is_drawn_on_wide_and_narrow_screens() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let page = written(folder.path(), BARS, TRADES);
    let length = std::fs::metadata(&page).expect("the page").len();
    assert!(length < 8 << 20, "{length} bytes");
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")] {
        let charts = look(&mut browser, &page, width, scheme);
        let names: Vec<&str> = charts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["curves", "candles", "months", "exits", "rejections"]);
        for (name, drawn) in &charts {
            let least = if ["curves", "candles"].contains(&name.as_str()) { 100 } else { 1 };
            assert!(drawn.iter().all(|one| *one >= least), "{name}: {drawn:?} at {width} in the {scheme}");
        }
    }
    let title = browser.evaluate("document.querySelector('h1').textContent");
    assert_eq!(title, format!("Backtest: {HOSTILE}, plain"), "what came from outside is text");
    // A click on a trade shows it in the chart of its symbol.
    browser.evaluate("document.querySelectorAll('tbody tr.link')[1].click()");
    assert_eq!(browser.evaluate("document.querySelector('[data-chart=candles]').dataset.symbol"), "ETH/USDT:USDT");
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn a_report_of_nothing_is_drawn_as_well() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let page = written(folder.path(), 0, 0);
    let charts = look(&mut browser, &page, 400, "light");
    assert!(charts.iter().any(|(name, _)| name == "exits"), "{charts:?}");
}
