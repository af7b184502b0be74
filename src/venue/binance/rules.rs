//! The venue's rules of what can be traded: from the filters of `exchangeInfo`, the funding intervals, and, where there
//! is a key, the margin brackets and fees of the account.

use std::collections::BTreeMap;

use super::read::account::{Brackets, Commission};
use super::read::info::{ExchangeInfo, SymbolInfo};
use super::read::market::FundingInfo;
use super::rest::{Failure, Rest, START, calls};
use crate::feed::instruments;
use crate::types::{Instrument, Instruments, MarginTier, Price, Qty, Rate, Rounding, Span, Symbol, Usdt};

/// Fees of an account without volume, where there is no key to ask with.
const USUAL_MAKER: Rate = Rate::bps(2);
const USUAL_TAKER: Rate = Rate::bps(5);
/// Symbols that the list of intervals leaves out are funded this often.
const USUAL_INTERVAL: Span = Span::secs(8 * 3_600);
/// Margin of a symbol whose brackets nobody told, on the safe side of those that the venue has for small coins.
const CAUTIOUS_LEVERAGE: u32 = 10;
const CAUTIOUS_MAINTENANCE: Rate = Rate::percent(5);

/// Why the rules are of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RulesError {
    #[error("{0} is not a perpetual of Binance USDⓈ-M; look at the spelling, or take it out of the symbols")]
    Unlisted(Symbol),
    #[error("{symbol} is not traded at Binance now (its status is {status}); take it out of the symbols")]
    NotTraded { symbol: Symbol, status: String },
    #[error("Binance's rules of {symbol} lack {what}")]
    Incomplete { symbol: Symbol, what: &'static str },
    #[error("{0}")]
    Table(String),
}

/// Everything that the rules are made of.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub info: ExchangeInfo,
    pub intervals: Vec<FundingInfo>,
    /// Empty without a key.
    pub brackets: Vec<Brackets>,
    /// By the venue's name; empty without a key.
    pub fees: BTreeMap<String, Commission>,
}

impl Rules {
    /// Asks for what anybody may know, and waits for room in the limits for `patience` at most.
    ///
    /// # Errors
    /// As of any request.
    pub(crate) async fn ask(rest: &Rest, patience: Span) -> Result<Rules, Failure> {
        let info = rest.ask(calls::market::exchange_info(), patience).await?;
        rest.learn_limits(&info);
        let intervals = rest.ask(calls::market::funding_info(), patience).await?;
        Ok(Rules { info, intervals, brackets: Vec::new(), fees: BTreeMap::new() })
    }

    /// Asks for brackets, and for the fees of these symbols, which takes a key.
    ///
    /// # Errors
    /// As of any request.
    pub(crate) async fn ask_account(&mut self, rest: &Rest, symbols: &[Symbol]) -> Result<(), Failure> {
        self.brackets = rest.ask(calls::account::brackets(), START).await?;
        for name in
            symbols.iter().filter_map(|symbol| self.find(symbol)).map(|one| one.symbol.clone()).collect::<Vec<_>>()
        {
            let fees = rest.ask(calls::account::commission(&name), START).await?;
            self.fees.insert(name, fees);
        }
        Ok(())
    }

    /// The venue's entry of a symbol.
    pub(crate) fn find(&self, symbol: &Symbol) -> Option<&SymbolInfo> {
        self.info.symbols.iter().find(|one| {
            one.base_asset == symbol.base()
                && one.quote_asset == "USDT"
                && one.margin_asset == "USDT"
                && matches!(one.contract_type.as_str(), "PERPETUAL" | "TRADIFI_PERPETUAL")
        })
    }

    /// The instruments of a session, in the order of its symbols.
    ///
    /// # Errors
    /// For a symbol that is not traded, or whose rules lack something.
    pub(crate) fn instruments(&self, symbols: &[Symbol]) -> Result<Instruments, RulesError> {
        let list = symbols.iter().map(|symbol| self.instrument(symbol)).collect::<Result<_, _>>()?;
        Instruments::new(list).map_err(|error| RulesError::Table(error.to_string()))
    }

    fn instrument(&self, symbol: &Symbol) -> Result<Instrument, RulesError> {
        let one = self.find(symbol).ok_or_else(|| RulesError::Unlisted(symbol.clone()))?;
        if one.status != "TRADING" {
            return Err(RulesError::NotTraded { symbol: symbol.clone(), status: one.status.clone() });
        }
        let lacks = |what| RulesError::Incomplete { symbol: symbol.clone(), what };
        let filter = |kind, what| one.filter(kind).ok_or_else(|| lacks(what));
        let prices = filter("PRICE_FILTER", "a price filter")?;
        let lot = filter("LOT_SIZE", "a lot size")?;
        let market_lot = one.filter("MARKET_LOT_SIZE").unwrap_or(lot);
        let least = one.filter("MIN_NOTIONAL").and_then(|filter| filter.notional);
        let up = one.filter("PERCENT_PRICE").and_then(|filter| filter.multiplier_up);
        let tick = prices.tick_size.filter(|tick: &Price| tick.is_positive()).ok_or_else(|| lacks("a tick size"))?;
        let step = lot.step_size.filter(|step: &Qty| step.is_positive()).ok_or_else(|| lacks("a step size"))?;
        let max_qty = lot.max_qty.ok_or_else(|| lacks("a largest quantity"))?;
        let fees = self.fees.get(&one.symbol);
        let interval = self.intervals.iter().find(|info| info.symbol == one.symbol);
        Ok(Instrument {
            symbol: symbol.clone(),
            venue_symbol: one.symbol.clone(),
            tick,
            step,
            min_qty: lot.min_qty.unwrap_or(step).max(step),
            max_qty,
            market_max_qty: market_lot.max_qty.unwrap_or(max_qty).min(max_qty),
            min_notional: least.ok_or_else(|| lacks("a smallest notional"))?,
            percent_price: up.map_or(Rate::percent(5), |up| (up - Usdt::ONE).ratio_of(Usdt::ONE, Rounding::Down)),
            maker_fee: fees.map_or(USUAL_MAKER, |fees| fees.maker_commission_rate),
            taker_fee: fees.map_or(USUAL_TAKER, |fees| fees.taker_commission_rate),
            liquidation_fee: one.liquidation_fee,
            funding_interval: interval
                .map_or(USUAL_INTERVAL, |info| Span::HOUR * info.funding_interval_hours.clamp(1, 24)),
            tiers: self.tiers(symbol, &one.symbol),
        })
    }

    /// The account's brackets; without a key those of the embedded table, which were the venue's once; else cautious ones.
    fn tiers(&self, symbol: &Symbol, name: &str) -> Vec<MarginTier> {
        let told = self.brackets.iter().find(|one| one.symbol == name).map(|one| {
            let tiers = one.brackets.iter().map(|bracket| MarginTier {
                notional_floor: bracket.notional_floor,
                notional_cap: bracket.notional_cap,
                max_leverage: bracket.initial_leverage,
                maintenance_rate: bracket.maint_margin_ratio,
                maintenance_amount: bracket.cum.unwrap_or(Usdt::ZERO),
            });
            let mut tiers: Vec<_> = tiers.collect();
            tiers.sort_by_key(|tier| tier.notional_floor);
            tiers
        });
        let embedded = || {
            let table = instruments::load(None, std::slice::from_ref(symbol)).ok()?;
            table.iter().next().map(|(_, one)| one.tiers.clone())
        };
        let cautious = || MarginTier {
            notional_floor: Usdt::ZERO,
            notional_cap: Usdt::whole(1_000_000_000),
            max_leverage: CAUTIOUS_LEVERAGE,
            maintenance_rate: CAUTIOUS_MAINTENANCE,
            maintenance_amount: Usdt::ZERO,
        };
        told.filter(|tiers| !tiers.is_empty()).or_else(embedded).unwrap_or_else(|| vec![cautious()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> serde_json::Value {
        serde_json::json!({ "rateLimits": [], "symbols": [{
            "symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC",
            "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3,
            "liquidationFee": "0.012500", "filters": [
                { "filterType": "PRICE_FILTER", "minPrice": "261.10", "maxPrice": "809484", "tickSize": "0.10" },
                { "filterType": "LOT_SIZE", "stepSize": "0.001", "maxQty": "1000", "minQty": "0.001" },
                { "filterType": "MARKET_LOT_SIZE", "stepSize": "0.001", "maxQty": "120", "minQty": "0.001" },
                { "filterType": "MIN_NOTIONAL", "notional": "100" },
                { "filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500" },
                { "filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE" },
                { "filterType": "OF_TOMORROW", "limit": { "deep": [1] } },
            ],
        }] })
    }

    fn rules(info: &serde_json::Value) -> Rules {
        let info = serde_json::from_value(info.clone()).expect("rules");
        Rules { info, intervals: Vec::new(), brackets: Vec::new(), fees: BTreeMap::new() }
    }

    fn btc() -> Vec<Symbol> {
        vec!["BTC/USDT".parse().expect("a symbol")]
    }

    #[test]
    fn filters_count_and_the_precision_of_the_display_does_not() {
        let made = rules(&info()).instruments(&btc()).expect("instruments");
        let (_, one) = made.iter().next().expect("one");
        let shown = [
            one.tick.to_string(),
            one.step.to_string(),
            one.max_qty.to_string(),
            one.market_max_qty.to_string(),
            one.min_notional.to_string(),
            one.percent_price.to_string(),
            one.liquidation_fee.to_string(),
        ];
        assert_eq!(shown, ["0.1", "0.001", "1000", "120", "100", "5%", "1.25%"]);
        assert_eq!(one.funding_interval, Span::HOUR * 8);
        assert!(one.tiers.len() > 1, "the embedded table's");
    }

    #[test]
    fn what_is_wrong_names_the_symbol() {
        let mut halted = info();
        halted["symbols"][0]["status"] = "SETTLING".into();
        let mut bare = info();
        bare["symbols"][0]["filters"].as_array_mut().expect("filters").remove(0);
        let other: Vec<Symbol> = vec!["NOPE/USDT".parse().expect("a symbol")];
        for (info, symbols, expect) in [
            (&halted, btc(), "BTC/USDT:USDT is not traded at Binance now (its status is SETTLING)"),
            (&bare, btc(), "Binance's rules of BTC/USDT:USDT lack a price filter"),
            (&info(), other, "NOPE/USDT:USDT is not a perpetual"),
        ] {
            let error = rules(info).instruments(&symbols).expect_err(expect).to_string();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
