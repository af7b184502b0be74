//! The seal on an order that may be sent, and the reason why one may not.

use std::ops::Deref;

/// Something that risk has approved. Only this room can make one, and nobody can change what is in it:
///
/// ```compile_fail,E0594
/// use live_trading_launcher::{protocol::OrderRequest, risk::Approved};
///
/// fn larger(mut order: Approved<OrderRequest>) {
///     order.reduce_only = false;
/// }
/// ```
///
/// ```compile_fail,E0423
/// use live_trading_launcher::{protocol::OrderRequest, risk::Approved};
///
/// fn unasked(order: OrderRequest) -> Approved<OrderRequest> {
///     Approved(order)
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an approved order counts against the limits, and is meant to be sent"]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    pub(super) fn new(inner: T) -> Approved<T> {
        Approved(inner)
    }

    /// Gives it away to be sent.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Approved<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why an order is not sent, or nothing is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// A word in `snake_case` that stays the same from version to version, so that it can be counted.
    pub reason: &'static str,
    /// The figures, for people.
    pub detail: String,
}

impl Rejection {
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Rejection {
        Rejection { reason, detail: detail.into() }
    }

    pub(super) fn err<T>(reason: &'static str, detail: impl Into<String>) -> Result<T, Rejection> {
        Err(Rejection::new(reason, detail))
    }
}

/// Why no size fits.
pub type Skip = Rejection;
