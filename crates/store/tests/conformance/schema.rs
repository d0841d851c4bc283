//! The schema: brought forward, looked at, and the same on both.

use std::path::Path;

use kbgap_store::{Location, SoftwareEntry, Store, StoreError};

use crate::place::{Place, all, report, stored};

pub(crate) async fn the_store_survives_reopening(place: Place) {
    let store = place.open().await;
    let number = stored(
        &store,
        "t",
        &[report("a", None, 1, "a"), report("b", None, 1, "b")],
    )
    .await;
    let before = all(&store, "t").await;
    store.close().await;
    assert!(store.sequence("t").await.is_err(), "it is closed");
    let store = place.open().await;
    assert_eq!(all(&store, "t").await, before);
    assert_eq!(store.sequence("t").await.unwrap(), number);
    assert_eq!(store.location().to_string(), place.location().to_string());
}

pub(crate) async fn a_newer_schema_is_refused(place: Place) {
    place.open().await.close().await;
    let later = match place.location() {
        Location::Sqlite(_) => "(9999, 'later', TRUE, x'00', 0)",
        Location::Postgres(_) => "(9999, 'later', TRUE, ''::bytea, 0)",
    };
    let columns = "(version, description, success, checksum, execution_time)";
    place
        .execute(&format!(
            "INSERT INTO _sqlx_migrations {columns} VALUES {later}"
        ))
        .await;
    let refused = [
        Store::open(place.location()).await.err().unwrap(),
        Store::pending_migrations(place.location())
            .await
            .err()
            .unwrap(),
    ];
    for error in refused {
        assert!(
            matches!(error, StoreError::Newer { version: 9999, .. }),
            "{error}"
        );
        assert!(!error.is_temporary());
    }
    assert_eq!(
        Store::status(place.location()).await.unwrap().schema,
        Some(9999),
        "it can be looked at"
    );
}

pub(crate) async fn pending_migrations_change_nothing(place: Place) {
    let tables = async || {
        place
            .texts(
                "SELECT name FROM sqlite_schema WHERE type = 'table'",
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
            )
            .await
    };
    let pending = Store::pending_migrations(place.location()).await.unwrap();
    assert!(
        pending
            .iter()
            .any(|step| step.sql.contains("CREATE TABLE machines"))
    );
    let versions: Vec<i64> = pending.iter().map(|step| step.version).collect();
    assert!(versions.is_sorted() && versions[0] == 1, "{versions:?}");
    if let Location::Sqlite(path) = place.location() {
        assert!(!path.exists(), "no file was made");
        std::fs::write(path, "").unwrap();
        assert_eq!(
            Store::pending_migrations(place.location()).await.unwrap(),
            pending
        );
        assert_eq!(std::fs::read(path).unwrap(), b"");
    }
    assert!(tables().await.is_empty());
    place.open().await.close().await;
    assert!(!tables().await.is_empty());
    assert!(
        Store::pending_migrations(place.location())
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn two_servers_open_at_once(place: Place) {
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let location = place.location().clone();
            tokio::spawn(async move { Store::open(&location).await })
        })
        .collect();
    for opened in opening {
        let store = opened.await.unwrap().unwrap();
        assert_eq!(store.sequence("t").await.unwrap(), 0);
    }
}

pub(crate) async fn a_status_is_told(place: Place) {
    let engine = match place.location() {
        Location::Sqlite(_) => "SQLite",
        Location::Postgres(_) => "PostgreSQL",
    };
    let status = async || Store::status(place.location()).await.unwrap();
    let before = status().await;
    assert_eq!((before.schema, before.machines), (None, 0));
    let store = place.open().await;
    stored(
        &store,
        "t",
        &[report("a", None, 1, "a"), report("b", None, 1, "b")],
    )
    .await;
    stored(&store, "u", &[report("a", None, 1, "a")]).await;
    let now = status().await;
    assert_eq!(
        (now.schema, now.machines, now.tenants),
        (Some(now.known_schema), 3, 0)
    );
    assert!(
        now.engine.starts_with(&format!("{engine} ")),
        "{}",
        now.engine
    );
    assert!(now.bytes > 10_000, "{}", now.bytes);
}

/// Tables that only SQLite has, until what uses them is gone.
const OF_SQLITE_ALONE: [&str; 2] = ["reports", "change_sequence"];

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut columns = Vec::new();
    for place in [Place::sqlite(), Place::postgres()] {
        place.open().await.close().await;
        let own: Vec<String> = place
            .texts(
                "SELECT s.name || '.' || c.name || CASE c.\"notnull\" WHEN 1 THEN '' ELSE ' or none' END
                     || CASE c.pk WHEN 0 THEN '' ELSE ' key ' || c.pk END
                 FROM sqlite_schema AS s, pragma_table_info(s.name) AS c
                 WHERE s.type = 'table' AND s.name NOT GLOB '_sqlx*'",
                "SELECT c.table_name || '.' || c.column_name || CASE c.is_nullable WHEN 'NO' THEN '' ELSE ' or none' END
                     || coalesce((
                         SELECT ' key ' || k.ordinal_position FROM information_schema.key_column_usage AS k
                         JOIN information_schema.table_constraints AS t USING (constraint_schema, constraint_name)
                         WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name
                             AND k.column_name = c.column_name AND k.table_schema = 'public'), '')
                 FROM information_schema.columns AS c
                 WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\\_sqlx%'",
            )
            .await;
        let table = |column: &String| column.split('.').next().unwrap_or_default().to_owned();
        let mut shared: Vec<String> = own
            .into_iter()
            .filter(|column| !OF_SQLITE_ALONE.contains(&table(column).as_str()))
            .collect();
        shared.sort();
        columns.push(shared);
    }
    assert!(
        columns[0].contains(&"machines.machine key 2".to_owned()),
        "{columns:?}"
    );
    assert_eq!(columns[0], columns[1]);
}

/// Software keeps its numbers where the table loses its index by content.
#[tokio::test]
async fn software_keeps_its_numbers_over_migrations() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let places = [
        (Place::sqlite(), "sqlite", 2, "x'0a'"),
        (Place::postgres(), "postgres", 1, r"'\x0a'"),
    ];
    for (place, kind, before, digest) in places {
        let first = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(own.join(kind)).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            if name[..4].parse::<u32>().unwrap() <= before {
                std::fs::copy(file.path(), first.path().join(name)).unwrap();
            }
        }
        let migrator = sqlx::migrate::Migrator::new(first.path()).await.unwrap();
        match place.location() {
            Location::Sqlite(path) => {
                std::fs::write(path, "").unwrap();
                let pool = sqlx::SqlitePool::connect(place.url()).await.unwrap();
                migrator.run(&pool).await.unwrap();
            }
            Location::Postgres(_) => {
                let pool = sqlx::PgPool::connect(place.url()).await.unwrap();
                migrator.run(&pool).await.unwrap();
            }
        }
        for (tenant, id) in [("t", 1), ("t", 2), ("u", 1)] {
            let other = digest.replace("0a", &format!("0{id}"));
            let values = format!("('{tenant}', {id}, {other}, 'Contoso', 'Tool', '{id}')");
            let columns = "(tenant, id, digest, vendor, name, version)";
            let insert = format!("INSERT INTO software {columns} VALUES {values}");
            place.execute(&insert).await;
        }
        place
            .execute("INSERT INTO sequences (tenant, value, trimmed, software) VALUES ('t', 0, 0, 2), ('u', 0, 0, 1)")
            .await;
        let store = place.open().await;
        let tool = |version: &str| SoftwareEntry {
            vendor: "Contoso".into(),
            name: "Tool".into(),
            version: version.into(),
        };
        let told = store.add_software("t", 0, &[tool("3")]).await.unwrap();
        let expected = [(1, tool("1")), (2, tool("2")), (3, tool("3"))];
        assert_eq!(told, expected, "{kind}");
        assert_eq!(
            store.software_after("u", 0).await.unwrap(),
            [(1, tool("1"))]
        );
    }
}

/// What the first release wrote is brought forward, and a dry run says how.
#[tokio::test]
async fn a_file_of_the_first_release_is_brought_forward() {
    let place = Place::sqlite();
    let Location::Sqlite(path) = place.location() else {
        panic!("{}", place.location());
    };
    let first = tempfile::tempdir().unwrap();
    let own = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/migrations/sqlite/0001_initial.sql"
    );
    std::fs::copy(own, first.path().join("0001_initial.sql")).unwrap();
    std::fs::write(path, "").unwrap();
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    sqlx::migrate::Migrator::new(first.path())
        .await
        .unwrap()
        .run(&pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO tenants VALUES ('t', 'default', 5)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let before = std::fs::read(path).unwrap();
    let pending = Store::pending_migrations(place.location()).await.unwrap();
    let versions: Vec<i64> = pending.iter().map(|step| step.version).collect();
    assert!(
        !versions.is_empty() && !versions.contains(&1),
        "{versions:?}"
    );
    assert_eq!(
        Store::status(place.location()).await.unwrap().schema,
        Some(1)
    );
    assert!(
        std::fs::read(path).unwrap() == before,
        "a dry run changes nothing"
    );
    let store = place.open().await;
    assert_eq!(store.tenants().await.unwrap()[0].name, "default");
    assert!(
        Store::pending_migrations(place.location())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kbgap.db");
    std::fs::write(
        &path,
        "this is a text, not a database, and long enough to be looked at as one",
    )
    .unwrap();
    let error = Store::open_file(&path).await.unwrap_err();
    assert!(error.to_string().contains("kbgap.db"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::sqlite();
    let store = place.open().await;
    stored(&store, "t", &[report("a", None, 1, "a")]).await;
    let Location::Sqlite(path) = place.location() else {
        panic!("{}", place.location());
    };
    let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
    for file in files.map(Result::unwrap) {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.path().display());
    }
    store.close().await;
    // One that was copied here with the rights of others is its owner's again.
    let everyones = std::fs::Permissions::from_mode(0o664);
    std::fs::set_permissions(path, everyones).unwrap();
    let store = place.open().await;
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    store.close().await;
}

#[tokio::test]
async fn a_postgres_database_that_cannot_be_used_is_named_without_the_password() {
    let place = Place::postgres();
    let Location::Postgres(url) = place.location() else {
        panic!("{}", place.location());
    };
    let secret = place
        .url()
        .split(':')
        .nth(2)
        .unwrap()
        .split('@')
        .next()
        .unwrap()
        .to_owned();
    let elsewhere: Location = place
        .url()
        .replace(url.database(), "nowhere")
        .parse()
        .unwrap();
    let absent = Store::open(&elsewhere).await.unwrap_err();
    assert!(
        matches!(&absent, StoreError::NoDatabase { database, .. } if database == "nowhere"),
        "{absent:?}"
    );
    let pending = Store::pending_migrations(&elsewhere).await.unwrap();
    let versions: Vec<i64> = pending.iter().map(|step| step.version).collect();
    assert!(
        versions.iter().copied().eq((1..).take(versions.len())),
        "all of them: {versions:?}"
    );
    assert_eq!(Store::status(&elsewhere).await.unwrap().schema, None);
    let wrong: Location = place
        .url()
        .replace(&secret, "wr0ng-s3cret")
        .parse()
        .unwrap();
    let refused = Store::open(&wrong).await.unwrap_err();
    assert!(!refused.is_temporary(), "{refused:?}");
    place.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0").await;
    let latin: Location = place
        .url()
        .replace(url.database(), "latin")
        .parse()
        .unwrap();
    let unsuitable = Store::open(&latin).await.unwrap_err();
    assert!(
        matches!(unsuitable, StoreError::Unsuitable { .. }),
        "{unsuitable:?}"
    );
    for error in [absent, refused, unsuitable] {
        let said = format!("{error} {error:?}");
        assert!(
            !said.contains(&secret) && !said.contains("wr0ng-s3cret"),
            "{said}"
        );
    }
    let store = place.open().await;
    assert!(!format!("{store:?}").contains(&secret), "{store:?}");
}
