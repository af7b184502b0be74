//! A request as its handler sees it, and how parameters are read.

use crate::exchange::{AccountId, Refusal};
use crate::types::{InstrumentId, Instruments, Price, Qty, Rate, Rounding, Timestamp, Usdt};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::form::Form;

/// Largest number that JSON readers keep all digits of.
const MAX_NUMBER: u64 = 1 << 53;

/// A request that was let in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// When it is carried out, in the market's time.
    pub at: Timestamp,
    /// The time that clients see: the market's, but for a fault of the clock.
    pub told: Timestamp,
    /// Whose it is; of public requests the first account, which they do not look at.
    pub account: AccountId,
    pub params: &'a Form,
    /// Did it come over the WebSocket API?
    pub socket: bool,
}

/// What a handler gives: the reply's body.
pub(crate) type Answer = Result<Vec<u8>, ApiError>;

/// Writes a reply.
pub(crate) fn json(reply: &impl serde::Serialize) -> Answer {
    serde_json::to_vec(reply).map_err(|_| ApiError::of(-1000))
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        ApiError::of(refusal.code)
    }
}

impl<'a> Call<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.params.get(name)
    }

    pub(crate) fn need(&self, name: &str) -> Result<&'a str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    /// The instrument that must be named.
    pub(crate) fn instrument(&self, instruments: &Instruments) -> Result<InstrumentId, ApiError> {
        find(self.need("symbol")?, instruments)
    }

    /// The instrument that may be named.
    pub(crate) fn some_instrument(&self, instruments: &Instruments) -> Result<Option<InstrumentId>, ApiError> {
        self.get("symbol").map(|symbol| find(symbol, instruments)).transpose()
    }

    pub(crate) fn price(&self, name: &str) -> Result<Option<Price>, ApiError> {
        self.parsed(name)
    }

    pub(crate) fn qty(&self, name: &str) -> Result<Option<Qty>, ApiError> {
        self.parsed(name)
    }

    pub(crate) fn money(&self, name: &str) -> Result<Option<Usdt>, ApiError> {
        self.parsed(name)
    }

    /// A share that is written in percent.
    pub(crate) fn percent(&self, name: &str) -> Result<Option<Rate>, ApiError> {
        let percent: Option<Usdt> = self.parsed(name)?;
        Ok(percent.map(|percent| percent.ratio_of(Usdt::whole(100), Rounding::Down)))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        Ok(self.parsed::<u64>(name)?.filter(|number| *number <= MAX_NUMBER))
    }

    /// How many are asked for: `usual` if nothing is said.
    pub(crate) fn limit(&self, usual: usize, most: usize) -> Result<usize, ApiError> {
        match self.parsed::<usize>("limit")? {
            None => Ok(usual),
            Some(0) => Err(ApiError::malformed("limit")),
            Some(limit) => Ok(limit.min(most)),
        }
    }

    /// Milliseconds since the epoch.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        /// The year 2200: later instants would leave our range of nanoseconds.
        const LATEST: u64 = 7_258_118_400_000;
        let millis = self.parsed::<u64>(name)?;
        Ok(millis.map(|millis| Timestamp::from_millis(i64::try_from(millis.min(LATEST)).unwrap_or(i64::MAX))))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::missing(name)),
        }
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.get(name).map(|text| text.parse().map_err(|_| ApiError::missing(name))).transpose()
    }
}

fn find(symbol: &str, instruments: &Instruments) -> Result<InstrumentId, ApiError> {
    instruments.find_venue(symbol).ok_or_else(|| ApiError::of(-1121))
}
