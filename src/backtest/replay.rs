//! A recorded session through the engine again, bit for bit.

use std::path::Path;

use super::story::Story;
use crate::engine::Engine;
use crate::protocol::{Action, Actions, Event, Stamped, View};
use crate::recorder::{Entry, Recording, RecordingError, digest_of};
use crate::session::Session;
use crate::types::Instruments;

/// What a replay came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Events that went through the engine.
    pub events: u64,
    /// Steps whose decisions were compared, and agreed.
    pub compared: u64,
    /// Segments that were read.
    pub segments: u32,
    /// The engine at the end.
    pub view: View,
    /// The first decision that was another, if one was.
    pub divergence: Option<Divergence>,
}

/// The first step at which the engine decided otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// The event.
    pub event: Box<Stamped<Event>>,
    /// Digest of the actions as recorded; none if none were.
    pub recorded: Option<u64>,
    /// Digest of the actions now; none if there are none.
    pub replayed: Option<u64>,
    /// The actions now, in words.
    pub actions: String,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// A segment's snapshot is of another version of the engine.
    #[error(
        "segment {segment}: its snapshot of the engine cannot be read ({reason}); it was recorded by version {build}"
    )]
    Snapshot {
        /// Which segment.
        segment: u32,
        /// What is wrong with it.
        reason: String,
        /// The build that recorded it.
        build: String,
    },
    /// Events are missing.
    #[error("segment {segment}: event {expected} is missing")]
    Missing {
        /// Which segment.
        segment: u32,
        /// The number that should come next.
        expected: u64,
    },
}

/// Turns the crank over a recording. With `verify`, every step is compared with its recorded digest, and the first that
/// differs ends the replay. `progress` hears the number of events now and then.
///
/// # Errors
/// If the recording is damaged or of another version.
pub fn replay(path: &Path, verify: bool, progress: impl FnMut(u64)) -> Result<Replayed, ReplayError> {
    follow(path, verify, &mut |_, _, _| {}, progress)
}

/// The same with a story of what happened.
///
/// # Errors
/// If the recording is damaged or of another version.
pub fn replay_story(
    path: &Path,
    verify: bool,
    progress: impl FnMut(u64),
) -> Result<(Replayed, Option<Story>), ReplayError> {
    let mut story: Option<Story> = None;
    let mut hear = |instruments: &Instruments, stamped: &Stamped<Event>, actions: &[Action]| {
        story.get_or_insert_with(|| Story::new(instruments, stamped.at)).hear(stamped, actions);
    };
    let replayed = follow(path, verify, &mut hear, progress)?;
    Ok((replayed, story))
}

/// Whoever hears each step: its instruments, its event, and what the engine wants done.
type Hear<'a> = dyn FnMut(&Instruments, &Stamped<Event>, &[Action]) + 'a;

fn follow(path: &Path, verify: bool, hear: &mut Hear, mut progress: impl FnMut(u64)) -> Result<Replayed, ReplayError> {
    let recording = Recording::open(path)?;
    let mut done = Replayed { events: 0, compared: 0, segments: 0, view: View::default(), divergence: None };
    for segment in recording.segments() {
        let segment = segment?;
        let number = segment.number();
        let header = segment.header().clone();
        let engine = Engine::from_snapshot(&header.snapshot).map_err(|error| ReplayError::Snapshot {
            segment: number,
            reason: error.to_string(),
            build: header.build.clone(),
        })?;
        let mut session = Session::new(engine, crate::types::Timestamp::EPOCH, header.first_seq.saturating_sub(1));
        let mut pending: Option<Pending> = None;
        let mut actions = Actions::default();
        for entry in segment {
            match entry? {
                Entry::Event(event) => {
                    settle(pending.take(), None, verify, &mut done, &actions);
                    session
                        .replay(&event, &mut actions)
                        .map_err(|expected| ReplayError::Missing { segment: number, expected })?;
                    hear(&header.instruments, &event, &actions);
                    let digest = (!actions.is_empty()).then(|| digest_of(&actions));
                    done.events += 1;
                    if done.events.is_multiple_of(PROGRESS_EVERY) {
                        progress(done.events);
                    }
                    pending = Some((event, digest));
                }
                Entry::Digest { seq: _, digest } => settle(pending.take(), Some(digest), verify, &mut done, &actions),
                Entry::Gap { .. } => {}
            }
            if done.divergence.is_some() {
                break;
            }
        }
        settle(pending.take(), None, verify, &mut done, &actions);
        done.segments += 1;
        done.view = session.engine().view();
        if done.divergence.is_some() {
            break;
        }
    }
    Ok(done)
}

/// A step that waits for its recorded digest: the event, and the digest of its actions now.
type Pending = (Box<Stamped<Event>>, Option<u64>);

/// Events between two words of progress.
const PROGRESS_EVERY: u64 = 10_000;

fn settle(pending: Option<Pending>, recorded: Option<u64>, verify: bool, done: &mut Replayed, actions: &Actions) {
    let Some((event, replayed)) = pending else { return };
    if !verify || done.divergence.is_some() {
        return;
    }
    if replayed == recorded {
        done.compared += u64::from(recorded.is_some());
    } else {
        let actions = format!("{:?}", &**actions);
        done.divergence = Some(Divergence { event, recorded, replayed, actions });
    }
}
