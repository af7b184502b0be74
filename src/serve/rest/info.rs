//! The venue itself: is it there, what time is it, and what are its rules.

use crate::serve::call::{Answer, Call, json};
use crate::serve::limits;
use crate::serve::market::messages::NEVER;
use crate::serve::world::World;
use crate::types::{Instrument, InstrumentId, Price, Qty, Rate};
use crate::venue::binance::info::{Asset, ExchangeInfo, Filter, SymbolInfo};
use crate::venue::binance::market::ServerTime;
use crate::venue::binance::words::{OrderType, Tif};

/// When every instrument was listed: the day that Binance began to list perpetuals, 2019-09-08.
pub(crate) const ONBOARD: i64 = 1_567_965_300_000;
/// Highest price that is taken: what the exchange itself takes for garbage is far above.
const MAX_TICKS: i64 = 10_000_000_000;

pub(crate) fn ping(_: &mut World, _: &Call<'_>) -> Answer {
    Ok(b"{}".to_vec())
}

pub(crate) fn time(_: &mut World, call: &Call<'_>) -> Answer {
    json(&ServerTime { server_time: call.told.as_millis() })
}

pub(crate) fn exchange_info(world: &mut World, call: &Call<'_>) -> Answer {
    let instruments = world.exchange.instruments();
    let symbols = instruments.iter().map(|(id, one)| symbol(world, id, one)).collect();
    json(&ExchangeInfo {
        exchange_filters: Vec::new(),
        rate_limits: limits::rules(),
        server_time: call.told.as_millis(),
        assets: vec![Asset { asset: "USDT".to_owned(), margin_available: true, auto_asset_exchange: "0".to_owned() }],
        symbols,
        timezone: "UTC".to_owned(),
    })
}

fn symbol(world: &World, id: InstrumentId, one: &Instrument) -> SymbolInfo {
    let settings = world.exchange.settings();
    let first = &one.tiers[0];
    let status = if world.exchange.is_halted(id) { "SETTLING" } else { "TRADING" };
    let percent = |rate: Rate| format!("{:.4}", rate.to_f64() * 100.0);
    let multiplier = |rate: Rate| format!("{:.4}", (Rate::ONE + rate).to_f64());
    SymbolInfo {
        symbol: one.venue_symbol.clone(),
        pair: one.venue_symbol.clone(),
        contract_type: "PERPETUAL".to_owned(),
        delivery_date: NEVER,
        onboard_date: ONBOARD,
        status: status.to_owned(),
        maint_margin_percent: percent(first.maintenance_rate),
        required_margin_percent: format!("{:.4}", 100.0 / f64::from(first.max_leverage)),
        base_asset: one.symbol.base().to_owned(),
        quote_asset: "USDT".to_owned(),
        margin_asset: "USDT".to_owned(),
        price_precision: places(&one.tick.to_string()),
        quantity_precision: places(&one.step.to_string()),
        base_asset_precision: 8,
        quote_precision: 8,
        underlying_type: "COIN".to_owned(),
        underlying_sub_type: Vec::new(),
        settle_plan: 0,
        trigger_protect: "0.0500".to_owned(),
        liquidation_fee: format!("{:.6}", one.liquidation_fee.to_f64()),
        market_take_bound: format!("{:.2}", one.percent_price.to_f64()),
        filters: vec![
            Filter::PriceFilter {
                min_price: one.tick,
                max_price: (one.tick * MAX_TICKS).min(Price::whole(1_000_000_000)),
                tick_size: one.tick,
            },
            Filter::LotSize { min_qty: one.min_qty, max_qty: largest(one.max_qty), step_size: one.step },
            Filter::MarketLotSize { min_qty: one.min_qty, max_qty: largest(one.market_max_qty), step_size: one.step },
            Filter::MaxNumOrders { limit: settings.max_open_orders },
            Filter::MaxNumAlgoOrders { limit: settings.max_conditional_orders },
            Filter::MinNotional { notional: one.min_notional },
            Filter::PercentPrice {
                multiplier_up: multiplier(one.percent_price),
                multiplier_down: multiplier(-one.percent_price),
                multiplier_decimal: "4".to_owned(),
            },
        ],
        order_types: OrderType::ALL.to_vec(),
        time_in_force: Tif::ALL.to_vec(),
    }
}

/// An instrument without a largest quantity takes any that the exchange can hold.
fn largest(qty: Qty) -> Qty {
    if qty.is_positive() { qty } else { Qty::whole(1_000_000_000) }
}

/// Decimal places of a step.
fn places(step: &str) -> u32 {
    step.split_once('.').map_or(0, |(_, places)| u32::try_from(places.len()).unwrap_or(0))
}
