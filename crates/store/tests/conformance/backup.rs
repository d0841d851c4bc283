//! Backups, taken while the store is written, and put in place again.

use std::path::Path;

use kbgap_store::{Changes, Location, Store, StoreError};

use crate::place::{Place, all, report, row, stored};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_store_that_is_written_is_one_moment_of_it() {
    let place = Place::sqlite();
    let store = place.open().await;
    let folder = tempfile::tempdir().unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut number = None;
            for i in 0..150 {
                let writes = [
                    report("always", number, i, &i.to_string()),
                    report(&format!("m{i}"), None, i, "a"),
                ];
                number = Some(stored(&store, "t", &writes).await);
            }
        })
    };
    let mut taken = Vec::new();
    while taken.is_empty() || !writer.is_finished() {
        let file = folder.path().join(format!("backup-{}", taken.len() % 5));
        store.backup(&file).await.unwrap();
        taken.push(file);
    }
    writer.await.unwrap();
    for file in &taken {
        let restored = folder.path().join("restored.db");
        Store::restore(file, &restored, true).await.unwrap();
        let store = Store::open_file(&restored).await.unwrap();
        let (sequence, rows) = all(&store, "t").await;
        if sequence > 0 {
            assert_eq!(rows.len(), usize::try_from(sequence).unwrap() + 1);
            assert_eq!(row(&store, "t", "always").await.unwrap().sequence, sequence);
            let Changes::Machines { upto, machines } = store.changes_after("t", 0).await.unwrap()
            else {
                panic!("nothing was trimmed");
            };
            assert_eq!((upto, machines.len()), (sequence, rows.len()));
        }
        store.close().await;
    }
    let last = folder.path().join("last");
    store.backup(&last).await.unwrap();
    let restored = folder.path().join("equal.db");
    Store::restore(&last, &restored, false).await.unwrap();
    let equal = Store::open_file(&restored).await.unwrap();
    assert_eq!(all(&equal, "t").await, all(&store, "t").await);
    let left = std::fs::read_dir(folder.path()).unwrap();
    let left: Vec<String> = left
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !left.iter().any(|name| name.starts_with('.')),
        "nothing half done is left: {left:?}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::sqlite();
    let store = place.open().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, restored) = (
        folder.path().join("backup"),
        folder.path().join("restored.db"),
    );
    store.backup(&file).await.unwrap();
    Store::restore(&file, &restored, false).await.unwrap();
    for path in [file, restored] {
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[tokio::test]
async fn a_backup_overwrites_nothing_but_a_backup() {
    let place = Place::sqlite();
    let store = place.open().await;
    let Location::Sqlite(own) = store.location() else {
        panic!("{}", place.location());
    };
    let folder = tempfile::tempdir().unwrap();
    let letter = folder.path().join("letter.txt");
    std::fs::write(&letter, "dear reader").unwrap();
    for path in [own.as_path(), &letter, folder.path()] {
        let refused = store.backup(path).await;
        assert!(
            matches!(refused, Err(StoreError::Occupied { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(std::fs::read(&letter).unwrap(), b"dear reader");
    let nowhere = store
        .backup(Path::new("/nowhere/backup"))
        .await
        .unwrap_err();
    assert!(nowhere.to_string().contains("/nowhere/backup"), "{nowhere}");
    stored(&store, "t", &[report("a", None, 1, "a")]).await;
}

#[tokio::test]
async fn only_a_sound_backup_is_restored_and_only_where_it_may() {
    let place = Place::sqlite();
    let store = place.open().await;
    let many: Vec<_> = (0..500)
        .map(|i| report(&format!("m{i:03}"), None, i, "a"))
        .collect();
    stored(&store, "t", &many).await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    store.backup(&backup).await.unwrap();
    let Location::Sqlite(own) = store.location() else {
        panic!("{}", place.location());
    };
    let restore = async |from: &Path, overwrite| Store::restore(from, &own, overwrite).await;

    let refused = restore(&backup, false).await;
    assert!(
        matches!(refused, Err(StoreError::Occupied { .. })),
        "{refused:?}"
    );
    let refused = restore(&backup, true).await;
    assert!(
        matches!(refused, Err(StoreError::InUse { .. })),
        "{refused:?}"
    );
    stored(&store, "t", &[report("later", None, 1, "a")]).await;

    let mut bytes = std::fs::read(&backup).unwrap();
    let damaged = folder.path().join("damaged");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    std::fs::write(&damaged, &bytes).unwrap();
    let cut = folder.path().join("cut");
    std::fs::write(&cut, &std::fs::read(&backup).unwrap()[..middle]).unwrap();
    let text = folder.path().join("text");
    std::fs::write(
        &text,
        "no database at all, but long enough to be looked at as if it were one",
    )
    .unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, "").unwrap();
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", other.display()))
        .await
        .unwrap();
    sqlx::query("CREATE TABLE recipes (name)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    store.close().await;
    for unsound in [&damaged, &cut, &text, &other, &folder.path().join("absent")] {
        let refused = restore(unsound, true).await;
        assert!(
            matches!(refused, Err(StoreError::NoBackup { .. })),
            "{}: {refused:?}",
            unsound.display()
        );
    }
    assert!(!folder.path().join("absent").exists());
    let store = place.open().await;
    assert_eq!(
        store.machine_count("t").await.unwrap(),
        501,
        "refused is refused"
    );
    // Killed, not closed: what is in its log must not come over what is restored.
    stored(&store, "t", &[report("in the log", None, 1, "a")]).await;
    let log = std::fs::read(own.with_file_name("kbgap.db-wal")).unwrap();
    store.close().await;
    std::fs::write(own.with_file_name("kbgap.db-wal"), &log).unwrap();
    restore(&backup, true).await.unwrap();
    let store = place.open().await;
    assert_eq!(store.machine_count("t").await.unwrap(), 500);
    assert!(row(&store, "t", "in the log").await.is_none());
    store.close().await;
    // A file too damaged to be opened is what backups are for.
    std::fs::write(
        &own,
        "this was a database once, until the disk failed and left only this of it",
    )
    .unwrap();
    std::fs::write(own.with_file_name("kbgap.db-wal"), log).unwrap();
    restore(&backup, true).await.unwrap();
    assert_eq!(place.open().await.machine_count("t").await.unwrap(), 500);
}

#[tokio::test]
async fn a_backup_of_a_newer_kbgap_is_refused() {
    let place = Place::sqlite();
    place.open().await.close().await;
    let columns = "(version, description, success, checksum, execution_time)";
    place
        .execute(&format!(
            "INSERT INTO _sqlx_migrations {columns} VALUES (9999, 'later', TRUE, x'00', 0)"
        ))
        .await;
    let Location::Sqlite(own) = place.location() else {
        panic!("{}", place.location());
    };
    let refused = Store::restore(own, &own.with_file_name("new.db"), false).await;
    assert!(
        matches!(refused, Err(StoreError::Newer { version: 9999, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn postgres_has_means_of_its_own() {
    let store = Place::postgres().open().await;
    let refused = store.backup(Path::new("backup")).await.unwrap_err();
    assert!(refused.to_string().contains("pg_dump"), "{refused}");
    assert!(!Path::new("backup").exists());
}
