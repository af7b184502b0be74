//! What an order can ask for beyond its request: the words of Binance that our own daemon does not use, so that a
//! server in its protocol can pass them on. An order without terms behaves as its request says.

use serde::{Deserialize, Serialize};

use crate::protocol::TimeInForce;
use crate::types::{Price, Rate, Rounding, Side, Timestamp};

/// Terms beside the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// A conditional order becomes this limit order, in place of a market order.
    pub then_limit: Option<ThenLimit>,
    /// The trigger follows the price.
    pub trail: Option<Trail>,
    /// What gives way when an order meets one of its own account.
    pub self_trade: SelfTrade,
    /// It does not trigger while last price and mark are too far apart.
    pub protect: bool,
    /// A limit order ends by itself at this instant. Whoever drives the exchange calls `expire` then.
    pub good_till: Option<Timestamp>,
}

/// The limit order that a conditional order becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThenLimit {
    /// The worst price.
    pub price: Price,
    /// How long it rests.
    pub tif: TimeInForce,
}

/// A trigger that follows the best price at a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Distance as a share of the best price.
    pub callback: Rate,
    /// It begins to follow once the price has come here; at once if there is none.
    pub activation: Option<Price>,
    /// The best price since it began; none before.
    pub best: Option<Price>,
}

/// Who expires when an order meets one of its own account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTrade {
    /// The new order.
    #[default]
    Taker,
    /// The resting order; the new one goes on.
    Maker,
    /// Both.
    Both,
}

impl Trail {
    /// The price that triggers now; none before the trail has begun.
    pub(super) fn trigger(&self, side: Side) -> Option<Price> {
        let best = self.best?;
        Some(match side {
            Side::Buy => best.times(Rate::ONE + self.callback, Rounding::Down),
            Side::Sell => best.times(Rate::ONE - self.callback, Rounding::Up),
        })
    }

    /// The watched price is here. A sell follows the highest price, a buy the lowest.
    pub(super) fn follow(&mut self, side: Side, price: Price) {
        let reached = |activation: Price| match side {
            Side::Buy => price <= activation,
            Side::Sell => price >= activation,
        };
        self.best = match self.best {
            None => self.activation.is_none_or(reached).then_some(price),
            Some(best) => Some(match side {
                Side::Buy => best.min(price),
                Side::Sell => best.max(price),
            }),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_begins_at_its_activation_and_only_tightens() {
        let mut trail = Trail { callback: Rate::percent(1), activation: Some(Price::whole(110)), best: None };
        for (price, trigger) in [(105, None), (112, Some("110.88")), (120, Some("118.8")), (119, Some("118.8"))] {
            trail.follow(Side::Sell, Price::whole(price));
            assert_eq!(trail.trigger(Side::Sell).map(|price| price.to_string()).as_deref(), trigger, "{price}");
        }
        let mut trail = Trail { callback: Rate::percent(1), activation: None, best: None };
        trail.follow(Side::Buy, Price::whole(100));
        trail.follow(Side::Buy, Price::whole(90));
        assert_eq!(trail.trigger(Side::Buy), Some(Price::new(909, 1)));
    }
}
