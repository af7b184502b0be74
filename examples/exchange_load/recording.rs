//! The market that the server is fed with: a raw recording of three symbols whose events come at an even pace, so that
//! no two of them can be told in one writing unless the server is late.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The symbols, in lower case, and about where each trades.
pub const SYMBOLS: [(&str, f64); 3] = [("btcusdt", 60_000.0), ("ethusdt", 3_000.0), ("solusdt", 150.0)];
/// One event in so many of a symbol is a trade, the others are quotes: about what Binance's streams have.
const QUOTES_TO_A_TRADE: u64 = 4;
/// The recording's first instant: near the beginning of a minute, which the server shifts to the minute at hand.
const FIRST_MS: u64 = 1_750_000_021_000;
/// Seconds beyond the two parts: the minute that the start falls into, connecting, and the end.
const SPARE_SECONDS: u64 = 150;

/// Writes a file for each symbol into the folder.
pub fn write(folder: &Path, events: u32, seconds: u32) -> Result<(), String> {
    let folder = folder.join("recording");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let total = u64::from(events) * (2 * u64::from(seconds) + SPARE_SECONDS);
    for (index, (symbol, price)) in SYMBOLS.iter().enumerate() {
        let path = folder.join(format!("{symbol}_load.gz"));
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let file = BufWriter::new(File::create(&path).map_err(failed)?);
        let mut out = GzEncoder::new(file, Compression::fast());
        let mine = (0..total).filter(|event| *event % SYMBOLS.len() as u64 == index as u64);
        for (number, event) in (1_u64..).zip(mine) {
            let at = FIRST_MS + event * 1_000 / u64::from(events);
            line(&mut out, symbol, *price, number, at).map_err(failed)?;
        }
        out.finish().and_then(|mut file| file.flush()).map_err(failed)?;
    }
    Ok(())
}

fn line(out: &mut impl Write, symbol: &str, price: f64, number: u64, at: u64) -> std::io::Result<()> {
    let upper = symbol.to_uppercase();
    // A slow wave of half a percent, on ticks that every symbol has.
    let middle = (price * (1.0 + 0.005 * (number as f64 / 5_000.0).sin()) * 10.0).round() / 10.0;
    let (bid, ask, qty) = (middle - 0.1, middle + 0.1, 1 + number % 50);
    if number.is_multiple_of(QUOTES_TO_A_TRADE) {
        let buyer_made = number.is_multiple_of(2 * QUOTES_TO_A_TRADE);
        let price = if buyer_made { bid } else { ask };
        writeln!(
            out,
            r#"{at}000000 {{"stream":"{symbol}@trade","data":{{"e":"trade","E":{at},"T":{at},"s":"{upper}","t":{number},"p":"{price:.1}","q":"{qty}","X":"MARKET","m":{buyer_made}}}}}"#
        )
    } else {
        writeln!(
            out,
            r#"{at}000000 {{"stream":"{symbol}@bookTicker","data":{{"e":"bookTicker","u":{number},"E":{at},"T":{at},"s":"{upper}","b":"{bid:.1}","B":"{qty}","a":"{ask:.1}","A":"{qty}"}}}}"#
        )
    }
}
