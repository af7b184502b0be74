//! The one task that owns the world. Everything else sends it commands over a bounded queue and waits for answers,
//! so that the exchange needs no lock and every client sees the same order of things.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ServeError;
use super::call::{Answer, Call};
use super::hub::{ConnectionId, Outgoing};
use super::route::Route;
use super::state::Keeper;
use super::streams::{self, Asked};
use super::time::ServerTime;
use super::topic::Entrance;
use super::world::World;
use crate::exchange::AccountId;
use crate::types::{Span, Timestamp};
use crate::venue::binance::form::Form;

/// Commands that may wait. Each connection waits for its answer before it sends the next, so that this bounds what a
/// burst of subscriptions can pile up.
pub(crate) const QUEUE: usize = 4_096;
/// Commands that are answered before the market is looked at again.
const MOST_AT_ONCE: usize = 64;
/// How often time alone moves things, in the market's time.
const TICK: Span = Span::millis(100);
/// And in the wall's at most, however fast the market goes: a task is not woken up more often than this to any use.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// What is asked of the world.
pub(crate) enum Command {
    /// Do what a route says.
    Call { route: &'static Route, params: Form, account: AccountId, socket: bool, reply: oneshot::Sender<Answer> },
    /// A connection for streams is there.
    Connect { id: ConnectionId, queue: mpsc::Sender<Outgoing>, combined: bool, entrance: Entrance, names: Vec<String> },
    /// It listens to an account.
    Listen { id: ConnectionId, key: String, events: Vec<String> },
    /// It asks for something.
    Ask { id: ConnectionId, entrance: Entrance, asked: Box<Asked> },
    /// It is gone.
    Disconnect { id: ConnectionId },
    /// Something is to go wrong, or to go on.
    Control(Box<dyn FnOnce(&mut World) + Send>),
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Command::Call { .. } => "Call",
            Command::Connect { .. } => "Connect",
            Command::Listen { .. } => "Listen",
            Command::Ask { .. } => "Ask",
            Command::Disconnect { .. } => "Disconnect",
            Command::Control(_) => "Control",
        })
    }
}

/// The owner's end of things.
pub(crate) struct Owner {
    pub world: World,
    pub commands: mpsc::Receiver<Command>,
    pub time: ServerTime,
    pub stop: CancellationToken,
    pub keeper: Option<Keeper>,
    pub strict_routes: bool,
}

/// Answers that wait until what they tell of is kept.
type Answers = Vec<(oneshot::Sender<Answer>, Answer)>;

impl Owner {
    /// Works until it is told to stop.
    ///
    /// # Errors
    /// If the feed is damaged, or the state cannot be kept.
    pub(crate) async fn run(mut self) -> Result<(), ServeError> {
        let clock = self.time.clock();
        let tick = self.time.wall(TICK).max(SHORTEST_TICK);
        let mut next_tick = clock.instant_at(clock.uptime());
        let mut over = false;
        loop {
            let due = self.world.next_at().map(|at| self.time.instant(at));
            let wake: Instant = due.map_or(next_tick, |due| due.min(next_tick));
            let command = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(command) => Some(command),
                    None => break,
                },
                () = tokio::time::sleep_until(wake) => None,
            };
            self.pump(self.time.now(), &mut over)?;
            if let Some(command) = command {
                self.serve(command)?;
            }
            let now = clock.instant_at(clock.uptime());
            if now >= next_tick {
                // What is told at a tick is told of all that was until then.
                let at = self.time.now();
                self.pump(at, &mut over)?;
                self.world.tick(at);
                next_tick = (next_tick + tick).max(now);
                self.keep()?;
            }
        }
        self.keep()
    }

    /// Lets the market catch up with the clock.
    fn pump(&mut self, now: Timestamp, over: &mut bool) -> Result<(), ServeError> {
        self.world.pump(now)?;
        if !*over && self.world.next_at().is_none() {
            *over = true;
            tracing::warn!("the feed has ended; prices stand still from here on");
        }
        Ok(())
    }

    /// Does a command and those that wait behind it.
    fn serve(&mut self, first: Command) -> Result<(), ServeError> {
        let mut answers = Answers::new();
        self.one(first, &mut answers);
        for _ in 1..MOST_AT_ONCE {
            let Ok(command) = self.commands.try_recv() else { break };
            self.one(command, &mut answers);
        }
        self.keep()?;
        for (reply, answer) in answers {
            // Who asked may have gone.
            let _ = reply.send(answer);
        }
        Ok(())
    }

    fn one(&mut self, command: Command, answers: &mut Answers) {
        let at = self.time.now().max(self.world.exchange.now());
        match command {
            Command::Call { route, params, account, socket, reply } => {
                let call = Call { at, told: self.time.told(), account, params: &params, socket };
                self.world.exchange.advance(at);
                let answer = (route.run)(&mut self.world, &call);
                self.world.tell();
                answers.push((reply, answer));
            }
            Command::Connect { id, queue, combined, entrance, names } => {
                self.world.hub.connect(id, queue, combined);
                for name in names {
                    streams::subscribe(&mut self.world, id, entrance, &name, self.strict_routes);
                }
            }
            Command::Listen { id, key, events } => streams::listen(&mut self.world, id, &key, events),
            Command::Ask { id, entrance, asked } => {
                streams::ask(&mut self.world, id, entrance, &asked, self.strict_routes);
            }
            Command::Disconnect { id } => self.world.hub.disconnect(id),
            Command::Control(act) => {
                act(&mut self.world);
                self.world.tell();
            }
        }
    }

    fn keep(&mut self) -> Result<(), ServeError> {
        match &mut self.keeper {
            Some(keeper) => keeper.keep(&mut self.world),
            None => Ok(()),
        }
    }
}
