//! Remediation tasks.

use kbgap_store::{
    Completion, CompletionMethod, Person, ProductivityImpact, Put, RemediationTask, StatusUpdate,
    StoreError, TaskCategory, TaskPriority, TaskStatus, TaskType,
};

use crate::place::{Place, at};

fn id(number: u32) -> String {
    format!("03942ef5-aecb-4c6e-b555-d6a97013{number:04x}")
}

/// A task of which only the least is said.
fn plain(number: u32, created: i64) -> RemediationTask {
    RemediationTask {
        id: id(number),
        title: "Update Silverlight".into(),
        created_on: at(created),
        requester: Person::default(),
        status_last_modified_on: at(created),
        completion: None,
        description: None,
        related_component: None,
        groups: Vec::new(),
        requester_notes: None,
        due_on: None,
        category: TaskCategory::Software,
        productivity_impact: None,
        priority: TaskPriority::None,
        scid: None,
        kind: TaskType::Update,
        product_id: None,
        recommended_version: None,
        recommended_vendor: None,
        recommended_program: None,
        recommendation_reference: None,
        kb: None,
        target_devices: None,
    }
}

/// A task of which all is said, each in other words.
fn full(number: u32, created: i64) -> RemediationTask {
    RemediationTask {
        requester: Person {
            id: Some("requester".into()),
            email: Some("r@contoso.com".into()),
        },
        status_last_modified_on: at(created + 1),
        completion: Some(Completion {
            method: CompletionMethod::Automatic,
            completer: Person {
                id: Some("completer".into()),
                email: Some("c@contoso.com".into()),
            },
        }),
        description: Some("Describes \"it\"\nin two lines".into()),
        related_component: Some("component".into()),
        groups: vec!["z".into(), "Ärzte, \"1\"".into()],
        requester_notes: Some("notes".into()),
        due_on: Some(at(created + 99)),
        category: TaskCategory::SecurityConfiguration,
        productivity_impact: Some(ProductivityImpact::NonImpactedAssets),
        priority: TaskPriority::High,
        scid: Some("scid-2030".into()),
        kind: TaskType::FirmwareUpdate,
        product_id: Some("microsoft-_-silverlight".into()),
        recommended_version: Some("version".into()),
        recommended_vendor: Some("vendor".into()),
        recommended_program: Some("program".into()),
        recommendation_reference: Some("va-_-microsoft-_-silverlight".into()),
        kb: Some(u32::MAX),
        target_devices: Some(u32::MAX),
        ..plain(number, created)
    }
}

pub(crate) async fn a_task_is_read_as_it_was_created(place: Place) {
    let store = place.open().await;
    for task in [plain(1, 10), full(2, 20)] {
        let created = store.create_remediation_task("t", &task).await.unwrap();
        assert_eq!(created, Put::New);
        let read = store.remediation_task("t", &task.id).await.unwrap();
        assert_eq!(read, Some(task));
    }
    for kind in TaskType::ALL {
        assert_eq!(TaskType::of_number(kind.number()), Some(*kind));
        assert_eq!(TaskType::of_name(kind.name()), Some(*kind));
    }
    assert_eq!(TaskType::of_number(6), None);
    assert_eq!(TaskType::of_name("update"), None);
    assert_eq!(plain(1, 10).status(), TaskStatus::Active);
    assert_eq!(full(2, 20).status(), TaskStatus::Completed);
    assert_eq!(store.remediation_task("t", &id(3)).await.unwrap(), None);
}

pub(crate) async fn creating_a_task_again_does_no_harm(place: Place) {
    let store = place.open().await;
    let task = RemediationTask {
        due_on: Some(at(1) + jiff::SignedDuration::from_nanos(1)),
        ..plain(1, 10)
    };
    let create = async |task: RemediationTask| store.create_remediation_task("t", &task).await;
    assert_eq!(create(task.clone()).await.unwrap(), Put::New);
    let done = Completion {
        method: CompletionMethod::Manual,
        completer: Person::default(),
    };
    let completed = store
        .set_remediation_task_status("t", &task.id, TaskStatus::Active, Some(&done), at(50))
        .await;
    assert_eq!(completed.unwrap(), StatusUpdate::Done);
    let again = RemediationTask {
        created_on: at(60),
        ..task.clone()
    };
    assert_eq!(create(again).await.unwrap(), Put::Unchanged);
    let read = store
        .remediation_task("t", &task.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (read.created_on, read.status()),
        (at(10), TaskStatus::Completed),
        "it stays as it is"
    );
    let other = RemediationTask {
        kb: Some(1),
        ..task.clone()
    };
    let refused = create(other).await;
    assert!(matches!(refused, Err(StoreError::Exists(_))), "{refused:?}");
    // Another tenant's id is another's.
    let elsewhere = store.create_remediation_task("u", &full(1, 10)).await;
    assert_eq!(elsewhere.unwrap(), Put::New);
}

pub(crate) async fn a_status_is_changed_by_who_knows_it(place: Place) {
    let store = place.open().await;
    let task = plain(1, 10);
    store.create_remediation_task("t", &task).await.unwrap();
    let by = |method, id: Option<&str>| Completion {
        method,
        completer: Person {
            id: id.map(str::to_owned),
            email: id.map(|id| format!("{id}@contoso.com")),
        },
    };
    let manual = by(CompletionMethod::Manual, Some("admin"));
    let automatic = by(CompletionMethod::Automatic, None);
    let set = async |tenant: &str, expected, completion: Option<&Completion>, second| {
        store
            .set_remediation_task_status(tenant, &task.id, expected, completion, at(second))
            .await
            .unwrap()
    };
    let read = async || {
        store
            .remediation_task("t", &task.id)
            .await
            .unwrap()
            .unwrap()
    };
    let (active, completed) = (TaskStatus::Active, TaskStatus::Completed);
    let unknown = set("u", active, Some(&manual), 20).await;
    assert_eq!(unknown, StatusUpdate::Unknown);
    let late = set("t", completed, None, 20).await;
    assert_eq!(late, StatusUpdate::Otherwise(active));
    assert_eq!(read().await, task, "nothing was written");
    let done = set("t", active, Some(&manual), 20).await;
    assert_eq!(done, StatusUpdate::Done);
    let now = RemediationTask {
        completion: Some(manual.clone()),
        status_last_modified_on: at(20),
        ..task.clone()
    };
    assert_eq!(read().await, now);
    // Two servers find that no machine is left, but somebody was faster.
    let late = set("t", active, Some(&automatic), 21).await;
    assert_eq!(late, StatusUpdate::Otherwise(completed));
    assert_eq!(read().await, now);
    assert_eq!(set("t", completed, None, 30).await, StatusUpdate::Done);
    let reopened = RemediationTask {
        status_last_modified_on: at(30),
        ..task.clone()
    };
    assert_eq!(read().await, reopened, "nobody completed it");
    let by_itself = set("t", active, Some(&automatic), 40).await;
    assert_eq!(by_itself, StatusUpdate::Done);
    assert_eq!(read().await.completion, Some(automatic));
}

pub(crate) async fn tasks_have_an_order_and_a_tenant(place: Place) {
    let store = place.open().await;
    for task in [plain(3, 10), plain(1, 20), plain(2, 10)] {
        store.create_remediation_task("t", &task).await.unwrap();
    }
    let elsewhere = full(4, 5);
    store
        .create_remediation_task("u", &elsewhere)
        .await
        .unwrap();
    let tasks = store.remediation_tasks("t").await.unwrap();
    assert_eq!(tasks, [plain(2, 10), plain(3, 10), plain(1, 20)]);
    assert_eq!(store.remediation_tasks("u").await.unwrap(), [elsewhere]);
    assert_eq!(store.remediation_task("t", &id(4)).await.unwrap(), None);
    assert!(store.remediation_tasks("v").await.unwrap().is_empty());
}

pub(crate) async fn a_task_that_cannot_be_kept_is_refused(place: Place) {
    let store = place.open().await;
    let line = || Some("x".repeat(1001));
    let text = || Some("x".repeat(10_001));
    let (task, long) = (plain(1, 1), "x".repeat(1001));
    let completed = Completion {
        method: CompletionMethod::Manual,
        completer: Person {
            id: None,
            email: line(),
        },
    };
    let of_id = |id: &str| RemediationTask {
        id: id.to_owned(),
        ..plain(1, 1)
    };
    let of_title = |title: &str| RemediationTask {
        title: title.to_owned(),
        ..plain(1, 1)
    };
    #[rustfmt::skip]
    let refused = [
        of_id(""),
        of_id(&id(10).to_uppercase()),
        of_id("03942ef5aecb4c6eb555d6a970130001"),
        of_id("03942ef5-aecb-4c6e-b555-d6a97013000g"),
        of_id("03942ef5-aecb-4c6e-b555-d6a970130001-"),
        of_title(" "),
        of_title("a\0b"),
        of_title(&long),
        RemediationTask { requester: Person { id: line(), email: None }, ..task.clone() },
        RemediationTask { completion: Some(completed.clone()), ..task.clone() },
        RemediationTask { description: text(), ..task.clone() },
        RemediationTask { requester_notes: text(), ..task.clone() },
        RemediationTask { related_component: line(), ..task.clone() },
        RemediationTask { scid: line(), ..task.clone() },
        RemediationTask { product_id: line(), ..task.clone() },
        RemediationTask { recommended_version: line(), ..task.clone() },
        RemediationTask { recommended_vendor: line(), ..task.clone() },
        RemediationTask { recommended_program: line(), ..task.clone() },
        RemediationTask { recommendation_reference: line(), ..task.clone() },
        RemediationTask { groups: vec![long.clone()], ..task.clone() },
        RemediationTask { groups: vec!["g".into(); 1001], ..task.clone() },
    ];
    for task in &refused {
        let refused = store.create_remediation_task("t", task).await;
        assert!(matches!(refused, Err(StoreError::Unfit { .. })), "{task:?}");
    }
    assert!(store.remediation_tasks("t").await.unwrap().is_empty());
    let longest = RemediationTask {
        title: "x".repeat(1000),
        description: Some("x".repeat(10_000)),
        ..task.clone()
    };
    store.create_remediation_task("t", &longest).await.unwrap();
    let refused = store
        .set_remediation_task_status("t", &task.id, TaskStatus::Active, Some(&completed), at(2))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Unfit { .. })),
        "{refused:?}"
    );
}
