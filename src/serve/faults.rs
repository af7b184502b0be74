//! What goes wrong at the server, switched while it runs.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use super::route::{Method, Route, Security};
use crate::venue::binance::error::ApiError;

/// Longest delay that can be asked for.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(60);

/// The switches.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Switches>);

/// What is switched on. Counts are of requests that are still to be hit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    /// Every request waits as long.
    pub delay: Duration,
    /// Orders that are carried out and not answered.
    pub lose_answers: u32,
    /// Requests that certainly fail: 503, −1008.
    pub overloads: u32,
    /// Orders that are carried out, and answered with a 503 that says nothing of it.
    pub unknowns: u32,
    /// Orders that are not carried out, and answered with the same 503.
    pub unknown_failures: u32,
    /// Everything but the clock is refused: maintenance.
    pub maintenance: bool,
}

impl Faults {
    pub(crate) fn set(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn now(&self) -> Switches {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What befalls a request before it is carried out: it is refused.
    pub(crate) async fn before(&self, route: &Route) -> Option<ApiError> {
        let delay = self.now().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut switches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if switches.maintenance && route.path != "/fapi/v1/time" {
            return Some(ApiError::new(-1008, "Service Unavailable."));
        }
        if acts(route) && take(&mut switches.overloads) {
            return Some(ApiError::of(-1008));
        }
        (acts(route) && take(&mut switches.unknown_failures)).then(unknown)
    }

    /// What befalls its answer.
    pub(crate) fn after(&self, route: &Route) -> Fate {
        if !acts(route) {
            return Fate::Told;
        }
        let mut switches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if take(&mut switches.unknowns) {
            Fate::Unclear(unknown())
        } else if take(&mut switches.lose_answers) {
            Fate::Lost
        } else {
            Fate::Told
        }
    }
}

/// What becomes of an answer.
#[derive(Debug)]
pub(crate) enum Fate {
    Told,
    /// This is told in its place.
    Unclear(ApiError),
    /// Nothing is told.
    Lost,
}

/// Requests that do something are those that faults of a count hit.
fn acts(route: &Route) -> bool {
    route.security == Security::Signed && route.method != Method::Get
}

fn take(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

/// The 503 after which nobody knows.
pub(crate) fn unknown() -> ApiError {
    ApiError::new(-1000, "Unknown error, please check your request or try again later.")
}
