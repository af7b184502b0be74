//! A recording, replayed: the same decisions, and every difference found.

use std::path::Path;

use live_trading_launcher::backtest::ReplayError;
use live_trading_launcher::recorder::RecordingError;
use live_trading_launcher::types::{Rate, Span};
use live_trading_launcher::{backtest, recorder};

use crate::books::assert_books_agree;
use crate::replayed::assert_recordings_replay;
use crate::setup::{Setup, TURNS_OF_AN_HOUR, end, folder, run_for};

#[test]
fn a_recorded_session_replays_to_the_same_decisions_and_books_agree() {
    let dir = folder();
    let mut crank = Setup::demo(7).begin(dir.path());
    run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
    let view = end(crank);
    assert_books_agree(dir.path());
    assert_eq!(assert_recordings_replay(dir.path()), 1, "what is recorded is looked at");
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
    let ReplayError::Recording(RecordingError::Damaged { segment: 1, record, .. }) = error else { panic!("{error}") };
    assert!(record > 0 && error.to_string().contains(&format!("record {record} is damaged")), "{error}");
}

#[test]
fn one_flipped_bit_of_a_decision_is_found_with_its_event() {
    let dir = folder();
    let mut crank = Setup::demo(7).begin(dir.path());
    run_for(&mut crank, Span::mins(20), TURNS_OF_AN_HOUR);
    end(crank);
    let recording = dir.path().join("recordings/00001");
    let mut decisions = Vec::new();
    rewrite(&recording, header(&recording), |seq, digest| {
        decisions.push((seq, digest));
        digest
    });
    let (wrong, recorded) = decisions[decisions.len() / 2];
    let flipped = |seq, digest: u64| if seq == wrong { digest ^ 1 } else { digest };
    let tampered = rewrite(&recording, header(&recording), flipped);
    let found = backtest::replay(tampered.path(), true, |_| {}).expect("a replay").divergence.expect("a difference");
    assert_eq!((found.event.seq, found.recorded, found.replayed), (wrong, Some(recorded ^ 1), Some(recorded)));
    assert!(!found.actions.is_empty());
    let ignored = backtest::replay(tampered.path(), false, |_| {}).expect("a replay");
    assert_eq!(ignored.divergence, None, "nothing is compared unless that was asked");
}

#[test]
fn a_replayed_session_is_told_as_a_report() {
    let dir = folder();
    let mut crank = Setup::demo(7).begin(dir.path());
    run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
    let view = end(crank);
    let (done, story) = backtest::replay_story(&dir.path().join("recordings/00001"), true, |_| {}).expect("a replay");
    let (report, outcome, candles) = story.expect("a session").finish("here".to_owned(), done.view, 1.0);
    assert_eq!((report.kind, report.equity, report.fees), ("replay", view.equity, view.fees));
    assert_eq!(report.trades.len() as u64, view.positions_closed);
    assert!(report.trades.len() > 3 && report.strategies.len() > 1, "{:?}", report.strategies);
    let page = backtest::page(&report, &outcome, candles).expect("a page");
    assert!(page.contains("\"symbol\":\"BTC/USDT:USDT\",\"seconds\":60"));
}

#[test]
fn a_decision_that_was_another_is_found() {
    let (one, other) = (folder(), folder());
    let mut crank = Setup::demo(7).begin(one.path());
    run_for(&mut crank, Span::mins(20), TURNS_OF_AN_HOUR);
    end(crank);
    // The same events, recorded with an engine that may risk less: its snapshot decides otherwise.
    let mut cautious = Setup::demo(7);
    cautious.rooms.risk.risk_per_trade = Rate::bps(20);
    let crank = cautious.begin(other.path());
    end(crank);
    let (events, snapshot) = (one.path().join("recordings/00001"), other.path().join("recordings/00001"));
    let mixed = recorder::Header { snapshot: header(&snapshot).snapshot, ..header(&events) };
    let spliced = rewrite(&events, mixed, |_, digest| digest);
    let replayed = backtest::replay(spliced.path(), true, |_| {}).expect("a replay");
    let found = replayed.divergence.expect("a difference");
    assert!(found.recorded.is_some() && found.recorded != found.replayed);
}

/// What a recording's first segment begins with.
fn header(recording: &Path) -> recorder::Header {
    let recording = recorder::Recording::open(recording).expect("a recording");
    let segment = recording.segments().next().expect("a segment").expect("a good one");
    segment.header().clone()
}

/// The events of a recording behind a header, each digest as `of` makes it from its event's number and what it was.
fn rewrite(events: &Path, header: recorder::Header, mut of: impl FnMut(u64, u64) -> u64) -> tempfile::TempDir {
    let dir = folder();
    let mut writer = recorder::Recorder::open(dir.path(), recorder::Settings::default(), header).expect("a recorder");
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
                writer.record(&event, Some(of(event.seq, digest)));
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
