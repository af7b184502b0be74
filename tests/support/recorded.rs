//! A recorded market: weeks of the embedded one, written as the CSV files that exchanges publish.

use std::fmt::Write;
use std::path::Path;

use live_trading_launcher::config::Settings;
use live_trading_launcher::feed;
use live_trading_launcher::types::Span;

/// The most that the embedded market hands over at once.
const WEEK: i64 = 7;
/// Days before the first that is traded, for the warm-up.
const DAYS_BEFORE: i64 = 1;

/// Writes a folder with `days` days to trade, and a day before them. Gives the time range to trade.
pub fn write(folder: &Path, days: i64, seed: u64) -> String {
    let settings = Settings::default();
    let mut market = feed::open(&settings.feed, "synthetic", &settings.run.symbols, None, seed).expect("the market");
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let first = market.start_at();
    let end = first + Span::DAY * (DAYS_BEFORE + days);
    let ids: Vec<_> = market.instruments().ids().collect();
    for id in ids {
        let mut text = String::from("timestamp,open,high,low,close,volume\n");
        let mut from = first;
        while from < end {
            let until = end.min(from + Span::DAY * WEEK);
            for bar in market.backfill(id, from, until).expect("the embedded market answers") {
                let opened = bar.open_time.to_string();
                let at = format!("{} {}", &opened[..10], &opened[11..19]);
                writeln!(text, "{at},{},{},{},{},{}", bar.open, bar.high, bar.low, bar.close, bar.volume)
                    .expect("a text takes it");
            }
            from = until;
        }
        let name = format!("{}-1m-futures.csv", market.instruments().symbol(id).file_stem());
        std::fs::write(folder.join(name), text).expect("the folder can be written");
    }
    let day = |days: i64| (first + Span::DAY * days).to_string()[..10].replace('-', "");
    format!("{}-{}", day(DAYS_BEFORE), day(DAYS_BEFORE + days))
}
