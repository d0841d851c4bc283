//! Reading all documents into packed form, against a bare event loop of the XML library over the same
//! bytes, in the same run.
//!
//! `KBGAP_BENCH_ROUNDS` rounds (5 without it); the best of each counts, as the machine's other work only slows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench"
)]
#![allow(clippy::cast_precision_loss, reason = "figures are for people")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kbgap_catalog::document;
use quick_xml::Reader;
use quick_xml::events::Event;

fn main() {
    let documents: Vec<Vec<u8>> = kbgap_corpus::documents(&kbgap_corpus::cvrf())
        .map(|(_, bytes)| bytes)
        .collect();
    let bytes: usize = documents.iter().map(Vec::len).sum();
    let rounds = std::env::var("KBGAP_BENCH_ROUNDS").map_or(5, |n| n.parse().unwrap());
    let mut bare = Duration::MAX;
    let mut one = Duration::MAX;
    let mut two = Duration::MAX;
    for _ in 0..rounds {
        bare = bare.min(timed(|| documents.iter().map(|d| bare_loop(d)).sum()));
        one = one.min(timed(|| documents.iter().map(|d| import(d)).sum()));
        two = two.min(timed(|| on_threads(&documents, 2)));
    }
    let ratio = |time: Duration| time.as_secs_f64() / bare.as_secs_f64();
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{} documents, {:.1} MB of XML, best of {rounds}",
        documents.len(),
        bytes as f64 / 1e6
    );
    println!("{:<34} {:>9} {:>10} {:>7}", "", "ms", "MB/s", "ratio");
    for (name, time) in [
        ("bare quick-xml event loop", bare),
        ("read and packed, one thread", one),
        ("read and packed, two threads", two),
    ] {
        let ms = time.as_secs_f64() * 1e3;
        println!(
            "{name:<34} {ms:>9.1} {:>10.0} {:>7.2}",
            rate(time),
            ratio(time)
        );
    }
    println!(
        "{{\"bench\":\"import\",\"bytes\":{bytes},\"bareMs\":{:.1},\"oneThreadMs\":{:.1},\"twoThreadsMs\":{:.1},\"oneThreadRatio\":{:.3},\"twoThreadsRatio\":{:.3}}}",
        bare.as_secs_f64() * 1e3,
        one.as_secs_f64() * 1e3,
        two.as_secs_f64() * 1e3,
        ratio(one),
        ratio(two)
    );
}

fn timed(work: impl FnOnce() -> usize) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

/// What the library alone takes: every event, looked at by nobody.
fn bare_loop(bytes: &[u8]) -> usize {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut events = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return events,
            event => {
                std::hint::black_box(&event);
                events += 1;
            }
        }
    }
}

/// What an import does with a document before it stores it.
fn import(bytes: &[u8]) -> usize {
    document::read_xml(bytes).unwrap().pack().unwrap().len()
}

fn on_threads(documents: &[Vec<u8>], threads: usize) -> usize {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = 0;
                    while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
                        done += import(document);
                    }
                    done
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    })
}
