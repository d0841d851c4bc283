//! Exports of vulnerabilities, by machine, into a folder: the most memory that the process has while 100 MB, 1 GB and 3 GB are
//! exported, of which the producer, which repeats one piece, takes 10 MB; then how fast 300 MB are, beside gzip alone at
//! the same level, on one thread, over the same bytes in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench"
)]
#![allow(clippy::cast_precision_loss, reason = "figures are for people")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use kbgap_export::{Export, ExportKey, ExportKind, ExportStore, Exporter, Request, Settings};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// How many bytes of lines are exported.
const BYTES: usize = 300_000_000;

/// Tells the process that it is one that measures memory, and how much it exports.
const TIMES: &str = "KBGAP_BENCH_EXPORT_TIMES";

fn main() {
    if let Ok(times) = std::env::var(TIMES) {
        most_memory(times.parse().unwrap());
        return;
    }
    let rounds: usize = std::env::var("KBGAP_BENCH_ROUNDS").map_or(3, |n| n.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let chosen = Settings::default().level;
    println!("{:<8} {:>14}", "lines", "most memory");
    let memory: Vec<String> = [10, 100, 300].into_iter().map(memory).collect();
    let lines: Arc<[u8]> = lines(BYTES).into();
    println!(
        "{} MB of lines, best of {rounds}, {} compressors; level {chosen} is the default",
        lines.len() / 1_000_000,
        Settings::default().compressors
    );
    println!(
        "{:<8} {:>12} {:>16} {:>7} {:>10} {:>12}",
        "level", "export MB/s", "gzip alone MB/s", "ratio", "size", "gzip's size"
    );
    let mut cases = Vec::new();
    for level in 1..=6 {
        // The levels around the chosen one are there to show why it was chosen: one round does.
        let rounds = if level == chosen { rounds } else { 1 };
        let mut ours: f64 = 0.0;
        let mut theirs: f64 = 0.0;
        let (mut size, mut alone_size) = (0, 0);
        for _ in 0..rounds {
            let (export, seconds) = export(&runtime, &lines, 1, level);
            assert_eq!(
                export.files.iter().map(|f| f.uncompressed).sum::<u64>(),
                lines.len() as u64
            );
            size = export.files.iter().map(|file| file.size).sum::<u64>();
            ours = ours.max(lines.len() as f64 / 1e6 / seconds);
            let start = Instant::now();
            alone_size = alone(&lines, level);
            theirs = theirs.max(lines.len() as f64 / 1e6 / start.elapsed().as_secs_f64());
        }
        let ratio = ours / theirs;
        let share = |size: u64| size as f64 * 100.0 / lines.len() as f64;
        println!(
            "{level:<8} {ours:>12.0} {theirs:>16.0} {ratio:>7.2} {:>9.2}% {:>11.2}%",
            share(size),
            share(alone_size)
        );
        cases.push(format!(
            "{{\"level\":{level},\"mbPerSecond\":{ours:.1},\"baselineMbPerSecond\":{theirs:.1},\"ratio\":{ratio:.3},\
             \"bytes\":{size},\"baselineBytes\":{alone_size}}}"
        ));
    }
    println!(
        "{{\"bench\":\"export\",\"bytes\":{BYTES},\"level\":{chosen},\"cases\":[{}],\"memory\":[{}]}}",
        cases.join(","),
        memory.join(",")
    );
}

/// The most memory of a process of its own that exports 10 MB some times over.
fn memory(times: usize) -> String {
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    let output = process.env(TIMES, times.to_string()).output().unwrap();
    assert!(output.status.success());
    let json = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    println!("{:<8} {json}", format!("{} MB", times * 10));
    json
}

fn most_memory(times: usize) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let piece: Arc<[u8]> = lines(10_000_000).into();
    let before = resident("VmHWM");
    let (export, _) = export(&runtime, &piece, times, Settings::default().level);
    let exported = export.files.iter().map(|f| f.uncompressed).sum::<u64>();
    let most = resident("VmHWM");
    println!("{{\"bytes\":{exported},\"peakResident\":{most},\"peakBefore\":{before}}}");
}

/// Exports the lines, some times over, into a new folder, and says how many seconds that took.
fn export(
    runtime: &tokio::runtime::Runtime,
    lines: &Arc<[u8]>,
    times: usize,
    level: u32,
) -> (Arc<Export>, f64) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let store = ExportStore::open(place, Vec::<(String, String)>::new()).unwrap();
    let settings = Settings {
        level,
        ..Settings::default()
    };
    let exporter = Exporter::new(store, settings);
    let kind = ExportKind::SoftwareVulnerabilities;
    let request = Request {
        key: ExportKey::new("bench", kind, "1", "all").unwrap(),
        now: Timestamp::now(),
        fresh: SignedDuration::ZERO,
    };
    let (lines, mut place, mut left) = (Arc::clone(lines), 0, times);
    let producer = move |out: &mut Vec<u8>| {
        // A line a call, as one who writes row by row does.
        let rest = &lines[place..];
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        out.extend_from_slice(&rest[..length]);
        place += length;
        if place == lines.len() {
            place = 0;
            left -= 1;
        }
        Ok(left > 0)
    };
    let start = Instant::now();
    let export = runtime
        .block_on(exporter.export(request, producer))
        .unwrap();
    (export, start.elapsed().as_secs_f64())
}

/// Compresses the lines on this thread, into memory that is thrown away, and says how large they are then.
fn alone(lines: &[u8], level: u32) -> u64 {
    let mut encoder = GzEncoder::new(Counting(0), Compression::new(level));
    encoder.write_all(lines).unwrap();
    encoder.finish().unwrap().0
}

/// Counts what is written.
struct Counting(u64);

impl std::io::Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A figure of this process's memory, in bytes.
fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

/// Lines of the fields and sizes of Defender's vulnerability files: machines one after the other, each with software of
/// a common set, each with some of its vulnerabilities.
fn lines(bytes: usize) -> Vec<u8> {
    let mut random = Pcg64::seed_from_u64(1);
    let mut out = String::with_capacity(bytes + 2048);
    while out.len() < bytes {
        let machine: [u64; 3] = [
            random.random(),
            random.random(),
            random.random::<u32>().into(),
        ];
        let device = format!("{:016x}{:016x}{:08x}", machine[0], machine[1], machine[2]);
        let build = 19045 + random.random_range(0..4) * 500;
        let name = format!("host-{}.contoso.com", random.random_range(0..1_000_000));
        for _ in 0..random.random_range(20..60) {
            let software = random.random_range(0..400);
            let version = format!(
                "{}.{}.{}",
                software % 20,
                software % 7,
                random.random_range(0..30)
            );
            for _ in 0..random.random_range(1..6) {
                let cve = format!(
                    "CVE-202{}-{}",
                    random.random_range(0..6),
                    random.random_range(1_000..40_000)
                );
                let level = ["Low", "Medium", "High", "Critical"][random.random_range(0..4)];
                let score = f64::from(random.random_range(10..100)) / 10.0;
                let hour = random.random_range(0..24);
                // Writing to a string does not fail.
                let _ = writeln!(
                    out,
                    "{{\"Id\":\"{device}_vendor{v}_product_{software}_{version}_{cve}\",\"DeviceId\":\"{device}\",\
                     \"RbacGroupId\":0,\"RbacGroupName\":\"Unassigned\",\"DeviceName\":\"{name}\",\
                     \"OSPlatform\":\"Windows11\",\"OSVersion\":\"10.0.{build}.6093\",\"OSArchitecture\":\"x64\",\
                     \"SoftwareVendor\":\"vendor{v}\",\"SoftwareName\":\"product_{software}\",\
                     \"SoftwareVersion\":\"{version}\",\"CveId\":\"{cve}\",\"VulnerabilitySeverityLevel\":\"{level}\",\
                     \"RecommendedSecurityUpdate\":\"September 2025 Security Updates\",\
                     \"RecommendedSecurityUpdateId\":\"50654{k:02}\",\"RecommendedSecurityUpdateUrl\":\
                     \"https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB50654{k:02}\",\
                     \"DiskPaths\":[\"c:\\\\program files\\\\product_{software}\\\\bin\\\\main.exe\"],\"RegistryPaths\":[],\
                     \"LastSeenTimestamp\":\"2025-10-06 {hour:02}:30:14\",\
                     \"FirstSeenTimestamp\":\"2025-09-{d:02} 02:08:41\",\"ExploitabilityLevel\":\"NoExploit\",\
                     \"RecommendationReference\":\"va-_-vendor{v}-_-product_{software}\",\"CvssScore\":{score},\
                     \"SecurityUpdateAvailable\":true,\"IsOnboarded\":true}}",
                    v = software % 50,
                    k = software % 100,
                    d = 1 + random.random_range(0..28),
                );
            }
        }
    }
    out.into_bytes()
}
