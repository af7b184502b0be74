//! Whether the venue answers at all, for each instrument. While it does not, asking after one order tells as much as
//! asking after all of them; and once it answers again, everything that is in doubt is asked after at once, since
//! pauses that grew while nobody listened say nothing about a venue that does.

use serde::{Deserialize, Serialize};

use super::order::{Inquiry, Order};
use super::settings::Settings;
use super::table::Orders;
use crate::types::{ClientOrderId, InstrumentId, Span, Timestamp};

/// While nothing is answered, one question is put this often: the end of an outage is noticed within this time, and
/// a question costs the venue next to nothing.
const PROBE_EVERY: Span = Span::SECOND;

/// What is known of the line to the venue for one instrument.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// When the venue last said anything about an order of the instrument.
    heard_at: Option<Timestamp>,
    /// Since when nothing is answered.
    silent_since: Option<Timestamp>,
    /// When the next question is put that only asks whether anybody is there.
    probe_at: Option<Timestamp>,
}

impl Line {
    /// Something that the venue was asked came to nothing. What was asked before the venue was last heard may fail
    /// later than that, and is no silence.
    fn failed(&mut self, at: Timestamp, settings: &Settings) {
        let stale = self.heard_at.is_some_and(|heard| at.since(heard) <= settings.answer_deadline);
        if !stale && self.silent_since.is_none() {
            (self.silent_since, self.probe_at) = (Some(at), Some(at + PROBE_EVERY));
        }
    }

    /// The venue has said something. True if that ends a silence.
    fn heard(&mut self, at: Timestamp) -> bool {
        self.heard_at = self.heard_at.max(Some(at));
        self.probe_at = None;
        self.silent_since.take().is_some()
    }
}

impl Orders {
    /// Has the venue stopped answering what it is asked about this instrument?
    pub fn is_silent(&self, instrument: InstrumentId) -> bool {
        self.lines.get(&instrument).is_some_and(|line| line.silent_since.is_some())
    }

    /// A question about this order came to nothing: no answer, or one that could not be used.
    pub fn question_failed(&mut self, id: ClientOrderId, at: Timestamp) {
        let Some(order) = self.orders.get_mut(id) else { return };
        order.query_failed();
        let instrument = order.row.intent.request.instrument;
        self.line_failed(instrument, at);
    }

    pub(super) fn line_failed(&mut self, instrument: InstrumentId, at: Timestamp) {
        self.lines.entry(instrument).or_default().failed(at, &self.settings);
    }

    /// Notes that the venue answers. True if it had been silent: then all that is in doubt is asked after now.
    pub(super) fn line_heard(&mut self, instrument: InstrumentId, at: Timestamp) -> bool {
        let returned = self.lines.entry(instrument).or_default().heard(at);
        if returned {
            let doubtful = self.orders.live_mut().filter(|order| order.row.intent.request.instrument == instrument);
            for inquiry in doubtful.filter_map(|order| order.inquiry.as_mut()) {
                inquiry.hurry(at);
            }
            self.fills_poll.hurry();
        }
        returned
    }

    /// Lets the youngest order in doubt be asked after now, if it is time to try whether the venue answers again.
    pub(super) fn probe(&mut self, at: Timestamp) {
        let due: Vec<InstrumentId> = self.due_lines(at).collect();
        for instrument in due {
            let youngest = self.in_doubt(instrument).last().map(|order| order.row.intent.request.client_id);
            if let Some(inquiry) = youngest.and_then(|id| self.orders.get_mut(id)?.inquiry.as_mut()) {
                inquiry.next_at = inquiry.next_at.min(at);
            }
            if let Some(line) = self.lines.get_mut(&instrument) {
                line.probe_at = Some(at + PROBE_EVERY);
            }
        }
    }

    /// When the next probe is due, of an order in doubt: while none is, whatever is wanted next is tried anyway.
    pub(super) fn next_probe(&self, order: &Order) -> Option<Timestamp> {
        order.inquiry.as_ref()?;
        self.lines.get(&order.row.intent.request.instrument)?.probe_at
    }

    fn due_lines(&self, at: Timestamp) -> impl Iterator<Item = InstrumentId> {
        let due = move |line: &Line| line.probe_at.is_some_and(|probe| probe <= at);
        self.lines.iter().filter(move |(_, line)| due(line)).map(|(instrument, _)| *instrument)
    }

    fn in_doubt(&self, instrument: InstrumentId) -> impl Iterator<Item = &Order> {
        self.orders.live_of(instrument).filter(|order| order.inquiry.is_some())
    }
}

impl Inquiry {
    /// To be put now, and then with pauses that begin anew.
    fn hurry(&mut self, at: Timestamp) {
        (self.next_at, self.asked) = (self.next_at.min(at), 0);
    }
}
