//! The wire between the daemon and the paper venue, with the test's hand on it: what is sent is noted and can be
//! lost, what is said can be kept from the daemon, and orders can be given by another hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use live_trading_launcher::protocol::{
    AccountReport, Event, MarketEvent, OrderRequest, ReportBody, VenueReport, VenueRequest,
};
use live_trading_launcher::types::{ClientOrderId, Timestamp};
use live_trading_launcher::venue::{Venue, VenueError};

type Watcher = Box<dyn FnMut(&OrderRequest) + Send>;
type Ear = Box<dyn FnMut(&VenueReport) -> bool + Send>;

#[derive(Default)]
struct Hand {
    sent: Vec<(Timestamp, VenueRequest)>,
    said: Vec<(Timestamp, VenueReport)>,
    watcher: Option<Watcher>,
    ear: Option<Ear>,
}

/// The test's hand. Copies are the same hand.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<Hand>>);

impl Wire {
    /// Puts the hand on the wire to a venue.
    pub fn around(&self, venue: Box<dyn Venue>) -> Box<dyn Venue> {
        Box::new(Tapped { venue, wire: self.clone() })
    }

    /// Every order that was sent, with its instant.
    pub fn orders(&self) -> Vec<(Timestamp, OrderRequest)> {
        let order = |(at, request): &(Timestamp, VenueRequest)| match request {
            VenueRequest::Submit(order) => Some((*at, order.clone())),
            _ => None,
        };
        self.hand().sent.iter().filter_map(order).collect()
    }

    /// Everything that was sent.
    pub fn requests(&self) -> Vec<VenueRequest> {
        self.hand().sent.iter().map(|(_, request)| request.clone()).collect()
    }

    /// Everything that went over the wire, as a text.
    pub fn log(&self) -> String {
        let hand = self.hand();
        let sent = hand.sent.iter().map(|(at, request)| format!("{at} > {request:?}\n"));
        let said = hand.said.iter().map(|(at, report)| format!("{at} < {report:?}\n"));
        sent.chain(said).collect()
    }

    /// Calls this with every order at the moment that it is sent.
    pub fn on_order(&self, watcher: impl FnMut(&OrderRequest) + Send + 'static) {
        self.hand().watcher = Some(Box::new(watcher));
    }

    /// From now on the daemon hears only what this lets through.
    pub fn let_through(&self, ear: impl FnMut(&VenueReport) -> bool + Send + 'static) {
        self.hand().ear = Some(Box::new(ear));
    }

    /// The daemon hears everything again.
    pub fn let_all_through(&self) {
        self.hand().ear = None;
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is it a report about this order, pushed or asked for?
pub fn is_about(report: &VenueReport, id: ClientOrderId) -> bool {
    match report {
        VenueReport::Order(report) => report.client_id == id,
        VenueReport::Account(_) => false,
    }
}

/// Is it a list of open orders?
pub fn is_list_of_orders(report: &VenueReport) -> bool {
    matches!(report, VenueReport::Account(AccountReport::OpenOrders(_)))
}

/// Does it tell the wallet's balance?
pub fn is_balance(report: &VenueReport) -> bool {
    matches!(report, VenueReport::Account(AccountReport::Balance(_)))
}

/// Does it say that an order was taken?
pub fn is_acceptance(report: &VenueReport) -> bool {
    matches!(report, VenueReport::Order(report) if report.body == ReportBody::Accepted)
}

/// Does it say that no answer came?
pub fn is_silence(report: &VenueReport) -> bool {
    matches!(report, VenueReport::Order(report) if matches!(report.body, ReportBody::Unanswered { .. }))
}

struct Tapped {
    venue: Box<dyn Venue>,
    wire: Wire,
}

impl Venue for Tapped {
    fn name(&self) -> &str {
        self.venue.name()
    }
    fn on_market(&mut self, at: Timestamp, event: &MarketEvent) -> Result<(), VenueError> {
        self.venue.on_market(at, event)
    }
    fn send(&mut self, at: Timestamp, request: VenueRequest) -> Result<(), VenueError> {
        let mut hand = self.wire.hand();
        hand.sent.push((at, request.clone()));
        if let (VenueRequest::Submit(order), Some(watch)) = (&request, &mut hand.watcher) {
            watch(order);
        }
        drop(hand);
        self.venue.send(at, request)
    }
    fn next_due(&self) -> Option<Timestamp> {
        self.venue.next_due()
    }
    fn poll(&mut self, until: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError> {
        while let Some((at, report)) = self.venue.poll(until)? {
            let Event::Venue(report) = report else { return Ok(Some((at, report))) };
            let mut hand = self.wire.hand();
            if hand.ear.as_mut().is_none_or(|ear| ear(&report)) {
                hand.said.push((at, report.clone()));
                return Ok(Some((at, Event::Venue(report))));
            }
        }
        Ok(None)
    }
}
