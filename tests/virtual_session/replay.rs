//! A recording, replayed: the same decisions, and every difference found.

use std::path::Path;

use live_trading_launcher::types::{Rate, Span};
use live_trading_launcher::{backtest, recorder};

use crate::books::assert_books_agree;
use crate::setup::{Setup, TURNS_OF_AN_HOUR, end, folder, run_for};

#[test]
fn a_recorded_session_replays_to_the_same_decisions_and_books_agree() {
    let dir = folder();
    let mut crank = Setup { record: true, ..Setup::demo(7) }.begin(dir.path());
    run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
    let view = end(crank);
    assert_books_agree(dir.path());
    let recording = dir.path().join("recordings/00001");
    let replayed = backtest::replay(&recording, true, |_| {}).expect("a replay");
    assert_eq!(replayed.divergence, None);
    assert!(replayed.compared > 100, "{} compared", replayed.compared);
    assert_eq!(replayed.view.equity, view.equity);

    let segment = recording.join("segment-00001.ltr");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).expect("a write");
    let error = backtest::replay(&recording, true, |_| {}).expect_err("one flipped bit");
    println!("{error}");
}

#[test]
fn a_decision_that_was_another_is_found() {
    let (one, other) = (folder(), folder());
    let mut crank = Setup { record: true, ..Setup::demo(7) }.begin(one.path());
    run_for(&mut crank, Span::mins(20), TURNS_OF_AN_HOUR);
    end(crank);
    // The same events, recorded with an engine that may risk less: its snapshot decides otherwise.
    let mut cautious = Setup { record: true, ..Setup::demo(7) };
    cautious.rooms.risk.risk_per_trade = Rate::bps(20);
    let crank = cautious.begin(other.path());
    end(crank);
    let spliced = splice(&one.path().join("recordings/00001"), &other.path().join("recordings/00001"));
    let replayed = backtest::replay(spliced.path(), true, |_| {}).expect("a replay");
    let found = replayed.divergence.expect("a difference");
    assert!(found.recorded.is_some() && found.recorded != found.replayed);
}

/// The events and digests of one recording behind the snapshot of another.
fn splice(events: &Path, snapshot: &Path) -> tempfile::TempDir {
    let header = |path: &Path| {
        let recording = recorder::Recording::open(path).expect("a recording");
        let segment = recording.segments().next().expect("a segment").expect("a good one");
        segment.header().clone()
    };
    let dir = folder();
    let mut mixed = header(events);
    mixed.snapshot = header(snapshot).snapshot;
    let mut writer = recorder::Recorder::open(dir.path(), recorder::Settings::default(), mixed).expect("a recorder");
    let recording = recorder::Recording::open(events).expect("a recording");
    let mut waiting = None;
    for entry in recording.segments().next().expect("a segment").expect("a good one") {
        match entry.expect("an entry") {
            recorder::Entry::Event(event) => {
                if let Some(event) = waiting.replace(event) {
                    writer.record(&event, None);
                }
            }
            recorder::Entry::Digest { digest, .. } => {
                let event = waiting.take().expect("an event before its digest");
                writer.record(&event, Some(digest));
            }
            recorder::Entry::Gap { .. } => {}
        }
    }
    let folder = writer.folder().to_owned();
    writer.close().expect("a close");
    assert!(folder.starts_with(dir.path()));
    dir_of(dir, &folder)
}

/// Moves the recording's folder up, so that the temporary folder is the recording.
fn dir_of(dir: tempfile::TempDir, folder: &Path) -> tempfile::TempDir {
    for file in std::fs::read_dir(folder).expect("a folder").flatten() {
        std::fs::rename(file.path(), dir.path().join(file.file_name())).expect("a move");
    }
    std::fs::remove_dir_all(dir.path().join("recordings")).expect("an empty folder");
    dir
}
