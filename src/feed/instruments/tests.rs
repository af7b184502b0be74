use super::*;

fn symbols(texts: &[&str]) -> Vec<Symbol> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_embedded_table_is_sound_and_in_the_order_asked_for() {
    let known = parse_json(EMBEDDED_NAME, EMBEDDED).unwrap().instruments;
    let all: Vec<Symbol> = known.iter().rev().map(|row| row.symbol.clone()).collect();
    let table = load(None, &all).unwrap();
    assert_eq!(table.iter().map(|(_, one)| one.symbol.clone()).collect::<Vec<_>>(), all);

    let btc = table.get(table.find_venue("BTCUSDT").unwrap());
    assert_eq!(
        (btc.tick.to_string(), btc.step.to_string(), btc.min_notional),
        ("0.1".into(), "0.001".into(), Usdt::whole(100))
    );
    assert_eq!((btc.maker_fee, btc.taker_fee, btc.percent_price), (Rate::bps(2), Rate::bps(5), Rate::percent(5)));
    // The amounts that Binance publishes for BTCUSDT's brackets.
    let published = [
        0,
        300,
        1_500,
        12_000,
        132_000,
        482_000,
        2_982_000,
        14_482_000,
        26_482_000,
        41_482_000,
        121_482_000,
        421_482_000,
    ];
    let found: Vec<Usdt> = btc.tiers.iter().map(|tier| tier.maintenance_amount).collect();
    assert_eq!(found, published.map(Usdt::whole));
}

#[test]
fn an_unknown_symbol_lists_what_is_known() {
    let text = load(None, &symbols(&["NOPE/USDT:USDT"])).expect_err("unknown").to_string();
    assert!(text.contains("NOPE/USDT:USDT") && text.contains("BTC/USDT:USDT, ETH/USDT:USDT"), "{text}");
    assert_eq!(load(None, &[]), Err(FeedError::NoSymbols));
    let twice = load(None, &symbols(&["BTC/USDT", "BTC/USDT"])).expect_err("twice").to_string();
    assert!(twice.contains("given twice"), "{twice}");
}

const ONE: &str = r#"
[[instruments]]
symbol = "ABC/USDT:USDT"
tick = "0.01"
step = "0.1"
max_qty = "1000"
market_max_qty = "100"
min_notional = 5
percent_price = "10%"
taker_fee = "4bps"
tiers = [{ up_to = 50000, leverage = 20, maintenance = "1%" }, { up_to = 250000, leverage = 10, maintenance = "2%" }]
"#;

#[test]
fn a_file_is_read_or_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &symbols(&["ABC/USDT"]))
    };
    let table = load(ONE).unwrap();
    let (_, abc) = table.iter().next().unwrap();
    assert_eq!((abc.venue_symbol.as_str(), abc.taker_fee, abc.min_qty), ("ABCUSDT", Rate::bps(4), abc.step));
    assert_eq!(abc.tiers[1].maintenance_amount, Usdt::whole(500));

    for (from, to, says) in [
        ("tick = \"0.01\"", "tick = \"zero\"", "tick"),
        ("tick = \"0.01\"", "tick = \"0\"", "not positive"),
        ("step = \"0.1\"", "", "step"),
        ("step = \"0.1\"", "step = \"0.3\"", "do not fit its step"),
        ("\"10%\"", "\"0.1\"", "write `1%` or `5bps`"),
        ("\"4bps\"", "\"50%\"", "a fee out of range"),
        ("leverage = 20", "leverage = 5", "tiers out of order"),
        ("up_to = 250000", "up_to = 5", "tiers out of order"),
        ("taker_fee", "taker_fees", "taker_fees"),
        ("ABC/USDT:USDT", "ABCUSDT", "write it like `ABC/USDT:USDT`"),
        ("[[instruments]]", "[[instruments", "mine.toml"),
    ] {
        let text = load(&ONE.replace(from, to)).expect_err(to).to_string();
        assert!(text.contains(says) && text.contains("mine.toml"), "{to}: {text}");
    }
}
