//! Work on all cores, and what comes of it on one thread.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// Results that wait to be written, a thread. A writer that is slower than the runs holds them up, and memory stays bounded.
const WAITING: usize = 4;

/// Does `work` on each item, `threads` at a time, and hands every result to `done` on this thread, in the order in which they
/// are finished. If `done` fails nothing more is begun.
///
/// # Errors
/// The first failure of `done`.
pub(super) fn each<T: Sync, R: Send, E>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.clamp(1, items.len().max(1));
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (results, finished) = mpsc::sync_channel(threads * WAITING);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let results = results.clone();
            let (next, stopped, work) = (&next, &stopped, &work);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    if results.send((at, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        for (at, result) in finished {
            if let Err(error) = done(&items[at], result) {
                stopped.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_whatever_the_number_of_threads() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [0, 1, 3, 200] {
            let mut found = Vec::new();
            let all = each(
                &items,
                threads,
                |item| item * 2,
                |item, twice| {
                    found.push((*item, twice));
                    Ok::<(), ()>(())
                },
            );
            found.sort_unstable();
            assert_eq!((all, found), (Ok(()), items.iter().map(|item| (*item, item * 2)).collect()));
        }
    }

    #[test]
    fn a_failure_ends_it() {
        let items: Vec<usize> = (0..10_000).collect();
        let begun = AtomicUsize::new(0);
        let work = |_: &usize| begun.fetch_add(1, Ordering::Relaxed);
        assert_eq!(each(&items, 2, work, |_, _| Err("full")), Err("full"));
        assert!(begun.load(Ordering::Relaxed) < 100, "the rest is not begun");
    }
}
