//! The layers against a small struct of settings, and the real settings against their documents.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::load::assemble;
use super::named::{NamedVariable, VARIABLES, Written};
use super::shape::{Found, Kind, Shape};
use super::*;
use crate::types::{Exit, Span, Symbol, Usdt};

/// Settings of every kind that rooms have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    /// About health.
    health: Health,
    /// About a strategy.
    strategy: Strategy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Health {
    /// Time between heartbeats.
    interval: Span,
    /// End the process?
    abort_on_stall: bool,
    /// How often.
    times: u32,
    /// How much.
    factor: f64,
    /// Perhaps.
    limit: Option<Usdt>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Strategy {
    /// By symbol.
    thresholds: BTreeMap<Symbol, f64>,
    /// What is traded.
    symbols: Vec<Symbol>,
    /// What goes wrong.
    schedule: Vec<Entry>,
    /// Which.
    mode: Mode,
    /// Deeper.
    entry: Entry,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    /// When.
    after: Span,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// No.
    #[default]
    Refuse,
    /// Yes.
    Neutral,
}

impl Default for Health {
    fn default() -> Health {
        Health { interval: Span::secs(300), abort_on_stall: true, times: 3, factor: 1.5, limit: None }
    }
}

const NAMED: &[NamedVariable] = &[
    NamedVariable { name: "HEALTH_CHECK_INTERVAL", setting: "health.interval", written: Written::Seconds },
    NamedVariable { name: "TRADING_SYMBOLS", setting: "strategy.symbols", written: Written::AsSetting },
];

fn file(text: &str) -> Option<ConfigFile> {
    Some(ConfigFile { path: "some.toml".into(), text: text.to_owned() })
}

fn sample(text: &str, variables: &[(&str, &str)], flags: Vec<Override>) -> Result<Sample, String> {
    let environment = Environment::from_pairs(variables.iter().copied());
    let inputs = Inputs { file: file(text), environment: &environment, flags, faults: None };
    let mut problems = Vec::new();
    match assemble::<Sample>(NAMED, inputs, &mut problems) {
        Some((sample, _)) => Ok(sample),
        None => Err(ConfigError { problems }.to_string()),
    }
}

fn flag(setting: &'static str, value: impl Into<toml::Value>) -> Override {
    Override { setting: setting.to_owned(), value: value.into(), flag: "--some-flag" }
}

fn real(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = Environment::from_pairs(variables.iter().copied());
    load(Inputs { file: file(text), environment: &environment, flags: Vec::new(), faults: None })
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let text = "[health]\ninterval = \"10s\"";
    let variable: &[_] = &[("LTL__HEALTH__INTERVAL", "20s")];
    let interval = |text, variables, flags| sample(text, variables, flags).map(|sample| sample.health.interval);
    assert_eq!(interval("", &[], vec![]), Ok(Span::secs(300)));
    assert_eq!(interval(text, &[], vec![]), Ok(Span::secs(10)));
    assert_eq!(interval(text, variable, vec![]), Ok(Span::secs(20)));
    assert_eq!(interval(text, variable, vec![flag("health.interval", "30s")]), Ok(Span::secs(30)));
    assert_eq!(interval(text, &[("HEALTH_CHECK_INTERVAL", "0.5")], vec![]), Ok(Span::millis(500)));
}

#[test]
fn a_default_beats_nothing_that_was_said() {
    // What a layer does not say, it does not say: a section in the environment leaves the file's other keys alone.
    let text = "[health]\ntimes = 7\nfactor = 2\nlimit = 12.5\n[strategy.entry]\nafter = \"1s\"";
    let sample = sample(text, &[("LTL__HEALTH__ABORT_ON_STALL", "false")], vec![]).expect("a configuration");
    let limit = "12.5".parse().ok();
    let health = Health { abort_on_stall: false, times: 7, factor: 2.0, limit, ..Health::default() };
    assert_eq!(sample.health, health);
    assert_eq!(sample.strategy.entry.after, Span::SECOND);
}

#[test]
fn variables_are_read_as_the_type_of_their_setting() {
    let btc = "BTC/USDT:USDT".parse::<Symbol>().expect("a symbol");
    let variables = [
        ("LTL__HEALTH__TIMES", "5"),
        ("LTL__HEALTH__FACTOR", "2"),
        ("LTL__HEALTH__LIMIT", "100"),
        ("LTL__STRATEGY__MODE", "neutral"),
        ("LTL__STRATEGY__THRESHOLDS", r#"{ "BTC/USDT" = 45 }"#),
        ("LTL__STRATEGY__SCHEDULE", r#"[{ after = "2s" }]"#),
        ("LTL__STRATEGY__ENTRY__AFTER", "3s"),
        ("TRADING_SYMBOLS", "BTC/USDT, BTC/USDT:USDT,"),
        ("LTL_SOMETHING_ELSE", "not ours"),
    ];
    let sample = sample("", &variables, vec![]).expect("a configuration");
    assert_eq!((sample.health.times, sample.health.factor), (5, 2.0));
    assert_eq!(sample.health.limit, Some(Usdt::whole(100)));
    assert_eq!(sample.strategy.mode, Mode::Neutral);
    assert_eq!(sample.strategy.thresholds, BTreeMap::from([(btc.clone(), 45.0)]));
    assert_eq!(sample.strategy.schedule, [Entry { after: Span::secs(2) }]);
    assert_eq!(sample.strategy.entry, Entry { after: Span::secs(3) });
    assert_eq!(sample.strategy.symbols, [btc.clone(), btc]);
}

#[test]
fn maps_are_merged_by_their_keys_and_can_be_emptied() {
    let text = "[strategy.thresholds]\n\"BTC/USDT:USDT\" = 40\n\"ETH/USDT:USDT\" = 50";
    let variable = [("LTL__STRATEGY__THRESHOLDS", r#"{ "ETH/USDT:USDT" = 55 }"#)];
    let merged = sample(text, &variable, vec![]).expect("a configuration").strategy.thresholds;
    assert_eq!(merged.into_values().collect::<Vec<_>>(), [40.0, 55.0]);
    assert_eq!(sample("strategy.thresholds = {}", &[], vec![]).map(|s| s.strategy.thresholds.len()), Ok(0));
}

#[test]
fn every_mistake_names_setting_value_source_and_remedy() {
    let files: &[(&str, &[&str])] = &[
        ("[helth]\ninterval = \"5s\"", &["helth (some.toml:1)", "did you mean `health`?"]),
        ("\n[health]\nintervall = \"5s\"", &["health.intervall (some.toml:3)", "did you mean `health.interval`?"]),
        ("interval = \"5s\"", &["interval (some.toml:1)", "did you mean `health.interval`?"]),
        (
            "[health]\ninterval = \"abc\"",
            &["health.interval = \"abc\" (some.toml:2)", "`abc` is not a length of time", "60s"],
        ),
        ("[health]\ninterval = 5", &["health.interval = 5 (some.toml:2)"]),
        ("[health]\ntimes = -1", &["health.times = -1 (some.toml:2)", "u32"]),
        ("health = 5", &["health = 5 (some.toml:1)", "is a section"]),
        (
            "[strategy]\nsymbols = [\"BTC/USDT\", \"BTCUSDT\"]",
            &["strategy.symbols", "some.toml:2", "write it like `BTC/USDT:USDT`"],
        ),
        ("[strategy]\nmode = \"maybe\"", &["strategy.mode = \"maybe\" (some.toml:2)", "`refuse` or `neutral`"]),
        (
            "[[strategy.schedule]]\nafer = \"5s\"",
            &["strategy.schedule", "some.toml:1", "at `strategy.schedule[0]", "`afer`"],
        ),
        ("[strategy.thresholds]\nBTCUSDT = 5", &["BTCUSDT", "some.toml:2", "BTC/USDT:USDT"]),
        ("[health]\ninterval == 5", &["some.toml:2: it is not TOML"]),
        ("[health]\ntoken = \"12345\"", &["health.token (some.toml:2)", "TELEGRAM_BOT_TOKEN"]),
        ("[a]\n[b]\n[health]\nx = 1", &["a (some.toml:1)", "b (some.toml:2)", "health.x (some.toml:4)"]),
    ];
    for (text, expected) in files {
        let error = sample(text, &[], vec![]).expect_err(text);
        expected.iter().for_each(|part| assert!(error.contains(part), "{text}\n{error}\n{part}"));
    }
    let variables: &[(&str, &str, &[&str])] = &[
        ("HEALTH_CHECK_INTERVAL", "abc", &["HEALTH_CHECK_INTERVAL=`abc`", "whole or fractional seconds above 0"]),
        ("HEALTH_CHECK_INTERVAL", "0", &["HEALTH_CHECK_INTERVAL=`0`"]),
        ("HEALTH_CHECK_INTERVAL", "-5", &["HEALTH_CHECK_INTERVAL=`-5`"]),
        ("HEALTH_CHECK_INTERVAL", "", &["HEALTH_CHECK_INTERVAL=``"]),
        ("TRADING_SYMBOLS", "BTC/USDT,nonsense", &["TRADING_SYMBOLS", "`nonsense` is not a symbol"]),
        ("LTL__HEALTH__INTERVALL", "5s", &["LTL__HEALTH__INTERVALL", "did you mean `LTL__HEALTH__INTERVAL`?"]),
        ("LTL__HEALTH__TIMES", "many", &["LTL__HEALTH__TIMES=`many`", "not a whole number"]),
        ("LTL__HEALTH__FACTOR", "much", &["LTL__HEALTH__FACTOR=`much`", "not a number"]),
        ("LTL__HEALTH__ABORT_ON_STALL", "yes", &["LTL__HEALTH__ABORT_ON_STALL=`yes`", "`true` or `false`"]),
        ("LTL__HEALTH__INTERVAL", "5", &["health.interval = \"5\" (LTL__HEALTH__INTERVAL)", "60s"]),
        ("LTL__HEALTH", "{}", &["LTL__HEALTH=`{}`", "is a section", "LTL__HEALTH__INTERVAL"]),
        ("LTL__health__interval", "5s", &["LTL__health__interval", "LTL__HEALTH__INTERVAL"]),
        ("LTL__STRATEGY__THRESHOLDS", "45", &["LTL__STRATEGY__THRESHOLDS=`45`", "by name"]),
        ("LTL__STRATEGY__SCHEDULE", "[{", &["LTL__STRATEGY__SCHEDULE", "as TOML"]),
        ("LTL__", "5", &["LTL__", "config show"]),
    ];
    for (name, value, expected) in variables {
        let error = sample("", &[(name, value)], vec![]).expect_err(name);
        expected.iter().for_each(|part| assert!(error.contains(part), "{name}={value}\n{error}\n{part}"));
    }
}

#[test]
fn two_variables_for_one_setting_are_a_contradiction() {
    let variables = [("HEALTH_CHECK_INTERVAL", "5"), ("LTL__HEALTH__INTERVAL", "6s")];
    let error = sample("", &variables, vec![]).expect_err("two variables");
    assert!(error.contains("LTL__HEALTH__INTERVAL") && error.contains("HEALTH_CHECK_INTERVAL; unset one"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || std::ffi::OsString::from_vec(vec![0xff, 0xfe]);
    let environment = Environment::from_pairs([("TRADING_SYMBOLS", bytes())]);
    let inputs = Inputs { file: None, environment: &environment, flags: Vec::new(), faults: None };
    let error = load(inputs).expect_err("not text").to_string();
    assert!(error.contains("TRADING_SYMBOLS: its value is not UTF-8"), "{error}");
}

#[test]
fn a_rooms_complaint_names_the_source_and_all_are_told_at_once() {
    let text = "[notify]\nmax_pending = 1\n[telemetry]\nfiles = 0\n[run]\nsymbols = []";
    let error = real(text, &[]).expect_err("out of range");
    let shown = error.to_string();
    assert_eq!(error.problems.len(), 3, "{shown}");
    for part in
        ["notify.max_pending = 1: give a value", "(set by some.toml:2)", "(set by some.toml:4)", "(set by some.toml:6)"]
    {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(error.exit(), Exit::Configuration);
    let environment = Environment::default();
    let flags = vec![flag("run.symbols", toml::Value::Array(Vec::new()))];
    let error = load(Inputs { file: None, environment: &environment, flags, faults: None }).expect_err("no symbols");
    assert!(error.to_string().ends_with("(set by --some-flag)"), "{error}");
    assert_eq!(error.exit(), Exit::Usage);
}

#[test]
fn a_file_of_faults_holds_faults_alone_and_comes_before_the_rest() {
    let environment = Environment::from_pairs([("LTL__FAULTS__FEED__STALL", "1%")]);
    let faults = |text: &str| ConfigFile { path: "faults.toml".into(), text: text.into() };
    let with = |text| Inputs { file: None, environment: &environment, flags: Vec::new(), faults: Some(faults(text)) };
    let config = load(with("[faults.feed]\nstall = \"2%\"")).expect("faults");
    assert_eq!(config.settings.faults.feed.stall.to_string(), "2%");
    let error = load(with("[run]\nseed = 5")).expect_err("not faults").to_string();
    assert!(error.contains("run.seed (faults.toml:2): only settings of `[faults]`"), "{error}");
}

#[test]
fn the_usual_file_may_be_absent_and_a_named_one_may_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("absent.toml");
    let error = ConfigFile::read(Some(&path)).expect_err("absent").to_string();
    assert!(error.starts_with("--config ") && error.contains("absent.toml"), "{error}");
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).expect("a file");
    let error = ConfigFile::read(Some(&path)).expect_err("too large").to_string();
    assert!(error.contains("larger than 1048576 bytes"), "{error}");
    let error = ConfigFile::read(Some(folder.path())).expect_err("a folder").to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

const TOKEN: &str = "123456:AAAAAAAAAABBBBBBBBBBCCCCC";

#[test]
fn no_secret_is_shown_anywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "hunter2hunter2\n").expect("a file");
    std::fs::write(folder.path().join("BINANCE_SECRET"), "swordfishswordfish").expect("a file");
    let variables = [
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("TELEGRAM_CHAT_ID", "42"),
        ("BINANCE_KEY_FILE", file.to_str().expect("a path")),
        ("CREDENTIALS_DIRECTORY", folder.path().to_str().expect("a path")),
    ];
    let config = real("", &variables).expect("a configuration");
    let secret = |name| config.secrets.get(name).map(|secret| secret.expose_secret().to_owned());
    assert_eq!(secret(SecretName::TelegramBotToken).as_deref(), Some(TOKEN));
    assert_eq!(secret(SecretName::BinanceKey).as_deref(), Some("hunter2hunter2"));
    assert_eq!(secret(SecretName::BinanceSecret).as_deref(), Some("swordfishswordfish"));
    assert_eq!(config.secrets.all().len(), 3);
    let environment = Environment::from_pairs(variables);
    let shown =
        [format!("{config:#?}"), as_table(&config), as_toml(&config), schema(), template(), format!("{environment:?}")];
    for text in shown {
        for secret in [TOKEN, "hunter2", "swordfish"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert!(as_table(&config).contains("set, and not shown"));
    assert!(as_table(&config).contains("CREDENTIALS_DIRECTORY/BINANCE_SECRET"));
}

#[test]
fn a_bad_secret_is_named_and_not_shown() {
    let chat = ("TELEGRAM_CHAT_ID", "42");
    for (variables, part) in [
        (vec![chat, ("TELEGRAM_BOT_TOKEN", "not a secret")], "TELEGRAM_BOT_TOKEN: the secret is empty or has blanks"),
        (vec![chat, ("TELEGRAM_BOT_TOKEN", "nonsecret")], "TELEGRAM_BOT_TOKEN has not the form of a token"),
        (vec![("TELEGRAM_BOT_TOKEN", TOKEN)], "set TELEGRAM_CHAT_ID"),
        (vec![chat], "TELEGRAM_BOT_TOKEN"),
        (vec![("BINANCE_KEY", "")], "BINANCE_KEY: the secret is empty"),
        (vec![("BINANCE_KEY_FILE", "/nowhere/secret")], "BINANCE_KEY_FILE: /nowhere/secret cannot be read"),
        (vec![("BINANCE_KEY_FILE", "/nowhere/a"), ("BINANCE_KEY", "secretsecret")], "BINANCE_KEY_FILE is set too"),
        (vec![("LTL__NOTIFY__TELEGRAM__TOKEN", "12:secretsecret")], "secrets are variables of their own"),
    ] {
        let error = real("", &variables).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
        for (_, value) in variables.iter().filter(|(name, _)| name.ends_with("KEY") || name.ends_with("TOKEN")) {
            assert!(value.is_empty() || !error.contains(value), "{error}");
        }
    }
}

#[test]
fn shown_settings_say_where_they_come_from_and_can_be_read_back() {
    let text = "[strategy.oversold_bounce.rsi_threshold]\n\"BTC/USDT:USDT\" = 44.5";
    let mut config = real(text, &[("HEALTH_CHECK_INTERVAL", "10")]).expect("a configuration");
    config.sources.insert(SettingPath::dotted("run.seed"), Source::Flag("--seed"));
    let toml = as_toml(&config);
    for line in ["interval = \"10s\" # HEALTH_CHECK_INTERVAL", "seed = 1 # --seed", "files = 10 # default"] {
        assert!(toml.lines().any(|one| one == line), "{line}\n{toml}");
    }
    assert!(toml.contains("rsi_threshold = { \"BTC/USDT:USDT\" = 44.5 } # some.toml:2"), "{toml}");
    assert_eq!(real(&toml, &[]).expect("what was shown").settings, config.settings);
    let table = as_table(&config);
    assert!(
        table.lines().any(|row| row.contains("health.interval") && row.contains("HEALTH_CHECK_INTERVAL")),
        "{table}"
    );
}

#[test]
fn every_named_variable_stands_for_a_setting() {
    let shape = Shape::of::<Settings>();
    for variable in VARIABLES {
        let found = shape.find(&SettingPath::dotted(variable.setting));
        assert!(matches!(found, Found::Here(Shape { kind: Kind::Leaf(_), .. })), "{}", variable.name);
    }
}

#[test]
fn every_setting_says_what_it_is_for_and_can_be_set_by_a_variable() {
    let shape = Shape::of::<Settings>();
    let defaults = toml::Value::try_from(Settings::default()).expect("settings are TOML");
    for (path, shape) in shape.paths() {
        assert!(!shape.about.is_empty(), "{path} has no doc comment");
        if matches!(shape.kind, Kind::Section(_)) {
            continue;
        }
        let default = path.keys().iter().try_fold(&defaults, |values, key| values.get(key));
        let Some(default) = default else { continue };
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let config = real("", &[(&path.variable(), &text)]).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(config.settings, Settings::default(), "{path}");
    }
}

#[test]
fn the_default_file_is_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.toml");
    let file = std::fs::read_to_string(&path).expect("config/default.toml");
    let remedy = "write it anew: cargo run -- config show --format template > config/default.toml";
    assert!(file == template(), "config/default.toml is not what the settings say; {remedy}");
    assert_eq!(real(&file, &[]).expect("the file").settings, Settings::default(), "as it is shipped");
    let uncommented: String = file.lines().map(|line| uncomment(line).to_owned() + "\n").collect();
    let config = real(&uncommented, &[]).expect("with every line uncommented");
    assert_eq!(config.settings, Settings::default(), "with every line uncommented");
}

/// A setting is commented out without a blank after the `#`, and prose has one.
fn uncomment(line: &str) -> &str {
    line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#']) && !rest.is_empty()).unwrap_or(line)
}
