//! What fails and comes back: connections, servers, full disks.

use std::path::Path;

use kbgap_postgres::Server;
use kbgap_store::{Location, MachineWrite, Outcome, Store, StoreError, Written};

use crate::place::{all, at, report, row, stored};
use crate::small_disk::SmallDisk;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_cut_off_and_comes_back_is_used_again() {
    let mut server = Server::start().unwrap();
    let location: Location = server.create_database("cut").unwrap().parse().unwrap();
    let store = Store::open(&location).await.unwrap();
    let one = stored(&store, "t", &[report("a", None, 1, "a")]).await;
    let mut reader = store.read_machines("t").await.unwrap();
    for immediate in [true, false] {
        server.stop(immediate).unwrap();
        let errors = [
            store
                .write_machines("t", &[report("a", Some(one), 2, "b")])
                .await
                .unwrap_err(),
            store.sequence("t").await.unwrap_err(),
            Store::open(&location).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_temporary(), "{error:?}");
            assert!(!matches!(error, StoreError::Full(_)), "{error:?}");
        }
        server.start_again().unwrap();
        assert_eq!(
            store.sequence("t").await.unwrap(),
            one,
            "what was acknowledged is there, and no more"
        );
    }
    assert!(
        reader.next_page().await.unwrap_err().is_temporary(),
        "a snapshot ends with its server"
    );
    drop(reader);
    stored(&store, "t", &[report("a", Some(one), 3, "c")]).await;
    assert_eq!(row(&store, "t", "a").await.unwrap().body, b"body c");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_sqlite_is_told_and_left_behind() {
    let disk = SmallDisk::of(6);
    let location = Location::Sqlite(disk.path().join("kbgap.db"));
    fill_and_free(&location, disk.path(), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_postgres_is_told_and_left_behind() {
    let server = Server::start().unwrap();
    let disk = SmallDisk::of(32);
    let location: Location = server
        .create_database_in("full", disk.path())
        .unwrap()
        .parse()
        .unwrap();
    fill_and_free(&location, disk.path(), 12).await;
    // The server ends first: it must leave the disk before that goes.
    drop(server);
    drop(disk);
}

/// Fills a disk through the store until that says so; what was acknowledged is there, and once space is made writing
/// goes on, through the same store.
async fn fill_and_free(location: &Location, disk: &Path, megabytes: usize) {
    let store = Store::open(location).await.unwrap();
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; megabytes << 20]).unwrap();
    let write = |call: usize| -> Vec<MachineWrite> {
        let id = |part| format!("{call:04}-{part}");
        let machine = |part: usize| MachineWrite {
            machine: id(part),
            expected: None,
            what: Written::Report {
                name: None,
                last_seen: at(1),
                received_at: at(1),
                digest: [1; 16],
                state: vec![1; 16],
                body: (0..1500_usize)
                    .map(|i| (i * 7 + part * 3 + call).to_le_bytes()[0])
                    .collect(),
            },
        };
        (0..50).map(machine).collect()
    };
    let mut calls = 0;
    let error = loop {
        match store.write_machines("t", &write(calls)).await {
            Ok(_) => calls += 1,
            Err(error) => break error,
        }
        assert!(calls < 2000, "the disk does not fill");
    };
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert!(error.is_temporary());
    for _ in 0..3 {
        let error = store.write_machines("t", &write(calls)).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Full(_)),
            "it stays full: {error:?}"
        );
    }
    let (sequence, rows) = all(&store, "t").await;
    assert_eq!(usize::try_from(sequence).unwrap(), calls, "reading goes on");
    assert_eq!(rows.len(), calls * 50, "calls are whole or not at all");
    std::fs::remove_file(&ballast).unwrap();
    let outcomes = store.write_machines("t", &write(calls)).await.unwrap();
    let sequence = sequence + 1;
    assert_eq!(outcomes, vec![Outcome::Stored { sequence }; 50]);
    store.close().await;
    let again = Store::open(location).await.unwrap();
    assert_eq!(all(&again, "t").await.1.len(), (calls + 1) * 50);
    again.close().await;
}
