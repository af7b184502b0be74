//! The `replay` command: a recorded session through the engine again.

use std::path::{Path, PathBuf};

use super::backtest::write_page;
use super::commands::print;
use super::{Failure, daemon};
use crate::backtest::{self, Divergence};
use crate::clock::Clock;
use crate::recorder;
use crate::types::{Exit, Span};

pub(super) fn run(
    session: &Path,
    verify: bool,
    html: Option<&Path>,
    dir: &Path,
    clock: Clock,
) -> Result<Exit, Failure> {
    html.map_or(Ok(()), |path| daemon::has_place("--html", path))?;
    let path = find_recording(dir, session);
    let bar = indicatif::ProgressBar::new_spinner();
    let progress = |events| bar.set_message(format!("{events} events"));
    let begun = clock.thread_uptime();
    let done = match html {
        Some(_) => backtest::replay_story(&path, verify, progress),
        None => backtest::replay(&path, verify, progress).map(|done| (done, None)),
    };
    bar.finish_and_clear();
    let (done, story) =
        done.map_err(|error| Failure::new(Exit::Configuration, format!("{}: {error}", path.display())))?;
    print(&format!("{} events in {} segments were replayed", done.events, done.segments))?;
    if let (Some(html), Some(story)) = (html, story) {
        let took = (clock.thread_uptime() - begun).as_nanos() as f64 / Span::SECOND.as_nanos() as f64;
        let feed = format!("recorded in {}", path.display());
        let (report, outcome, candles) = story.finish(feed, done.view.clone(), took);
        write_page(html, &report, &outcome, candles)?;
    }
    if let Some(found) = done.divergence {
        return Err(Failure::new(Exit::Contradiction, difference(&found)));
    }
    if verify {
        print(&format!("every decision is the same: {} compared", done.compared))?;
    }
    let view = &done.view;
    print(&format!(
        "equity {} USDT, {} positions opened, {} closed",
        view.equity, view.positions_opened, view.positions_closed
    ))
}

fn difference(found: &Divergence) -> String {
    let digest =
        |of: Option<u64>| of.map_or_else(|| "no decision".to_owned(), |digest| format!("digest {digest:016x}"));
    format!(
        "event {} at {} was decided otherwise: {} was recorded, now it is {}\nevent: {:?}\nactions now: {}",
        found.event.seq,
        found.event.at,
        digest(found.recorded),
        digest(found.replayed),
        found.event.event,
        found.actions
    )
}

/// A session by its number, its name, or its path.
fn find_recording(dir: &Path, session: &Path) -> PathBuf {
    if session.exists() {
        return session.to_owned();
    }
    let text = session.to_string_lossy();
    let name = text.parse::<u32>().map_or_else(|_| text.into_owned(), |number| format!("{number:05}"));
    dir.join(recorder::RECORDINGS_DIR).join(name)
}
