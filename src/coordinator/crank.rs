//! One turn of a session: take what is earliest of feed, venue and engine, record it, decide, make durable what must be,
//! and only then carry it out. Beside a real venue, what feed and venue have to say is what has arrived.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::RunError;
use super::faults::{self, FaultKind, Scheduled};
use crate::clock::{Clock, Pace, SessionClock, Speed};
use crate::feed::Feed;
use crate::ledger::Ledger;
use crate::protocol::{
    Action, Actions, Event, Journal, MarketData, MarketEvent, Notice, OrderReport, ReportBody, VenueReport,
    VenueRequest, View,
};
use crate::pulse::{Pulses, Stage};
use crate::recorder::{RecorderThread, digest_of};
use crate::session::{Session, Source};
use crate::shadow::Shadow;
use crate::types::{Exit, InstrumentId, Timeframe, Timestamp};
use crate::venue::Venue;

/// Rows that nothing waits for (equity, signals, risk's memory) are kept until the next commit, and at most this
/// many: a quarter of an hour of three symbols, so that a killed process loses no more than a stretch of the
/// equity curve.
const DEFERRED_ROWS: usize = 64;
/// Longest sleep, so that the loop's pulse is never older than this without a reason.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// What the shadow does between two looks at what is due: some tens of microseconds of work.
const SHADOW_AT_ONCE: usize = 256;
/// The recorder's thread is waited for at most this long at the end.
const RECORDER_DEADLINE: Duration = Duration::from_secs(2);

/// What a turn leaves for the loop to do outside of session time.
#[derive(Debug, Default)]
pub struct Outside {
    /// Messages for people.
    pub notices: Vec<Notice>,
    /// The engine wants the process to end.
    pub leave: Option<(Exit, String)>,
}

/// What the crank has before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A turn, for this instant.
    Turn(Timestamp),
    /// Nothing for so long, unless something arrives.
    Later(Duration),
    /// Nothing any more: the feed has ended, and nothing is on its way.
    Never,
}

/// Everything that a session turns on.
pub struct Crank {
    /// Queue and engine.
    pub session: Session,
    /// Where market data comes from.
    pub feed: Box<dyn Feed>,
    /// Where orders go.
    pub venue: Box<dyn Venue>,
    /// What must be durable.
    pub ledger: Ledger,
    /// The black box; none if it is switched off or has failed.
    pub recorder: Option<RecorderThread>,
    /// What every stage stamps.
    pub pulses: Arc<Pulses>,
    /// Only for the wall-clock columns of the ledger.
    pub clock: Clock,
    /// Session time beside a market that does not wait; none if the feed says what time it is.
    pub time: Option<SessionClock>,
    /// Told by feed and venue when something has arrived that they did not have before.
    pub arrivals: Arc<Notify>,
    /// The simulated exchange beside a real one; none on paper.
    pub shadow: Option<Shadow>,
    deferred: Vec<Journal>,
    /// What the step at hand wants done.
    actions: Actions,
}

impl Crank {
    /// Puts the parts together.
    pub fn new(
        session: Session,
        feed: Box<dyn Feed>,
        venue: Box<dyn Venue>,
        ledger: Ledger,
        recorder: Option<RecorderThread>,
        pulses: Arc<Pulses>,
        clock: Clock,
    ) -> Crank {
        let (time, arrivals, shadow) = (None, Arc::default(), None);
        let (deferred, actions) = (Vec::new(), Actions::default());
        Crank { session, feed, venue, ledger, recorder, pulses, clock, time, arrivals, shadow, deferred, actions }
    }

    /// The instant of what comes next; `None` if the feed has ended and nothing is on its way.
    pub fn next_at(&mut self) -> Option<Timestamp> {
        [self.session.next_at(), self.venue.next_due(), self.feed.next_at()].into_iter().flatten().min()
    }

    /// The pace of what is not to be waited for: none in virtual time; real time is what it is.
    pub fn unpaced(&self) -> Pace {
        self.time.map_or_else(|| Pace::new(Speed::Max, self.session.at()), Pace::real)
    }

    /// What is to be done now, at this pace.
    pub fn due(&mut self, pace: &Pace) -> Due {
        match self.next_at() {
            Some(next) => pace.due(next).map_or(Due::Turn(next), |wait| Due::Later(wait.min(LONGEST_SLEEP))),
            None if self.feed.has_ended() => Due::Never,
            None => Due::Later(LONGEST_SLEEP),
        }
    }

    /// Sleeps for so long, or until something has arrived, unless the shadow has something left to do.
    pub async fn rest(&mut self, wait: Duration) {
        if self.work_in_the_shadow(SHADOW_AT_ONCE) {
            return tokio::task::yield_now().await;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.arrivals.notified() => {}
        }
    }

    /// Takes what is earliest: a step of the engine, else a word of the venue, else a record of the feed.
    ///
    /// # Errors
    /// When the session cannot go on: a damaged feed, a ledger or venue that cannot keep its truth.
    pub fn turn(&mut self) -> Result<Outside, RunError> {
        let Some(next) = self.next_at() else { return Ok(Outside::default()) };
        if self.session.next_at() == Some(next) {
            return self.step();
        }
        if self.venue.next_due() == Some(next) {
            self.beat(Stage::Dispatch);
            if let Some((at, event)) = self.venue.poll(next)? {
                self.session.push(at, Source::Venue, event);
            }
            return Ok(Outside::default());
        }
        self.beat(Stage::Feed);
        match self.feed.next() {
            Some(Ok(record)) => self.market(record.at, record.event)?,
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
        Ok(Outside::default())
    }

    /// Shows a piece of market data to the venue first, then queues it for the engine, which reads no books. What a simulated
    /// venue says to it at once happened within it, and is known before it.
    fn market(&mut self, at: Timestamp, event: MarketEvent) -> Result<(), RunError> {
        self.stamp(at, &event);
        self.venue.on_market(at, &event)?;
        while self.venue.next_due().is_some_and(|due| due <= at) {
            let Some((at, said)) = self.venue.poll(at)? else { break };
            self.session.push(at, Source::Venue, said);
        }
        if let Some(shadow) = &mut self.shadow {
            shadow.hear_market(at, &event);
        }
        if !matches!(event.data, MarketData::Depth(_)) {
            self.session.push(at, Source::Market, Event::Market(event));
        }
        Ok(())
    }

    /// The loop made progress and enters a stage.
    pub fn beat(&self, stage: Stage) {
        self.pulses.beat(stage, self.clock.uptime());
    }

    /// Stamps when market data came, for those who judge its age.
    fn stamp(&self, at: Timestamp, event: &MarketEvent) {
        match event.data {
            MarketData::Bar(_) => self.pulses.bar_closed(event.instrument, at),
            MarketData::Quote(_) | MarketData::Trade(_) | MarketData::Mark(_) | MarketData::Depth(_) => {
                self.pulses.market_data(event.instrument, at);
            }
            MarketData::Funding(_) | MarketData::History { .. } | MarketData::Tradable(_) => {}
        }
    }

    fn step(&mut self) -> Result<Outside, RunError> {
        self.beat(Stage::Engine);
        let Some(stamped) = self.session.step(&mut self.actions) else { return Ok(Outside::default()) };
        self.pulses.session(stamped.at);
        self.beat(Stage::Record);
        if let Some(recorder) = &mut self.recorder {
            let digest = (!self.actions.is_empty()).then(|| digest_of(&self.actions));
            recorder.record(&stamped, digest);
            if let Some(error) = recorder.take_error() {
                tracing::error!(%error, "the recorder has stopped; trading goes on without a recording");
                self.recorder = None;
            } else if recorder.wants_rotation() {
                recorder.rotate(self.session.engine().snapshot(), stamped.seq + 1);
            }
        }
        if let Some(shadow) = &mut self.shadow {
            shadow.hear_step(stamped.at, &stamped.event, &self.actions);
        }
        let mut outside = Outside::default();
        let (rows, effects) = split(&mut self.actions);
        self.commit(stamped.seq, stamped.at, rows, &effects)?;
        self.beat(Stage::Dispatch);
        for effect in effects {
            self.carry_out(stamped.at, effect, &mut outside)?;
        }
        Ok(outside)
    }

    /// Commits a step's rows, unless all of them can wait and nothing is about to leave.
    fn commit(&mut self, seq: u64, at: Timestamp, rows: Vec<Journal>, effects: &[Action]) -> Result<(), RunError> {
        let can_wait = rows.iter().all(defers)
            && !effects.iter().any(|effect| matches!(effect, Action::Send(VenueRequest::Submit(_))))
            && self.deferred.len() + rows.len() <= DEFERRED_ROWS;
        self.deferred.extend(rows);
        if can_wait || self.deferred.is_empty() {
            return Ok(());
        }
        self.beat(Stage::Commit);
        let begun = self.clock.thread_uptime();
        let result = self.ledger.commit(seq, at, self.clock.wall(), &self.deferred);
        if result.is_err() {
            self.pulses.commit_failed();
        }
        result?;
        self.pulses.committed(self.clock.thread_uptime() - begun);
        self.deferred.clear();
        Ok(())
    }

    /// Commits what was deferred.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn flush(&mut self) -> Result<(), RunError> {
        if !self.deferred.is_empty() {
            self.ledger.commit(self.session.seq(), self.session.at(), self.clock.wall(), &self.deferred)?;
            self.deferred.clear();
        }
        self.spill();
        Ok(())
    }

    /// The engine as people see it, with how far the venue is from paper.
    pub fn view(&self) -> View {
        View { shadow: self.shadow.as_ref().map(Shadow::tally), ..self.session.engine().view() }
    }

    /// Lets the shadow work through so many things. Its rows go with the next commit. Says whether it has more to do.
    fn work_in_the_shadow(&mut self, most: usize) -> bool {
        let Some(shadow) = &mut self.shadow else { return false };
        let more = shadow.work(most);
        self.deferred.extend(shadow.take_rows().into_iter().map(Box::new).map(Journal::Shadow));
        more
    }

    /// Nothing more is traded: the shadow closes what it follows.
    pub(super) fn close_the_shadow(&mut self) {
        if let Some(shadow) = &mut self.shadow {
            shadow.close();
        }
        self.work_in_the_shadow(0);
    }

    /// Hands what the recorder holds to its thread, which is to be done every second or so.
    pub(super) fn spill(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
    }

    /// Lets a rehearsed fault happen.
    ///
    /// # Errors
    /// If the fault is one, or the ledger cannot be told of it.
    pub(super) fn suffer(&mut self, fault: &Scheduled) -> Result<(), RunError> {
        if fault.kind == FaultKind::DiskFull {
            self.ledger.rehearse_full_disk(0)?;
        }
        faults::happen(fault)
    }

    /// Closes the recording and the ledger, with the reason why the session ended.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn close(mut self, reason: &str) -> Result<(), RunError> {
        self.flush()?;
        if let Some(recorder) = self.recorder.take()
            && let Err(error) = recorder.close(RECORDER_DEADLINE)
        {
            tracing::error!(%error, "the recording could not be closed");
        }
        self.ledger.finish(self.session.at(), self.clock.wall(), reason)?;
        Ok(())
    }

    fn carry_out(&mut self, at: Timestamp, effect: Action, outside: &mut Outside) -> Result<(), RunError> {
        match effect {
            Action::Journal(_) => {}
            Action::Send(request) => self.send(at, request)?,
            Action::Notify(notice) => outside.notices.push(notice),
            Action::Backfill { instrument, from, until } => self.backfill(at, instrument, from, until)?,
            Action::RestartFeed { instrument } => self.feed.restart(instrument),
            Action::Leave { exit, reason } => outside.leave = Some((exit, reason)),
        }
        Ok(())
    }

    fn send(&mut self, at: Timestamp, request: VenueRequest) -> Result<(), RunError> {
        if let VenueRequest::Submit(order) = &request {
            let report = OrderReport {
                client_id: order.client_id,
                instrument: order.instrument,
                venue_order_id: None,
                venue_time: at,
                body: ReportBody::Sent,
            };
            self.session.push(at, Source::Venue, Event::Venue(VenueReport::Order(report)));
        }
        self.venue.send(at, request)?;
        Ok(())
    }

    fn backfill(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(), RunError> {
        if let Some(bars) = self.feed.ask_backfill(instrument, from, until)? {
            let data = MarketData::History { timeframe: Timeframe::M1, bars };
            self.session.push(at, Source::Market, Event::Market(MarketEvent { instrument, data }));
        }
        Ok(())
    }
}

/// Parts the rows for the ledger from what is to be done, keeping the order of each.
fn split(actions: &mut Actions) -> (Vec<Journal>, Vec<Action>) {
    let mut rows = Vec::new();
    let mut effects = Vec::new();
    for action in actions.drain() {
        match action {
            Action::Journal(row) => rows.push(row),
            other @ (Action::Send(_)
            | Action::Notify(_)
            | Action::Backfill { .. }
            | Action::RestartFeed { .. }
            | Action::Leave { .. }) => effects.push(other),
        }
    }
    (rows, effects)
}

/// May this row wait for the next commit? Nothing that a restart needs may.
fn defers(row: &Journal) -> bool {
    match row {
        Journal::Equity(_) | Journal::Signal(_) | Journal::Shadow(_) => true,
        Journal::Intent(_)
        | Journal::Order(_)
        | Journal::Fill { .. }
        | Journal::Position(_)
        | Journal::Trade(_)
        | Journal::Funding(_)
        | Journal::OpeningCash(_)
        | Journal::Transfer { .. }
        | Journal::Adjustment { .. }
        | Journal::State(_)
        | Journal::RiskMemory(_)
        | Journal::FeeInKind(_)
        | Journal::Halt { .. } => false,
    }
}
