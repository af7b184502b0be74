//! Connections for orders are kept open: one that has to be made anew, with its encryption, costs an order more than
//! everything else on its way.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::rest::Rest;
use super::super::rest::calls::market::ping;

/// Well within the time after which an idle connection is given up, on either side.
const EVERY: Duration = Duration::from_secs(20);

/// Keeps two connections open: an entry and a stop, or two exits, often leave together.
pub(super) async fn keep(orders: Rest, cancel: CancellationToken) {
    loop {
        // What fails here is told by those who need an answer.
        let _ = tokio::join!(orders.call(ping()), orders.call(ping()));
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
