//! Commands that speak to a venue: the shipped binary against the shipped exchange.

use crate::bench::Bench;
use crate::support::Daemon;

const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const SECRET: &str = "ssssssssssssssssssssssssssssssssssssssss";

/// A served exchange, and the variables that lead there.
struct Venue {
    _server: Daemon,
    address: String,
}

impl Venue {
    fn start(bench: &Bench) -> Venue {
        let account = format!("{KEY}:{SECRET}:20000");
        let mut server = bench.start(&[], &["exchange", "--port", "0", "--control", "--account", &account]);
        let line = server.hear("http://");
        let address = line.split("http://").nth(1).expect("an address").trim().to_owned();
        Venue { _server: server, address }
    }

    fn variables(&self) -> Vec<(String, String)> {
        let rest = format!("http://{}", self.address);
        [
            ("LTL__VENUE__BINANCE__REST_URL", rest.clone()),
            ("LTL__VENUE__BINANCE__ACCOUNT_URL", rest),
            ("LTL__VENUE__BINANCE__STREAM_URL", format!("ws://{}", self.address)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

fn run(bench: &Bench, venue: &Venue, keys: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let variables = venue.variables();
    let mut all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend(keys);
    let ended = bench.run(&all, arguments);
    (ended.code, ended.text)
}

/// Neither half of the key is in anything that a command prints, nor in a file that it leaves; however the key came, and
/// however the command ends.
#[test]
fn no_command_shows_a_secret() {
    let bench = Bench::new();
    let venue = Venue::start(&bench);
    let (key_file, secret_file) = (bench.file("key", KEY), bench.file("secret", &format!("{SECRET}\n")));
    let by_name = [("BINANCE_KEY", KEY), ("BINANCE_SECRET", SECRET)];
    let by_file = [("BINANCE_KEY_FILE", key_file.as_str()), ("BINANCE_SECRET_FILE", secret_file.as_str())];
    let wrong = [("BINANCE_KEY", KEY), ("BINANCE_SECRET", "wwwwwwwwwwwwwwwwwwww")];
    let nowhere = [("LTL__VENUE__BINANCE__REST_URL", "http://127.0.0.1:9"), by_name[0], by_name[1]];
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], i32);
    let table: &[Row] = &[
        (&by_name, &["doctor"], 0),
        (&by_file, &["doctor"], 0),
        (&wrong, &["doctor"], 77),
        (&nowhere, &["doctor"], 75),
        (&by_name, &["flatten", "--patience", "20"], 0),
        (&by_file, &["flatten", "--patience", "20"], 0),
        (&wrong, &["flatten", "--patience", "20"], 77),
        (&nowhere, &["flatten", "--patience", "1"], 75),
        (&by_name, &["config", "show"], 0),
        (&by_name[..1], &["flatten"], 78),
        (&[], &["flatten"], 77),
    ];
    for (keys, arguments, code) in table {
        let (ended, text) = run(&bench, &venue, keys, arguments);
        assert_eq!(ended, Some(*code), "{arguments:?}: {text}");
        for secret in [KEY, SECRET, "wwwwwwwwwwwwwwwwwwww", "signature"] {
            assert!(!text.contains(secret), "{arguments:?}: {text}");
        }
    }
    for file in std::fs::read_dir(bench.state()).into_iter().flatten().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let holds = |secret: &str| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!holds(KEY) && !holds(SECRET), "{}", file.path().display());
    }
}

#[test]
fn doctor_looks_at_the_venue() {
    let bench = Bench::new();
    let venue = Venue::start(&bench);
    let keys = [("BINANCE_KEY", KEY), ("BINANCE_SECRET", SECRET)];
    let (code, text) = run(&bench, &venue, &keys, &["doctor"]);
    assert_eq!(code, Some(0), "{text}");
    for what in ["venue's clock", "account", "one-way", "single-asset", "20000 USDT", "smallest order", "funding"] {
        assert!(text.contains(what), "`{what}` is missing:\n{text}");
    }
    let small = [keys[0], keys[1], ("LTL__RISK__POSITION_NOTIONAL", "0.01%")];
    let (code, text) = run(&bench, &venue, &small, &["doctor"]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("raise risk.position_notional"), "{text}");
    let (code, text) = run(
        &bench,
        &venue,
        &keys,
        &["doctor", "--config", &bench.file("c.toml", "[run]\nsymbols = [\"NOPE/USDT\"]\n")],
    );
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("NOPE/USDT:USDT is not a perpetual"), "{text}");
}

#[test]
fn a_download_goes_on_where_it_ended() {
    let bench = Bench::new();
    let venue = Venue::start(&bench);
    let asked = ["download", "--symbols", "BTC/USDT", "--timeframe", "1h"];
    let (code, text) = run(&bench, &venue, &[], &asked);
    assert_eq!(code, Some(0), "{text}");
    let path = bench.folder().join("data/binance/futures/BTC_USDT_USDT-1h-futures.csv");
    let whole = std::fs::read_to_string(&path).expect("the file");
    let lines: Vec<_> = whole.lines().collect();
    assert!(lines.len() > 10 && lines[0] == "date,open,high,low,close,volume", "{whole}");
    for other in ["1h-mark", "1h-funding_rate"] {
        assert!(path.with_file_name(format!("BTC_USDT_USDT-{other}.csv")).exists(), "{other}");
    }
    // Half of it is lost; what comes back is the same.
    let part = [&lines[..3], &lines[6..]].concat().join("\n") + "\n";
    std::fs::write(&path, part).expect("the file");
    let (code, text) = run(&bench, &venue, &[], &asked);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 of them new"), "{text}");
    let again = std::fs::read_to_string(&path).expect("the file");
    assert!(again.starts_with(whole.trim_end()), "the bars that were lost are those that came");
}
