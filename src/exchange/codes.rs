//! Why a request is refused, under Binance's numbers, so that a server in its protocol can pass them on.

/// A refusal: certain, and final for that request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Binance's number.
    pub code: i64,
    /// What it means, in words.
    pub words: &'static str,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.words, self.code)
    }
}

impl std::error::Error for Refusal {}

macro_rules! refusals {
    ($($name:ident = $code:literal, $words:literal;)*) => {
        impl Refusal {
            $(#[doc = $words] pub const $name: Refusal = Refusal { code: $code, words: $words };)*
            /// Every refusal that this exchange can give.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$name),*];
        }
    };
}

refusals! {
    RATE_LIMITED = -1003, "too many requests";
    TOO_MANY_IN_FLIGHT = -1015, "too many new orders";
    OUTSIDE_WINDOW = -1021, "the timestamp is outside of the receive window";
    FLAG_NOT_WANTED = -1106, "reduce-only cannot be sent in hedge mode";
    PRECISION = -1111, "more decimal places than the instrument has";
    UNKNOWN_INSTRUMENT = -1121, "no such instrument";
    NEW_ORDER_REJECTED = -2010, "the order was rejected";
    BALANCE_TOO_LOW = -2018, "the balance is too low";
    MARGIN_TOO_LOW = -2019, "the margin is too low";
    WOULD_TRIGGER = -2021, "the order would trigger at once";
    NO_SUCH_ORDER = -2013, "there is no such order";
    REDUCE_ONLY = -2022, "there is no position that this order would reduce";
    TOO_MANY_ORDERS = -2025, "too many open orders";
    BEYOND_LEVERAGE = -2027, "the position would be larger than the leverage allows";
    LEVERAGE_TOO_HIGH = -2028, "the leverage is too high for the margin at hand";
    PRICE_NOT_POSITIVE = -4001, "the price is not positive";
    QTY_NOT_POSITIVE = -4003, "the quantity is not positive";
    QTY_TOO_SMALL = -4004, "the quantity is below the minimum";
    QTY_TOO_LARGE = -4005, "the quantity is above the maximum";
    TRIGGER_NOT_POSITIVE = -4006, "the trigger price is not positive";
    OFF_TICK = -4014, "the price is not a multiple of the tick size";
    BAD_CLIENT_ID = -4015, "the client order id has a character that is not allowed";
    PRICE_TOO_HIGH = -4016, "the price is too far above the mark";
    OFF_STEP = -4023, "the quantity is not a multiple of the step size";
    PRICE_TOO_LOW = -4024, "the price is too far below the mark";
    BAD_LEVERAGE = -4028, "no such leverage";
    TOO_MANY_STOPS = -4045, "too many open conditional orders";
    SAME_MARGIN_MODE = -4046, "the margin mode is this one already";
    MARGIN_HAS_ORDERS = -4047, "the margin mode cannot change while there are open orders";
    MARGIN_HAS_POSITIONS = -4048, "the margin mode cannot change while there is a position";
    NOT_ISOLATED = -4049, "the position is not isolated";
    CROSS_BALANCE_TOO_LOW = -4050, "the account cannot spare as much";
    ISOLATED_BALANCE_TOO_LOW = -4051, "the position cannot spare as much";
    NO_POSITION = -4054, "there is no position";
    SAME_POSITION_MODE = -4059, "the position mode is this one already";
    WRONG_POSITION_SIDE = -4061, "the position side does not fit the account's position mode";
    MODE_HAS_ORDERS = -4067, "the position mode cannot change while there are open orders";
    MODE_HAS_POSITIONS = -4068, "the position mode cannot change while there is a position";
    DUPLICATE_CLIENT_ID = -4116, "an open order has this client order id";
    CLOSE_POSITION_EXISTS = -4130, "a close-position order of this kind is open on this side";
    NO_COUNTERPARTY = -4131, "no counterparty within the price limits";
    NOT_CONDITIONAL = -4136, "only a conditional order can close a whole position";
    NOT_TRADABLE = -4140, "the instrument is not open for trading";
    LEVERAGE_FIXED = -4161, "the leverage of an isolated position cannot be lowered";
    NOTIONAL_TOO_SMALL = -4164, "the notional is below the minimum";
    NO_CHANGE = -5027, "the order has this price and quantity already";
    FOK_UNFILLABLE = -5021, "not all of it could be filled at once";
    WOULD_TAKE = -5022, "a post-only order would take liquidity";
}
