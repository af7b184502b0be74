//! Errors: their numbers, their HTTP statuses, and their words, which some clients go by.

use serde::{Deserialize, Serialize};

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ApiError {
    /// Status of the HTTP reply; not part of the body.
    #[serde(skip)]
    pub status: u16,
    pub code: i64,
    pub msg: String,
}

/// Words by number, where these are always the same.
const WORDS: &[(i64, &str)] = &[
    (-1000, "An unknown error occurred while processing the request."),
    (-1002, "You are not authorized to execute this request."),
    (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    (-1015, "Too many new orders; current limit is %s orders per TIME_WINDOW."),
    (-1021, "Timestamp for this request is outside of the recvWindow."),
    (-1022, "Signature for this request is not valid."),
    (-1099, "Not found, unauthenticated, or unauthorized."),
    (-1100, "Illegal characters found in a parameter."),
    (-1101, "Too many parameters sent for this endpoint."),
    (-1106, "Parameter 'reduceonly' sent when not required."),
    (-1111, "Precision is over the maximum defined for this asset."),
    (-1115, "Invalid timeInForce."),
    (-1116, "Invalid orderType."),
    (-1117, "Invalid side."),
    (-1120, "Invalid interval."),
    (-1121, "Invalid symbol."),
    (-1125, "This listenKey does not exist."),
    (-1127, "More than %s hours between startTime and endTime."),
    (-1128, "Combination of optional parameters invalid."),
    (-1136, "Invalid newOrderRespType."),
    (-2010, "New order rejected."),
    (-2011, "Unknown order sent."),
    (-2013, "Order does not exist."),
    (-2014, "API-key format invalid."),
    (-2015, "Invalid API-key, IP, or permissions for action."),
    (-2018, "Balance is insufficient."),
    (-2019, "Margin is insufficient."),
    (-2021, "Order would immediately trigger."),
    (-2022, "ReduceOnly Order is rejected."),
    (-2025, "Reach max open order limit."),
    (-2027, "Exceeded the maximum allowable position at current leverage."),
    (-2028, "Leverage is smaller than permitted: insufficient margin balance."),
    (-4001, "Price less than 0."),
    (-4003, "Quantity less than or equal to zero."),
    (-4004, "Quantity less than min quantity."),
    (-4005, "Quantity greater than max quantity."),
    (-4006, "Stop price less than zero."),
    (-4014, "Price not increased by tick size."),
    (-4015, "Client order id is not valid."),
    (-4016, "Price is higher than mark price multiplier cap."),
    (-4023, "Quantity not increased by step size."),
    (-4024, "Price is lower than mark price multiplier floor."),
    (-4028, "Leverage is not valid."),
    (-4045, "Reach max stop order limit."),
    (-4046, "No need to change margin type."),
    (-4047, "Margin type cannot be changed if there exists open orders."),
    (-4048, "Margin type cannot be changed if there exists position."),
    (-4049, "Add margin only support for isolated position."),
    (-4050, "Cross balance insufficient."),
    (-4051, "Isolated balance insufficient."),
    (-4054, "Cannot add position margin: position is 0."),
    (-4055, "Amount must be positive."),
    (-4059, "No need to change position side."),
    (-4060, "Invalid position side."),
    (-4061, "Order's position side does not match user's setting."),
    (-4067, "Position side cannot be changed if there exists open orders."),
    (-4068, "Position side cannot be changed if there exists position."),
    (-4082, "Invalid number of batch place orders."),
    (-4116, "ClientOrderId is duplicated."),
    (-4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."),
    (-4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."),
    (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
    (-4136, "Target strategy invalid for this order type with closePosition."),
    (-4137, "Quantity must be zero with closePosition equals true."),
    (-4138, "Reduce only must be true with closePosition."),
    (-4140, "Invalid symbol status for opening position."),
    (-4144, "Invalid pair."),
    (-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions."),
    (-4164, "Order's notional must be no smaller than the minimum (unless you choose reduce only)."),
    (-4171, "No need to change multi-assets mode."),
    (
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be recorded in the order history.",
    ),
    (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be recorded in the order history.",
    ),
    (-5027, "No need to modify the order."),
    (-5028, "Timestamp for this request is outside of the ME recvWindow."),
];

impl ApiError {
    /// The error with its usual words.
    pub(crate) fn of(code: i64) -> ApiError {
        let words = WORDS.iter().find(|(one, _)| *one == code).map_or("The request was refused.", |(_, words)| words);
        ApiError::new(code, words)
    }

    /// An error with words of its own.
    pub(crate) fn new(code: i64, msg: impl Into<String>) -> ApiError {
        ApiError { status: status(code), code, msg: msg.into() }
    }

    /// A parameter that must be there is not.
    pub(crate) fn missing(name: &str) -> ApiError {
        let msg = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        ApiError::new(-1102, msg)
    }

    /// A parameter that does not belong there.
    pub(crate) fn unwanted(name: &str) -> ApiError {
        ApiError::new(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// A parameter that cannot be read.
    pub(crate) fn malformed(name: &str) -> ApiError {
        ApiError::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    /// The same error under another HTTP status.
    pub(crate) fn with_status(self, status: u16) -> ApiError {
        ApiError { status, ..self }
    }
}

/// The HTTP status that goes with a number.
const fn status(code: i64) -> u16 {
    match code {
        -1002 | -2014 | -2015 => 401,
        -1003 | -1015 => 429,
        -1000 | -1001 | -1006 | -1007 | -1008 => 503,
        -5000 => 404,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Refusal;

    #[test]
    fn every_refusal_has_words() {
        for refusal in Refusal::ALL.iter().filter(|refusal| refusal.code != -1003) {
            assert_ne!(ApiError::of(refusal.code).msg, "The request was refused.", "{refusal}");
        }
        assert!(WORDS.windows(2).all(|pair| pair[0].0 > pair[1].0), "sorted, each once");
    }

    #[test]
    fn an_error_is_written_as_binance_does() {
        let text = serde_json::to_string(&ApiError::of(-1121)).ok();
        assert_eq!(text.as_deref(), Some(r#"{"code":-1121,"msg":"Invalid symbol."}"#));
        assert_eq!((ApiError::of(-2015).status, ApiError::of(-2019).status), (401, 400));
    }
}
