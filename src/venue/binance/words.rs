//! The closed sets of words that requests and replies use.

/// A closed set of words.
pub(crate) trait Word: Sized {
    /// The word for a text; none if it is not of the set.
    fn known(text: &str) -> Option<Self>;
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            /// Every word of the set.
            pub(crate) const ALL: &'static [$name] = &[$($name::$variant),*];
            /// As it is written.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
            /// The word for a text; none if it is not of the set.
            pub(crate) fn read(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
        impl Word for $name {
            fn known(text: &str) -> Option<$name> {
                $name::read(text)
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
                $name::read(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not known here")))
            }
        }
    };
}

words!(
    /// Which way.
    SideWord { Buy = "BUY", Sell = "SELL" }
);
words!(
    /// Which leg.
    PositionWord { Both = "BOTH", Long = "LONG", Short = "SHORT" }
);
words!(
    /// Kinds of orders.
    OrderType {
        Limit = "LIMIT",
        Market = "MARKET",
        Stop = "STOP",
        StopMarket = "STOP_MARKET",
        TakeProfit = "TAKE_PROFIT",
        TakeProfitMarket = "TAKE_PROFIT_MARKET",
        TrailingStopMarket = "TRAILING_STOP_MARKET",
    }
);
words!(
    /// How long an order rests.
    Tif { Gtc = "GTC", Ioc = "IOC", Fok = "FOK", Gtx = "GTX", Gtd = "GTD" }
);
words!(
    /// Where an order stands.
    OrderStatus {
        New = "NEW",
        PartiallyFilled = "PARTIALLY_FILLED",
        Filled = "FILLED",
        Canceled = "CANCELED",
        Expired = "EXPIRED",
        ExpiredInMatch = "EXPIRED_IN_MATCH",
    }
);
words!(
    /// What happened to an order.
    Execution {
        New = "NEW",
        Canceled = "CANCELED",
        Calculated = "CALCULATED",
        Expired = "EXPIRED",
        Trade = "TRADE",
        Amendment = "AMENDMENT",
    }
);
words!(
    /// Where a conditional order stands.
    AlgoStatus {
        New = "NEW",
        Triggering = "TRIGGERING",
        Triggered = "TRIGGERED",
        Finished = "FINISHED",
        Canceled = "CANCELED",
        Expired = "EXPIRED",
        Rejected = "REJECTED",
    }
);
words!(
    /// Which price a trigger watches.
    WorkingType { Contract = "CONTRACT_PRICE", Mark = "MARK_PRICE" }
);
words!(
    /// Who expires when an order meets one of its own account.
    Stp { None = "NONE", Taker = "EXPIRE_TAKER", Maker = "EXPIRE_MAKER", Both = "EXPIRE_BOTH" }
);
words!(
    /// A price taken from the book in place of one that is given.
    PriceMatch {
        None = "NONE",
        Opponent = "OPPONENT",
        Opponent5 = "OPPONENT_5",
        Opponent10 = "OPPONENT_10",
        Opponent20 = "OPPONENT_20",
        Queue = "QUEUE",
        Queue5 = "QUEUE_5",
        Queue10 = "QUEUE_10",
        Queue20 = "QUEUE_20",
    }
);
words!(
    /// How much an order's answer says.
    RespType { Ack = "ACK", Result = "RESULT" }
);
words!(
    /// What stands behind a position.
    MarginWord { Isolated = "ISOLATED", Crossed = "CROSSED" }
);
words!(
    /// What money moved for.
    IncomeType {
        Transfer = "TRANSFER",
        RealizedPnl = "REALIZED_PNL",
        FundingFee = "FUNDING_FEE",
        Commission = "COMMISSION",
        InsuranceClear = "INSURANCE_CLEAR",
    }
);

use crate::types::{PositionSide, Side};

impl From<Side> for SideWord {
    fn from(side: Side) -> SideWord {
        match side {
            Side::Buy => SideWord::Buy,
            Side::Sell => SideWord::Sell,
        }
    }
}

impl From<SideWord> for Side {
    fn from(word: SideWord) -> Side {
        match word {
            SideWord::Buy => Side::Buy,
            SideWord::Sell => Side::Sell,
        }
    }
}

impl From<PositionSide> for PositionWord {
    fn from(side: PositionSide) -> PositionWord {
        match side {
            PositionSide::Both => PositionWord::Both,
            PositionSide::Long => PositionWord::Long,
            PositionSide::Short => PositionWord::Short,
        }
    }
}

impl From<PositionWord> for PositionSide {
    fn from(word: PositionWord) -> PositionSide {
        match word {
            PositionWord::Both => PositionSide::Both,
            PositionWord::Long => PositionSide::Long,
            PositionWord::Short => PositionSide::Short,
        }
    }
}
