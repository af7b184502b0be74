//! What a route is: a method, a path, what it costs, who may, and what does it.

use super::call::{Answer, Call};
use super::world::World;
use crate::venue::binance::form::Form;

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// Anybody.
    Public,
    /// Who names a key.
    Key,
    /// Who signs with its secret.
    Signed,
}

/// What a call counts for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cost {
    /// So much of the address's weight.
    Weight(u32),
    /// As much as the parameters say.
    Of(fn(&Form) -> u32),
    /// One of the account's orders, and no weight.
    Order,
    /// Weight, and as many of the account's orders as there are in the list.
    Batch(u32),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub method: Method,
    pub path: &'static str,
    pub security: Security,
    pub cost: Cost,
    pub run: fn(&mut World, &Call<'_>) -> Answer,
}

impl Method {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

impl Cost {
    /// Weight for the address.
    pub(crate) fn weight(self, params: &Form) -> u32 {
        match self {
            Cost::Weight(weight) | Cost::Batch(weight) => weight,
            Cost::Of(weight) => weight(params),
            Cost::Order => 0,
        }
    }

    /// Orders for the account.
    pub(crate) fn orders(self, params: &Form) -> u32 {
        match self {
            Cost::Order => 1,
            Cost::Batch(_) => {
                let list = params.get("batchOrders").unwrap_or_default();
                u32::try_from(list.matches('{').count()).unwrap_or(u32::MAX).clamp(1, 10)
            }
            Cost::Weight(_) | Cost::Of(_) => 0,
        }
    }
}
