//! Documents.

use kbgap_store::{CatalogDocument, Put};

use crate::place::{Place, at};

fn document(id: &str, release: i64, body: &str) -> CatalogDocument {
    CatalogDocument {
        source: "cvrf".to_owned(),
        id: id.to_owned(),
        current_release: at(release),
        title: format!("{id} Security Updates"),
        digest: body.to_owned(),
        imported_at: at(1000),
        body: body.as_bytes().to_vec(),
    }
}

pub(crate) async fn revisions_of_a_document_are_kept(place: Place) {
    let store = place.open().await;
    let put = async |document: CatalogDocument| store.put_document(&document).await.unwrap();
    assert_eq!(put(document("2020-Mar", 10, "a")).await, Put::New);
    assert_eq!(put(document("2020-Mar", 10, "a")).await, Put::Unchanged);
    assert_eq!(put(document("2020-Mar", 20, "b")).await, Put::Changed);
    assert_eq!(put(document("2020-Apr", 30, "c")).await, Put::New);
    let digests = async |as_of: Option<i64>| -> Vec<String> {
        let documents = store.documents("cvrf", as_of.map(at)).await.unwrap();
        documents
            .into_iter()
            .map(|document| document.digest)
            .collect()
    };
    assert_eq!(digests(None).await, ["c", "b"]);
    assert_eq!(
        digests(Some(15)).await,
        ["c", "a"],
        "the oldest stands in where all are newer"
    );
    assert_eq!(
        store.documents("cvrf", Some(at(15))).await.unwrap()[1],
        document("2020-Mar", 10, "a")
    );
    let revisions = store.document_revisions("cvrf").await.unwrap();
    let told: Vec<_> = revisions
        .iter()
        .map(|r| (r.id.as_str(), r.current_release, r.digest.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("2020-Apr", at(30), "c"),
            ("2020-Mar", at(10), "a"),
            ("2020-Mar", at(20), "b")
        ]
    );
    assert!(store.documents("other", None).await.unwrap().is_empty());
    assert_eq!(
        put(document("2020-Mar", 20, "d")).await,
        Put::Changed,
        "a revision changed in place"
    );
    assert_eq!(digests(None).await, ["c", "d"]);
}

pub(crate) async fn the_number_is_raised_by_changes_alone(place: Place) {
    let store = place.open().await;
    let number = async || store.catalog_sequence().await.unwrap();
    assert_eq!(number().await, 0);
    store
        .put_document(&document("2020-Mar", 10, "a"))
        .await
        .unwrap();
    assert_eq!(number().await, 1);
    store
        .put_document(&document("2020-Mar", 10, "a"))
        .await
        .unwrap();
    assert_eq!(number().await, 1);
    store
        .put_document(&document("2020-Mar", 20, "b"))
        .await
        .unwrap();
    assert_eq!(number().await, 2);
}

pub(crate) async fn texts_are_ordered_by_their_bytes(place: Place) {
    let store = place.open().await;
    for id in ["b", "ä", "B", "a-1", "a 1", "A"] {
        store.put_document(&document(id, 1, id)).await.unwrap();
    }
    let documents = store.documents("cvrf", None).await.unwrap();
    let ids: Vec<&str> = documents
        .iter()
        .map(|document| document.id.as_str())
        .collect();
    assert_eq!(ids, ["A", "B", "a 1", "a-1", "b", "ä"]);
}
