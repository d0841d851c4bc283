//! People, their groups, and what stands for them while they are signed in.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kbgap_identity::{Rights, Role, Seen, UserName};
use kbgap_store::{
    Application, AuthorizationCode, BrowserSession, DeviceCode, Group, PersonGrant, Poll, Redeemed,
    RefreshToken, Rotated, Rotation, Store, StoreError, Tenant, User, UserChange,
};

use crate::place::{Place, at};

fn user(tenant: &str, id: &str, name: &str) -> User {
    User {
        tenant: tenant.to_owned(),
        id: id.to_owned(),
        name: UserName::new(name).unwrap(),
        display_name: format!("{name} Ä"),
        password_hash: "$argon2id$secret".to_owned(),
        must_change: true,
        disabled: false,
        created_at: at(1),
        last_sign_in: None,
        locked_until: None,
    }
}

fn group(id: &str, name: &str, role: Role, sees: Seen) -> Group {
    Group {
        tenant: "t1".to_owned(),
        id: id.to_owned(),
        name: name.to_owned(),
        rights: Rights { role, sees },
        claim: Some(format!("claim of {id}")),
        created_at: at(1),
    }
}

fn some(names: &[&str]) -> Seen {
    Seen::Groups(
        names
            .iter()
            .map(|&name| name.into())
            .collect::<BTreeSet<_>>(),
    )
}

fn grant() -> PersonGrant {
    PersonGrant {
        tenant: "t1".to_owned(),
        client: "c1".to_owned(),
        user: "u1".to_owned(),
        scope: "openid x/.default".to_owned(),
        signed_in_at: at(5),
    }
}

/// Two tenants; in the first one, a person and an application.
async fn inhabited(place: &Place) -> Store {
    let store = place.open().await;
    for id in ["t1", "t2"] {
        let tenant = Tenant {
            id: id.to_owned(),
            name: format!("name of {id}"),
            created_at: at(0),
        };
        store.create_tenant(&tenant).await.unwrap();
    }
    let alice = user("t1", "u1", "Alice@contoso");
    store.create_user(&alice).await.unwrap();
    let application = Application {
        tenant: "t1".into(),
        client: "c1".into(),
        name: "app".into(),
        roles: Vec::new(),
        created_at: at(1),
    };
    store.create_application(&application).await.unwrap();
    store
}

pub(crate) async fn users_are_kept(place: Place) {
    let store = inhabited(&place).await;
    let alice = user("t1", "u1", "Alice@contoso");
    for (id, name) in [("u1", "other"), ("u2", "aLICE@CONTOSO")] {
        let again = store.create_user(&user("t1", id, name)).await;
        assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    }
    let elsewhere = user("t2", "u1", "alice@contoso");
    store.create_user(&elsewhere).await.unwrap();
    let stranger = store.create_user(&user("t3", "u1", "x")).await;
    assert!(stranger.is_err(), "a tenant must exist");
    let bob = user("t1", "u0", "älice@contoso");
    store.create_user(&bob).await.unwrap();
    assert_eq!(
        store.users("t1").await.unwrap(),
        [alice.clone(), bob.clone()]
    );
    let by_name = |name: &str| UserName::new(name).unwrap();
    let found = store.user_by_name("t1", &by_name("ALICE@contoso")).await;
    assert_eq!(found.unwrap(), Some(alice.clone()));
    let found = store.user_by_name("t1", &by_name("ÄLICE@contoso")).await;
    assert_eq!(found.unwrap(), Some(bob));
    assert_eq!(store.user("t2", "u1").await.unwrap(), Some(elsewhere));
    assert_eq!(store.user("t2", "u0").await.unwrap(), None);
    assert!(!format!("{alice:?}").contains("argon2id"));

    let change = UserChange {
        display_name: Some("Alice B".to_owned()),
        disabled: None,
    };
    assert!(store.change_user("t1", "u1", &change).await.unwrap());
    assert!(!store.change_user("t1", "u9", &change).await.unwrap());
    assert!(
        store
            .set_password("t1", "u1", "$argon2id$new", false)
            .await
            .unwrap()
    );
    store.signed_in("t1", "u1", at(7)).await.unwrap();
    let changed = User {
        display_name: "Alice B".to_owned(),
        password_hash: "$argon2id$new".to_owned(),
        must_change: false,
        last_sign_in: Some(at(7)),
        ..alice
    };
    assert_eq!(store.user("t1", "u1").await.unwrap(), Some(changed));
    assert!(store.remove_user("t1", "u1").await.unwrap());
    assert!(!store.remove_user("t1", "u1").await.unwrap());
    assert!(store.user("t2", "u1").await.unwrap().is_some());
}

pub(crate) async fn wrong_passwords_lock_a_person_out(place: Place) {
    let store = inhabited(&place).await;
    let other = place.open().await;
    for attempt in 0..5 {
        let server = if attempt % 2 == 0 { &store } else { &other };
        assert!(server.begin_sign_in("t1", "u1", at(10)).await.unwrap());
    }
    let locked = store.user("t1", "u1").await.unwrap().unwrap().locked_until;
    assert_eq!(locked, Some(at(40)));
    for server in [&store, &other] {
        assert!(!server.begin_sign_in("t1", "u1", at(39)).await.unwrap());
    }
    assert!(store.begin_sign_in("t1", "u1", at(40)).await.unwrap());
    assert!(
        !store.begin_sign_in("t1", "u1", at(99)).await.unwrap(),
        "twice as long"
    );
    assert!(store.begin_sign_in("t1", "u1", at(100)).await.unwrap());
    store.signed_in("t1", "u1", at(100)).await.unwrap();
    for _ in 0..5 {
        assert!(store.begin_sign_in("t1", "u1", at(101)).await.unwrap());
    }
    assert!(!store.begin_sign_in("t1", "u1", at(101)).await.unwrap());
    assert!(!store.begin_sign_in("t1", "u9", at(101)).await.unwrap());

    // Many at once are counted one by one.
    store.signed_in("t1", "u1", at(200)).await.unwrap();
    let tries = (0..12).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.begin_sign_in("t1", "u1", at(201)).await.unwrap() })
    });
    let mut allowed = 0;
    for one in tries.collect::<Vec<_>>() {
        allowed += usize::from(one.await.unwrap());
    }
    assert_eq!(allowed, 5);
}

pub(crate) async fn rights_are_those_of_all_groups(place: Place) {
    let store = inhabited(&place).await;
    assert_eq!(store.rights_of("t1", "u1").await.unwrap(), None);
    let (readers, managers, all) = (
        group("g1", "Readers", Role::View, some(&["lab", "ö'"])),
        group("g2", "managers", Role::Manage, some(&["field"])),
        group("g3", "everything", Role::View, Seen::All),
    );
    for group in [&readers, &managers, &all] {
        store.create_group(group).await.unwrap();
    }
    let again = group("g4", "READERS", Role::View, Seen::All);
    let again = store.create_group(&again).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    assert_eq!(
        store.groups("t1").await.unwrap(),
        [all.clone(), managers.clone(), readers.clone()]
    );
    assert_eq!(store.groups("t2").await.unwrap(), []);

    assert!(store.add_group_member("t1", "g1", "u1").await.unwrap());
    assert!(store.add_group_member("t1", "g1", "u1").await.unwrap());
    for (tenant, group, user) in [("t1", "g9", "u1"), ("t1", "g1", "u9"), ("t2", "g1", "u1")] {
        assert!(!store.add_group_member(tenant, group, user).await.unwrap());
    }
    assert!(store.add_group_member("t1", "g2", "u1").await.unwrap());
    assert_eq!(store.group_members("t1", "g1").await.unwrap(), ["u1"]);
    let both = Rights {
        role: Role::Manage,
        sees: some(&["field", "lab", "ö'"]),
    };
    assert_eq!(
        store.rights_of("t1", "u1").await.unwrap(),
        Some(both.clone())
    );
    assert_eq!(store.rights_of("t2", "u1").await.unwrap(), None);
    let claims = ["claim of g1", "else", "claim of g2"];
    assert_eq!(
        store.rights_of_claims("t1", &claims).await.unwrap(),
        Some(both)
    );
    assert_eq!(store.rights_of_claims("t2", &claims).await.unwrap(), None);
    assert_eq!(store.rights_of_claims("t1", &[]).await.unwrap(), None);

    let changed = Group {
        name: "Administrators".to_owned(),
        rights: Rights {
            role: Role::Administer,
            sees: Seen::All,
        },
        claim: None,
        ..readers
    };
    assert!(store.change_group(&changed).await.unwrap());
    let taken = Group {
        name: "MANAGERS".to_owned(),
        ..changed.clone()
    };
    let taken = store.change_group(&taken).await;
    assert!(matches!(taken, Err(StoreError::Exists(_))), "{taken:?}");
    assert_eq!(
        store.rights_of("t1", "u1").await.unwrap(),
        Some(changed.rights.clone())
    );
    assert!(store.remove_group_member("t1", "g1", "u1").await.unwrap());
    assert!(!store.remove_group_member("t1", "g1", "u1").await.unwrap());
    assert_eq!(
        store.groups_of("t1", "u1").await.unwrap(),
        std::slice::from_ref(&managers)
    );
    let disabled = UserChange {
        disabled: Some(true),
        ..UserChange::default()
    };
    store.change_user("t1", "u1", &disabled).await.unwrap();
    assert_eq!(store.rights_of("t1", "u1").await.unwrap(), None);
    assert!(store.remove_group("t1", "g2").await.unwrap());
    assert!(!store.remove_group("t1", "g2").await.unwrap());
    assert!(store.remove_user("t1", "u1").await.unwrap());
    assert_eq!(store.group_members("t1", "g2").await.unwrap(), [""; 0]);
}

pub(crate) async fn redirects_and_consents_are_kept(place: Place) {
    let store = inhabited(&place).await;
    let uri = "http://localhost:1/ä";
    assert!(store.add_redirect_uri("t1", "c1", uri).await.unwrap());
    assert!(!store.add_redirect_uri("t1", "c1", uri).await.unwrap());
    assert!(!store.add_redirect_uri("t2", "c1", uri).await.unwrap());
    assert_eq!(store.redirect_uris("t1", "c1").await.unwrap(), [uri]);
    assert_eq!(store.redirect_uris("t2", "c1").await.unwrap(), [""; 0]);
    assert!(store.remove_redirect_uri("t1", "c1", uri).await.unwrap());
    assert!(!store.remove_redirect_uri("t1", "c1", uri).await.unwrap());

    assert!(!store.is_public("t1", "c1").await.unwrap());
    for _ in 0..2 {
        store.set_public("t1", "c1", true).await.unwrap();
        assert!(store.is_public("t1", "c1").await.unwrap());
    }
    store.set_public("t1", "c1", false).await.unwrap();
    store.set_public("t2", "c1", true).await.unwrap();
    assert!(!store.is_public("t1", "c1").await.unwrap());
    assert!(!store.is_public("t2", "c1").await.unwrap(), "no such one");

    for scopes in [&["b", "a"][..], &["b", "c"]] {
        store.consent("t1", "u1", "c1", scopes).await.unwrap();
    }
    let consents = store.consents("t1", "u1", "c1").await.unwrap();
    assert_eq!(consents, ["a", "b", "c"]);
    assert_eq!(store.consents("t1", "u2", "c1").await.unwrap(), [""; 0]);
}

pub(crate) async fn sessions_end(place: Place) {
    let store = inhabited(&place).await;
    let session = BrowserSession {
        tenant: "t1".to_owned(),
        user: "u1".to_owned(),
        signed_in_at: at(5),
        expires_at: at(50),
    };
    for byte in 1..=4 {
        store.begin_session([byte; 32], &session).await.unwrap();
    }
    let found = store.session([1; 32], at(49)).await.unwrap();
    assert_eq!(found, Some(session));
    assert_eq!(store.session([1; 32], at(50)).await.unwrap(), None);
    assert_eq!(store.session([9; 32], at(49)).await.unwrap(), None);
    assert!(store.end_session([1; 32]).await.unwrap());
    assert!(!store.end_session([1; 32]).await.unwrap());
    // Another password signs the person out everywhere.
    store.set_password("t1", "u1", "x", false).await.unwrap();
    assert_eq!(store.session([2; 32], at(49)).await.unwrap(), None);
}

pub(crate) async fn a_code_is_redeemed_once(place: Place) {
    let store = inhabited(&place).await;
    let other = place.open().await;
    let code = AuthorizationCode {
        grant: grant(),
        redirect_uri: "http://localhost".to_owned(),
        challenge: Some("c".to_owned()),
        nonce: None,
        expires_at: at(65),
    };
    store.put_authorization_code([1; 32], &code).await.unwrap();
    let redeem = |store: &Store, family: &'static str| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .redeem_authorization_code([1; 32], family)
                .await
                .unwrap()
        })
    };
    let (one, two) = (redeem(&store, "f1"), redeem(&other, "f2"));
    let both = [one.await.unwrap(), two.await.unwrap()];
    let redeemed = Redeemed::Code(Box::new(code));
    assert!(
        both.contains(&redeemed) && both.contains(&Redeemed::Again),
        "{both:?}"
    );
    let family = if both[0] == redeemed { "f1" } else { "f2" };
    let token = token(family);
    store.put_refresh_token([2; 32], &token).await.unwrap();
    let kept = async || store.refresh_token([2; 32], "t1", "c1").await.unwrap();
    assert_eq!(kept().await, Some(token));
    let again = store.redeem_authorization_code([1; 32], "f3").await;
    assert_eq!(again.unwrap(), Redeemed::Again);
    assert_eq!(kept().await, None, "what it was redeemed for is revoked");
    let unknown = store.redeem_authorization_code([9; 32], "f3").await;
    assert_eq!(unknown.unwrap(), Redeemed::Unknown);
}

fn token(family: &str) -> RefreshToken {
    RefreshToken {
        grant: grant(),
        family: family.to_owned(),
        expires_at: at(100),
        family_until: at(300),
    }
}

pub(crate) async fn refresh_tokens_rotate(place: Place) {
    let store = inhabited(&place).await;
    store.put_refresh_token([1; 32], &token("f")).await.unwrap();
    store.put_refresh_token([8; 32], &token("g")).await.unwrap();
    let rotate = async |old: u8, new: u8, until: Timestamp| {
        let rotation = Rotation {
            old: [old; 32],
            new: [new; 32],
            expires_at: until,
        };
        store.rotate_refresh_token(rotation).await.unwrap()
    };
    let read = async |token: u8| store.refresh_token([token; 32], "t1", "c1").await.unwrap();
    assert_eq!(rotate(1, 2, at(200)).await, Rotated::Done);
    assert_eq!(read(2).await.unwrap().expires_at, at(200));
    assert_eq!(rotate(2, 3, at(400)).await, Rotated::Done);
    let last = read(3).await.unwrap();
    assert_eq!(last.expires_at, at(300), "a family ends for good");
    assert_eq!(last.grant, grant());
    let elsewhere = store.refresh_token([3; 32], "t1", "c2").await.unwrap();
    assert_eq!(elsewhere, None);
    assert_eq!(rotate(9, 10, at(400)).await, Rotated::Unknown);
    assert_eq!(rotate(1, 4, at(400)).await, Rotated::Again);
    for revoked in [1, 2, 3, 4] {
        assert_eq!(read(revoked).await, None);
    }
    assert_eq!(rotate(3, 5, at(400)).await, Rotated::Unknown);
    assert!(read(8).await.is_some(), "another family stays");
    let disabled = UserChange {
        disabled: Some(true),
        ..UserChange::default()
    };
    store.change_user("t1", "u1", &disabled).await.unwrap();
    assert_eq!(read(8).await, None);
}

pub(crate) async fn devices_wait_until_they_are_let_in(place: Place) {
    let store = inhabited(&place).await;
    let code = DeviceCode {
        tenant: "t1".to_owned(),
        client: "c1".to_owned(),
        scope: "x".to_owned(),
        poll_every: SignedDuration::from_secs(5),
        expires_at: at(900),
    };
    for byte in 1..=3 {
        let (hash, user_code) = ([byte; 32], [byte + 100; 32]);
        let put = store.put_device_code(hash, user_code, &code);
        assert!(put.await.unwrap());
    }
    let taken = store.put_device_code([9; 32], [101; 32], &code).await;
    assert!(!taken.unwrap(), "another one has this user code");
    let poll = async |code: u8, second| {
        let (hash, now) = ([code; 32], at(second));
        let poll = store.poll_device_code(hash, "t1", "c1", now);
        poll.await.unwrap()
    };
    for (second, told) in [
        (0, Poll::Pending),
        (5, Poll::Pending),
        (9, Poll::Pending),
        (12, Poll::SlowDown),
        (18, Poll::SlowDown),
        (33, Poll::Pending),
        (900, Poll::Expired),
    ] {
        assert_eq!(poll(1, second).await, told, "{second}");
    }
    assert_eq!(poll(7, 0).await, Poll::Unknown);
    let elsewhere = store.poll_device_code([1; 32], "t1", "c2", at(60)).await;
    assert_eq!(elsewhere.unwrap(), Poll::Unknown);

    let waiting =
        async |code: u8, second| store.waiting_device([code; 32], at(second)).await.unwrap();
    let slowed = DeviceCode {
        poll_every: SignedDuration::from_secs(15),
        ..code
    };
    assert_eq!(waiting(101, 60).await, Some(slowed));
    assert_eq!(waiting(101, 900).await, None);
    let let_in = async |code: u8, tenant: &str| {
        let by = ("u1", at(5));
        let hash = [code; 32];
        let let_in = store.let_device_in(hash, tenant, by, at(60));
        let_in.await.unwrap()
    };
    assert!(!let_in(101, "t2").await, "it is of another tenant");
    assert!(let_in(101, "t1").await);
    assert!(!let_in(101, "t1").await, "it was decided");
    assert!(!store.refuse_device([101; 32], "t1", at(60)).await.unwrap());
    assert_eq!(waiting(101, 60).await, None);
    let granted = PersonGrant {
        scope: "x".to_owned(),
        ..grant()
    };
    assert_eq!(poll(1, 61).await, Poll::Granted(granted));
    assert_eq!(poll(1, 66).await, Poll::Unknown, "it is told once");
    assert!(store.refuse_device([102; 32], "t1", at(60)).await.unwrap());
    assert_eq!(poll(2, 61).await, Poll::Refused);
    assert_eq!(poll(3, 61).await, Poll::Pending);
}

pub(crate) async fn what_has_ended_is_trimmed(place: Place) {
    let store = inhabited(&place).await;
    let session = |end| BrowserSession {
        tenant: "t1".to_owned(),
        user: "u1".to_owned(),
        signed_in_at: at(5),
        expires_at: at(end),
    };
    store.begin_session([1; 32], &session(50)).await.unwrap();
    store.begin_session([2; 32], &session(51)).await.unwrap();
    store.put_refresh_token([1; 32], &token("f")).await.unwrap();
    let code = DeviceCode {
        tenant: "t1".to_owned(),
        client: "c1".to_owned(),
        scope: "x".to_owned(),
        poll_every: SignedDuration::from_secs(5),
        expires_at: at(50),
    };
    store
        .put_device_code([1; 32], [2; 32], &code)
        .await
        .unwrap();
    let code = AuthorizationCode {
        grant: grant(),
        redirect_uri: "http://localhost".to_owned(),
        challenge: None,
        nonce: Some("n".to_owned()),
        expires_at: at(49),
    };
    store.put_authorization_code([1; 32], &code).await.unwrap();
    assert_eq!(store.trim_sign_ins(at(48)).await.unwrap(), 0);
    assert_eq!(store.trim_sign_ins(at(50)).await.unwrap(), 3);
    assert!(store.session([2; 32], at(50)).await.unwrap().is_some());
    assert_eq!(store.trim_sign_ins(at(100)).await.unwrap(), 2);
}
