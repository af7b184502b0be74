//! The black box: what went in comes out, what was damaged is found, and nothing of it ever hurts the session.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::protocol::{
    Action, Command, Event, MarketData, MarketEvent, Notice, NoticeKind, Quote, SCHEMA_VERSION, Stamped,
};
use crate::types::{Exit, InstrumentId, Instruments, Price, Qty, Timestamp};

fn header(first_seq: u64) -> Header {
    Header {
        schema: SCHEMA_VERSION,
        build: "0.1.0".to_owned(),
        session: "s1".to_owned(),
        config: "[risk]\n".to_owned(),
        instruments: Instruments::default(),
        snapshot: vec![7; 300],
        first_seq,
    }
}

/// Prices move as in a market, so that blocks compress as they would.
fn quote(seq: u64) -> Stamped<Event> {
    let step = (seq.wrapping_mul(2_654_435_761) >> 7) % 1_000;
    let bid = Price::new(618_000 + step as i64, 1);
    let quote = Quote { bid, bid_qty: Qty::new(step as i64, 3), ask: bid + Price::new(1, 1), ask_qty: Qty::new(17, 3) };
    let event = Event::Market(MarketEvent { instrument: InstrumentId(0), data: MarketData::Quote(quote) });
    Stamped { seq, at: Timestamp::from_millis(seq as i64 * 100), event }
}

fn said(seq: u64, words: &str) -> Stamped<Event> {
    let event = Event::Command(Command::Rearm { reason: words.to_owned() });
    Stamped { seq, at: Timestamp::from_secs(seq as i64), event }
}

fn digest(seq: u64) -> Option<u64> {
    seq.is_multiple_of(3).then_some(seq ^ 0xABCD)
}

fn settings() -> Settings {
    Settings { segment_mib: 1, total_mib: 64 }
}

/// Events and digests of these steps, as they should come back.
fn entries(steps: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    let step = |seq| {
        let event = Entry::Event(Box::new(quote(seq)));
        [Some(event), digest(seq).map(|digest| Entry::Digest { seq, digest })].into_iter().flatten()
    };
    steps.into_iter().flat_map(step).collect()
}

fn record(dir: &Path, steps: u64) -> PathBuf {
    let mut recorder = Recorder::open(dir, settings(), header(1)).unwrap();
    for seq in 1..=steps {
        recorder.record(&quote(seq), digest(seq));
        if seq % 50 == 0 {
            recorder.flush();
        }
    }
    let folder = recorder.folder().to_owned();
    let recorded = recorder.close().unwrap();
    assert_eq!((recorded.events, recorded.lost, recorded.segments), (steps, 0, 1));
    folder
}

/// Everything that can be read of a segment in memory, with its end.
fn read(bytes: &[u8]) -> (Vec<Entry>, Result<Option<Tail>, RecordingError>) {
    let mut segment = match Segment::read(1, bytes, bytes.len() as u64) {
        Ok(segment) => segment,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut found = Vec::new();
    for entry in &mut segment {
        match entry {
            Ok(entry) => found.push(entry),
            Err(error) => return (found, Err(error)),
        }
    }
    (found, Ok(segment.tail()))
}

fn first_segment(folder: &Path) -> Vec<u8> {
    std::fs::read(&Recording::open(folder).unwrap().files()[0].1).unwrap()
}

#[test]
fn what_went_in_comes_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = record(dir.path(), 3_000);
    let recording = Recording::open(&folder).unwrap();
    let mut segments = recording.segments();
    let mut segment = segments.next().unwrap().unwrap();
    assert_eq!((segment.number(), segment.header()), (1, &header(1)));
    let found: Vec<Entry> = segment.by_ref().map(Result::unwrap).collect();
    assert_eq!(found, entries(1..=3_000));
    assert_eq!(segment.tail(), Some(Tail::Closed));
    assert!(segments.next().is_none());
    let listed = recordings(dir.path()).unwrap();
    assert_eq!((listed[0].session.as_str(), listed[0].segments), ("s1", 1));
    assert_eq!(listed[0].bytes, first_segment(&folder).len() as u64);
}

#[test]
fn segments_follow_each_other_and_replay_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    let mut begun = vec![1];
    let noise = |seq: u64| -> String {
        let mut state = seq;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (state >> 58) as u8)
        };
        (0..2_000).map(|_| next()).collect()
    };
    for seq in 1..=2_000_u64 {
        if recorder.wants_rotation() {
            recorder.rotate(seq.to_le_bytes().to_vec(), seq);
            begun.push(seq);
        }
        recorder.record(&said(seq, &noise(seq)), None);
    }
    let folder = recorder.folder().to_owned();
    let recorded = recorder.close().unwrap();
    assert!(begun.len() > 2 && recorded.segments as usize == begun.len(), "{begun:?}");
    let mut next = 1;
    for (segment, first) in Recording::open(&folder).unwrap().segments().zip(&begun) {
        let mut segment = segment.unwrap();
        assert_eq!((segment.header().first_seq, next), (*first, *first));
        assert!(*first == 1 || segment.header().snapshot == first.to_le_bytes());
        for entry in &mut segment {
            assert_eq!(entry.unwrap(), Entry::Event(Box::new(said(next, &noise(next)))));
            next += 1;
        }
        assert_eq!(segment.tail(), Some(Tail::Closed));
    }
    assert_eq!(next, 2_001);
}

#[test]
fn a_gap_ends_the_segment_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    recorder.record(&quote(1), None);
    recorder.gap(2);
    recorder.record(&quote(4), None);
    assert!(recorder.wants_rotation());
    recorder.rotate(Vec::new(), 5);
    assert!(!recorder.wants_rotation());
    recorder.record(&quote(5), None);
    let folder = recorder.folder().to_owned();
    assert_eq!(recorder.close().unwrap().lost, 3);
    let found: Vec<Vec<Entry>> =
        Recording::open(&folder).unwrap().segments().map(|one| one.unwrap().map(Result::unwrap).collect()).collect();
    let event = |seq| Entry::Event(Box::new(quote(seq)));
    assert_eq!(found, [vec![event(1), Entry::Gap { count: 3 }], vec![event(5)]]);
}

#[test]
fn a_killed_process_leaves_a_readable_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = first_segment(&record(dir.path(), 200));
    let all = entries(1..=200);
    let (mut readable, mut boundary) = (0, 0);
    for length in 0..bytes.len() {
        match read(&bytes[..length]) {
            (found, Ok(Some(Tail::Cut { lost_bytes }))) => {
                boundary = if lost_bytes == 0 { length } else { boundary };
                assert_eq!(found[..], all[..found.len()], "cut at {length}");
                assert!(found.len() >= readable, "more bytes never give less");
                readable = found.len();
            }
            (found, Err(RecordingError::NoHeader { segment: 1 })) => assert!(found.is_empty() && length < 400),
            (_, end) => panic!("cut at {length}: {end:?}"),
        }
    }
    assert_eq!(readable, all.len(), "the closing record is a block of its own");
    let zeros = [&bytes[..boundary], &[0; 4_096]].concat();
    assert!(matches!(read(&zeros), (found, Ok(Some(Tail::Cut { lost_bytes: 4_096 }))) if found == all));
}

#[test]
fn one_flipped_bit_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = first_segment(&record(dir.path(), 120));
    let all = entries(1..=120);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let (found, end) = read(&damaged);
        assert_eq!(found[..], all[..found.len()], "byte {at}: what was given is what was written");
        match end.expect_err("found") {
            RecordingError::Damaged { segment, record, .. } => {
                assert_eq!(segment, 1);
                // The header is record 0, so that the record named is never before what was given.
                assert!(
                    record as usize >= found.len() && record as usize <= all.len() + 2,
                    "byte {at}: record {record}"
                );
            }
            RecordingError::NotARecording { segment: 1 } => assert!(at < 8),
            other => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn nothing_may_follow_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = first_segment(&record(dir.path(), 3));
    let error = read(&[&bytes[..], &[0]].concat()).1.expect_err("a byte too many");
    assert!(error.to_string().ends_with("it stands after the end"), "{error}");
}

#[test]
fn the_damaged_record_itself_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    for seq in 1..=5 {
        // Letters that occur once are stored as they are, so that a flip touches this record alone.
        recorder.record(
            &said(
                seq,
                &format!("<{seq}: kept as it is, number {}>", ["one", "TWO", "3!", "fóur", "v"][seq as usize - 1]),
            ),
            None,
        );
    }
    let folder = recorder.folder().to_owned();
    recorder.close().unwrap();
    let mut bytes = first_segment(&folder);
    let at = bytes.windows(2).position(|two| two == b"3!").unwrap();
    bytes[at] ^= 1;
    let error = read(&bytes).1.expect_err("found");
    assert_eq!(error.to_string(), "segment 1, record 3 is damaged: it fails its checksum");
}

#[test]
fn other_builds_and_other_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let later = Header { schema: SCHEMA_VERSION + 1, ..header(1) };
    let recorder = Recorder::open(dir.path(), settings(), later).unwrap();
    let folder = recorder.folder().to_owned();
    recorder.close().unwrap();
    let error = read(&first_segment(&folder)).1.expect_err("a later build");
    assert!(matches!(error, RecordingError::Schema { found, .. } if found == SCHEMA_VERSION + 1), "{error}");
    assert!(matches!(read(b"date,open,high").1, Err(RecordingError::NotARecording { .. })));
    assert!(matches!(Recording::open(&dir.path().join("none")), Err(RecordingError::Absent { .. })));
    assert!(matches!(Recording::open(dir.path()), Err(RecordingError::Absent { .. })));
}

#[test]
fn a_missing_event_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    recorder.record(&quote(1), None);
    recorder.record(&quote(3), None);
    let folder = recorder.folder().to_owned();
    recorder.close().unwrap();
    let error = read(&first_segment(&folder)).1.expect_err("event 2 is missing");
    assert_eq!(error.to_string(), "segment 1, record 2: event 3 stands where event 2 belongs");
}

#[test]
fn recordings_stay_below_their_cap() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(RECORDINGS_DIR);
    for (session, size, age) in [("a", 1 << 20, 40), ("b", 1 << 20, 30), ("c", 3 << 19, 20)] {
        std::fs::create_dir_all(root.join(session)).unwrap();
        let file = std::fs::File::create(root.join(session).join("segment-00001.ltr")).unwrap();
        file.set_len(size).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 - age)).unwrap();
    }
    // 3.5 MiB are there and 4 may be, of which 1 is for the segment that begins now.
    let settings = Settings { segment_mib: 1, total_mib: 4 };
    let recorder = Recorder::open(dir.path(), settings, header(1)).unwrap();
    assert!(!root.join("a").exists(), "the oldest goes, and its folder");
    assert!(root.join("b").exists() && root.join("c").exists() && recorder.folder().exists());
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_a_bad_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folders = [(); 3].map(|()| Recorder::open(dir.path(), settings(), header(1)).unwrap().folder().to_owned());
    assert_eq!(folders.map(|folder| folder.file_name().unwrap().to_owned()), ["s1", "s1-2", "s1-3"]);
    for bad in ["", "..", "a/b", ".hidden", &"x".repeat(101)] {
        let bad = Header { session: bad.to_owned(), ..header(1) };
        assert!(matches!(Recorder::open(dir.path(), settings(), bad), Err(RecorderError::Name(_))));
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    recorder.rehearse_full_disk(100);
    for seq in 1..=5_000 {
        recorder.record(&quote(seq), digest(seq));
    }
    let error = recorder.take_error().unwrap();
    assert!(matches!(error, RecorderError::Unwritable { .. }), "{error}");
    assert!(recorder.take_error().is_none() && !recorder.wants_rotation());
    recorder.flush();
    recorder.rotate(Vec::new(), 9);
    recorder.gap(1);
    recorder.record(&quote(9), None);
    assert_eq!(recorder.close().unwrap().events, 0);
}

#[test]
fn the_thread_writes_what_the_recorder_would() {
    let dir = tempfile::tempdir().unwrap();
    let alone = first_segment(&record(dir.path(), 3_000));
    for overflow in [Overflow::Wait, Overflow::Gap] {
        let recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
        let mut thread = RecorderThread::spawn(recorder, overflow).unwrap();
        for seq in 1..=3_000 {
            thread.record(&quote(seq), digest(seq));
        }
        let folder = thread.folder().to_owned();
        let recorded = thread.close(Duration::from_secs(10)).unwrap();
        assert_eq!((recorded.events, recorded.lost), (3_000, 0));
        assert_eq!(read(&first_segment(&folder)).0, read(&alone).0);
    }
}

#[test]
fn a_waiting_thread_loses_nothing_and_rotates_when_a_segment_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    let mut thread = RecorderThread::spawn(recorder, Overflow::Wait).unwrap();
    let (mut rotated, mut events) = (0, 0);
    // The thread asks for a rotation when it has written enough, which may be later than the last of these.
    while events < 120_000 || rotated == 0 {
        events += 1;
        if thread.wants_rotation() {
            thread.rotate(Vec::new(), events);
            rotated += 1;
        }
        thread.record(&quote(events), None);
    }
    let folder = thread.folder().to_owned();
    let recorded = thread.close(Duration::from_secs(10)).unwrap();
    assert_eq!((recorded.events, recorded.lost, recorded.segments), (events, 0, rotated + 1));
    let mut next = 1;
    for segment in Recording::open(&folder).unwrap().segments() {
        next += segment.unwrap().map(Result::unwrap).count();
    }
    assert_eq!(next as u64, events + 1);
}

#[test]
fn a_rotation_under_way_is_not_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    let mut thread = RecorderThread::spawn(recorder, Overflow::Wait).unwrap();
    let mut seq = 1;
    while !thread.wants_rotation() {
        thread.record(&quote(seq), None);
        seq += 1;
    }
    let held = thread.hold();
    thread.rotate(Vec::new(), seq);
    assert!(!thread.wants_rotation());
    thread.record(&quote(seq), None);
    drop(held);
    assert_eq!(thread.close(Duration::from_secs(10)).unwrap().segments, 2);
}

#[test]
fn a_thread_that_may_not_wait_counts_what_it_loses() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    let mut thread = RecorderThread::spawn(recorder, Overflow::Gap).unwrap();
    let held = thread.hold();
    let lost_from = |thread: &mut RecorderThread, first: u64| {
        (first..).find(|seq| {
            thread.record(&quote(*seq), None);
            thread.lost() > 0
        })
    };
    let last = lost_from(&mut thread, 1).unwrap();
    assert!(!thread.wants_rotation(), "no snapshot is asked for while the queue is full");
    drop(held);
    while !thread.wants_rotation() {
        #[expect(clippy::disallowed_methods, reason = "the other side is a thread, and no runtime is held up")]
        std::thread::sleep(Duration::from_millis(1));
    }
    thread.rotate(Vec::new(), last + 1);
    thread.record(&quote(last + 1), None);
    let folder = thread.folder().to_owned();
    let recorded = thread.close(Duration::from_secs(10)).unwrap();
    assert_eq!((recorded.events + recorded.lost, recorded.segments), (last + 1, 2));
    let mut segments = Recording::open(&folder).unwrap().segments().map(Result::unwrap).collect::<Vec<_>>();
    let first: Vec<Entry> = segments[0].by_ref().map(Result::unwrap).collect();
    assert_eq!(first.last(), Some(&Entry::Gap { count: recorded.lost }));
    assert_eq!(segments[1].by_ref().map(Result::unwrap).collect::<Vec<_>>(), [Entry::Event(Box::new(quote(last + 1)))]);
}

#[test]
fn a_gap_that_is_open_at_the_end_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    let mut thread = RecorderThread::spawn(recorder, Overflow::Gap).unwrap();
    thread.record(&quote(1), None);
    thread.gap(4);
    thread.record(&quote(6), None);
    let folder = thread.folder().to_owned();
    assert_eq!(thread.close(Duration::from_secs(10)).unwrap().lost, 5);
    assert_eq!(read(&first_segment(&folder)).0.last(), Some(&Entry::Gap { count: 5 }));
}

#[test]
fn a_full_disk_behind_the_thread_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(dir.path(), settings(), header(1)).unwrap();
    recorder.rehearse_full_disk(0);
    let mut thread = RecorderThread::spawn(recorder, Overflow::Wait).unwrap();
    let mut error = None;
    for seq in 1..=200_000 {
        thread.record(&quote(seq), None);
        error = error.or_else(|| thread.take_error());
    }
    assert!(matches!(error, Some(RecorderError::Unwritable { .. })), "{error:?}");
    assert!(thread.take_error().is_none() && !thread.wants_rotation());
    assert!(thread.close(Duration::from_secs(10)).is_err());
}

#[test]
fn a_digest_tells_actions_apart() {
    let leave = |reason: &str| Action::Leave { exit: Exit::Clean, reason: reason.to_owned() };
    let notice = Notice { kind: NoticeKind::Alarm, key: "k".to_owned(), text: "t".to_owned() };
    let lists = [
        vec![],
        vec![leave("a")],
        vec![leave("b")],
        vec![leave("a"), Action::Notify(notice.clone())],
        vec![Action::Notify(notice), leave("a")],
    ];
    let mut digests: Vec<u64> = lists.iter().map(|actions| digest_of(actions)).collect();
    assert_eq!(digests, lists.iter().map(|actions| digest_of(actions)).collect::<Vec<_>>());
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), lists.len());
}

#[test]
fn settings_fit_together_or_say_why() {
    assert_eq!(Settings::default().check(), Ok(()));
    for (settings, names) in [
        (Settings { segment_mib: 0, total_mib: 9 }, "recorder.segment_mib is 0"),
        (Settings { segment_mib: 64, total_mib: 127 }, "recorder.total_mib is 127"),
    ] {
        assert!(settings.check().expect_err(names).contains(names));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// I17: any bytes give entries or an error.
    #[test]
    fn any_bytes_give_ok_or_err(noise in proptest::collection::vec(any::<u8>(), 0..400), magic in any::<bool>()) {
        let bytes = if magic { [&format::MAGIC[..], &noise].concat() } else { noise };
        let _ = read(&bytes);
    }

    /// I17, past the checksums: whatever stands in a block whose head is in order.
    #[test]
    fn any_block_gives_ok_or_err(payload in proptest::collection::vec(any::<u8>(), 0..400), raw in 0_u32..5_000) {
        let check = xxhash_rust::xxh3::xxh3_64(&payload);
        let head = format::BlockHead { raw, packed: payload.len() as u32, first_record: 0, check };
        let bytes = [&format::MAGIC[..], &head.encode(), &payload].concat();
        prop_assert!(read(&bytes).1.is_err());
    }

    /// I17, past LZ4 as well: any bytes as a record.
    #[test]
    fn any_record_gives_ok_or_err(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let check = (xxhash_rust::xxh3::xxh3_64(&body) as u32).to_le_bytes();
        let raw = [&(body.len() as u32).to_le_bytes()[..], &check, &body].concat();
        let payload = lz4_flex::block::compress(&raw);
        let check = xxhash_rust::xxh3::xxh3_64(&payload);
        let (packed, raw) = (payload.len() as u32, raw.len() as u32);
        let head = format::BlockHead { raw, packed, first_record: 0, check };
        let _ = read(&[&format::MAGIC[..], &head.encode(), &payload].concat());
    }
}
