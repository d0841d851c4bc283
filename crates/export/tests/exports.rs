//! Exports into a folder: written, read back, shared, failed, swept.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod support;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::read::GzDecoder;
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use kbgap_export::{
    Export, ExportError, ExportKey, ExportKind, ExportStore, Exporter, HoursRule, LinkError, Links,
    Request, Retention, SealKey, SealKeys, Settings, Step,
};
use support::{files_in, lines};

const TENANT: &str = "12345678-0000-4000-8000-000000000001";

/// Small parts and chunks, so that a test writes many.
fn settings() -> Settings {
    Settings {
        part: 200_000,
        chunk: 50_000,
        upload: 4_000,
        compressors: 3,
        ..Settings::default()
    }
}

fn exporter(folder: &tempfile::TempDir) -> Exporter {
    let place = folder.path().to_str().unwrap();
    let store = ExportStore::open(place, Vec::<(String, String)>::new()).unwrap();
    Exporter::new(store, settings())
}

fn request(generation: u64, now: Timestamp) -> Request {
    let kind = ExportKind::SoftwareVulnerabilities;
    Request {
        key: ExportKey::new(TENANT, kind, &generation, "all").unwrap(),
        now,
        fresh: SignedDuration::from_hours(1),
    }
}

async fn unpacked(exporter: &Exporter, export: &Export) -> Vec<u8> {
    let mut all = Vec::new();
    for file in &export.files {
        let found = exporter.store().read(&file.path, None).await.unwrap();
        let found = found.expect("the file is there");
        assert_eq!(found.size, file.size);
        let bytes: Vec<_> = found.body.try_collect().await.unwrap();
        let bytes = bytes.concat();
        assert_eq!(bytes.len() as u64, file.size);
        let mut text = Vec::new();
        GzDecoder::new(bytes.as_slice())
            .read_to_end(&mut text)
            .unwrap();
        assert_eq!(text.len() as u64, file.uncompressed);
        assert_eq!(text.split(|b| *b == b'\n').count() as u64 - 1, file.lines);
        all.extend(text);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_back_in_order_from_parts() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let (producer, expected) = lines(20_000);
    let now = "2021-01-25T02:00:30Z".parse().unwrap();
    let export = exporter.export(request(1, now), producer).await.unwrap();
    assert_eq!(export.generated, now);
    assert_eq!(export.lines, 20_000);
    assert!(export.files.len() > 10, "{}", export.files.len());
    for (number, file) in export.files.iter().enumerate() {
        let start = format!("2021-01-25/0200/VaExport/json/OrgId={TENANT}/part-{number:05}-");
        assert!(file.path.as_str().starts_with(&start), "{}", file.path);
        assert!(file.uncompressed < 260_000);
    }
    assert_eq!(unpacked(&exporter, &export).await, expected);
    // A part of a file, as clients that go on with a download ask.
    let path = &export.files[0].path;
    let some = exporter.store().read(path, Some(2..10)).await.unwrap();
    assert_eq!(some.unwrap().range, 2..10);
}

#[tokio::test]
async fn one_thread_does_too_and_memory_is_a_store() {
    let store = ExportStore::open("memory:///", Vec::<(String, String)>::new()).unwrap();
    let exporter = Exporter::new(store, settings());
    let (producer, expected) = lines(3_000);
    let export = exporter
        .export(request(1, Timestamp::now()), producer)
        .await
        .unwrap();
    assert_eq!(unpacked(&exporter, &export).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn device_groups_have_files_of_their_own_and_no_lines_make_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let now = Timestamp::now();
    let mut calls = 0;
    let producer = move |out: &mut Vec<u8>| {
        calls += 1;
        Ok(match calls {
            1 => Step::Group(7),
            2 => {
                out.extend_from_slice(b"{\"a\":7}\n");
                Step::More
            }
            3 => Step::Group(-1),
            4 => {
                out.extend_from_slice(b"{\"a\":-1}\n");
                Step::Group(9)
            }
            _ => Step::End,
        })
    };
    let export = exporter.export(request(1, now), producer).await.unwrap();
    let groups: Vec<&str> = export
        .files
        .iter()
        .map(|file| file.path.as_str().split('/').nth(5).unwrap())
        .collect();
    assert_eq!(groups, ["_RbacGroupId=7", "_RbacGroupId=-1"]);
    assert_eq!(
        unpacked(&exporter, &export).await,
        b"{\"a\":7}\n{\"a\":-1}\n"
    );
    let empty = exporter.export(request(2, now), |_: &mut Vec<u8>| Ok(false));
    assert_eq!(empty.await.unwrap().files, []);
    let found = exporter.find(&request(2, now)).await.unwrap();
    assert_eq!(found.unwrap().files, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_export_is_given_again_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2021-01-25T02:00:30.7Z".parse().unwrap();
    let (producer, _) = lines(2_000);
    let first = exporter(&folder)
        .export(request(1, now), producer)
        .await
        .unwrap();
    let later = |minutes| now + SignedDuration::from_mins(minutes);
    let unused = |_: &mut Vec<u8>| -> Result<bool, _> { panic!("not asked") };
    let again = exporter(&folder)
        .export(request(1, later(59)), unused)
        .await;
    assert_eq!(again.unwrap(), first);
    let (producer, _) = lines(2_000);
    let stale = exporter(&folder)
        .export(request(1, later(61)), producer)
        .await
        .unwrap();
    assert_ne!(stale.run, first.run);
    let newest = exporter(&folder)
        .find(&request(1, later(62)))
        .await
        .unwrap();
    assert_eq!(newest.as_ref(), Some(&*stale));
    let other = exporter(&folder).find(&request(2, later(1))).await.unwrap();
    assert_eq!(other, None);
    // The first one's links still lead somewhere.
    let path = &first.files[0].path;
    assert!(
        exporter(&folder)
            .store()
            .read(path, None)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_at_a_time_share_one_run_that_ends_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let now = Timestamp::now();
    let runs = Arc::new(AtomicUsize::new(0));
    let slow = || {
        let runs = Arc::clone(&runs);
        let mut left = 20;
        move |out: &mut Vec<u8>| {
            if left == 20 {
                runs.fetch_add(1, Ordering::SeqCst);
            }
            left -= 1;
            std::thread::sleep(Duration::from_millis(5));
            out.extend_from_slice(b"{}\n");
            Ok(left > 0)
        }
    };
    let (one, two) = tokio::join!(
        exporter.export(request(1, now), slow()),
        exporter.export(request(1, now), slow()),
    );
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    // Nobody waits.
    let impatient = exporter.export(request(2, now), slow());
    let waited = tokio::time::timeout(Duration::from_millis(20), impatient).await;
    assert!(waited.is_err());
    let export = exporter.export(request(2, now), slow()).await.unwrap();
    assert_eq!(export.lines, 20);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_leaves_nothing_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let now = Timestamp::now();
    for how in ["panic", "error", "line"] {
        let (mut good, _) = lines(10_000);
        let mut calls = 0;
        let failing = move |out: &mut Vec<u8>| {
            calls += 1;
            match (calls, how) {
                (9_000, "panic") => panic!("no luck"),
                (9_000, "error") => Err("no luck".into()),
                (9_000, _) => {
                    out.extend_from_slice(b"{");
                    Ok(true)
                }
                _ => good(out),
            }
        };
        let error = exporter.export(request(1, now), failing).await.unwrap_err();
        match how {
            "panic" => assert!(matches!(&*error, ExportError::Panicked(why) if why == "no luck")),
            "error" => assert!(matches!(&*error, ExportError::Producer(_))),
            _ => assert!(matches!(&*error, ExportError::UnfinishedLine)),
        }
        assert_eq!(files_in(folder.path()), Vec::<String>::new(), "{how}");
    }
    let (producer, expected) = lines(10_000);
    let export = exporter.export(request(1, now), producer).await.unwrap();
    assert_eq!(unpacked(&exporter, &export).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let now: Timestamp = "2021-01-25T02:00:30Z".parse().unwrap();
    // A file where a folder has to be.
    std::fs::write(folder.path().join("2021-01-25"), "").unwrap();
    let (producer, _) = lines(10_000);
    let error = exporter.export(request(1, now), producer).await;
    assert!(matches!(&*error.unwrap_err(), ExportError::Store(_)));
    assert_eq!(files_in(folder.path()), ["2021-01-25"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_and_what_was_not_finished_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let now = Timestamp::now();
    let hours = |hours| now + SignedDuration::from_hours(hours);
    let (producer, _) = lines(2_000);
    let old = exporter.export(request(1, now), producer).await.unwrap();
    let (producer, expected) = lines(2_000);
    let kept = exporter
        .export(request(1, hours(40)), producer)
        .await
        .unwrap();
    // What a killed process leaves: a part without a manifest, an upload that did not end; and a stranger.
    let lost = old.files[0].path.as_str();
    let lost = folder
        .path()
        .join(lost.replace(&old.run.to_string(), &uuid::Uuid::new_v4().to_string()));
    let upload = lost.with_file_name("part-00001-x.c000.json.gz#1");
    let stranger = folder.path().join("stranger.json.gz");
    for path in [&lost, &upload, &stranger] {
        std::fs::write(path, "x").unwrap();
    }
    let retention = Retention::default();
    let swept = exporter.sweep(hours(5), retention).await.unwrap();
    assert_eq!((swept.exports, swept.files), (0, 0));
    assert!(lost.exists() && upload.exists());
    let swept = exporter.sweep(hours(7), retention).await.unwrap();
    assert_eq!((swept.exports, swept.files), (0, 2));
    assert!(!lost.exists() && !upload.exists());
    let swept = exporter.sweep(hours(49), retention).await.unwrap();
    let files = old.files.len() as u64;
    assert_eq!((swept.exports, swept.files), (1, files));
    let read = exporter.store().read(&old.files[0].path, None).await;
    assert!(read.unwrap().is_none());
    assert_eq!(unpacked(&exporter, &kept).await, expected);
    assert!(stranger.exists());
    let swept = exporter.sweep(hours(99), retention).await.unwrap();
    assert_eq!(swept.exports, 1);
    assert_eq!(files_in(folder.path()), ["stranger.json.gz"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_to_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = exporter(&folder);
    let now: Timestamp = "2021-01-25T02:00:30Z".parse().unwrap();
    let (producer, _) = lines(5_000);
    let export = exporter.export(request(1, now), producer).await.unwrap();
    let keys = SealKeys::new(SealKey::new("1", &[1; 32]).unwrap());
    let links = Links::new("https://kbgap.example/exports", keys);
    let hours = HoursRule::USUAL.parse(Some("2")).unwrap();
    let given = links
        .of(exporter.store(), &export, now, hours)
        .await
        .unwrap();
    assert_eq!(given.len(), export.files.len());
    for (link, file) in given.iter().zip(&export.files) {
        let link = url::Url::parse(link).unwrap();
        let path = link.path().strip_prefix("/exports/").unwrap();
        let query = link.query().unwrap();
        let granted = links.verify(path, query, now).unwrap();
        assert_eq!(granted.path, file.path);
        assert!(
            exporter
                .store()
                .read(&granted.path, None)
                .await
                .unwrap()
                .is_some()
        );
        let late = now + SignedDuration::from_hours(2);
        let late = links.verify(path, query, late);
        assert!(matches!(late, Err(LinkError::Expired { .. })));
    }
}

#[test]
fn stores_that_are_none_are_named() {
    let open = |place: &str| {
        let store = ExportStore::open(place, [("aws_region", "x")]);
        store.unwrap_err().to_string()
    };
    assert_eq!(open("/tmp"), "the store has no option 'aws_region'");
    assert!(open("ftp://x/y").contains("'ftp://x/y' is neither"));
    let web = open("https://example.com/x");
    assert!(
        web.ends_with("stores of this kind are not built in"),
        "{web}"
    );
    if cfg!(not(feature = "aws")) {
        assert!(open("s3://bucket/x").ends_with("(cargo feature 'aws')"));
    }
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn a_bucket_gives_links_of_its_own() {
    let options = [
        ("aws_access_key_id", "id"),
        ("aws_secret_access_key", "secret"),
        ("aws_region", "eu-north-1"),
    ];
    let store = ExportStore::open("s3://bucket/below", options).unwrap();
    assert!(store.gives_links());
    let now = Timestamp::now();
    let folder = tempfile::tempdir().unwrap();
    let (producer, _) = lines(100);
    let export = exporter(&folder)
        .export(request(1, now), producer)
        .await
        .unwrap();
    let keys = SealKeys::new(SealKey::new("1", &[1; 32]).unwrap());
    let links = Links::new("https://kbgap.example/exports", keys);
    let hours = HoursRule::USUAL.parse(None).unwrap();
    let given = links.of(&store, &export, now, hours).await.unwrap();
    assert!(given[0].contains("/below/") && given[0].contains("X-Amz-Expires=3600"));
    let links = links.through_server();
    let given = links.of(&store, &export, now, hours).await.unwrap();
    assert!(given[0].starts_with("https://kbgap.example/exports/"));
    let unknown = ExportStore::open("s3://bucket", [("aws_nonsense", "x")]);
    assert!(unknown.unwrap_err().to_string().contains("aws_nonsense"));
}
