//! Filters as clients send them, what they find, and what is said of those that are wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests, some of them long tables"
)]

mod support;

use kbgap_odata::filter::{Comparison, ConjunctTest};
use kbgap_odata::{Filter, Limits, ODataError, Rules, Scalar};
use support::{Address, Cloud, Exposure, Health, Machine, Risk, Vm};

/// Machines that differ in what filters ask of.
fn machines() -> Vec<Machine> {
    vec![
        Machine {
            last_seen: Some("2019-11-22T00:00:00Z".parse().unwrap()),
            version: Some("22H2".to_owned()),
            build: Some(19_045),
            risk: Some(Risk::High),
            exposure: Exposure::Medium,
            tags: vec!["x".to_owned(), "Tier 1".to_owned()],
            addresses: vec![Address {
                ip: "10.0.0.1".to_owned(),
                mac: None,
            }],
            vm: Some(Vm {
                id: "vm-1".to_owned(),
                cloud: Cloud::Azure,
                resource: None,
            }),
            joined: Some(true),
            ..Machine::new("a1", "mymachine1.contoso.com")
        },
        Machine {
            last_seen: Some("2018-08-01T00:00:00Z".parse().unwrap()),
            platform: Some("Windows11".to_owned()),
            version: Some("1809".to_owned()),
            build: Some(17_763),
            health: Health::Inactive,
            risk: Some(Risk::Low),
            exposure: Exposure::Low,
            group: 5,
            joined: Some(false),
            aad: Some("4afd6c1e-0c56-4a7e-9d0a-6a4b6a2f9d11".parse().unwrap()),
            addresses: vec![
                Address {
                    ip: "10.0.0.2".to_owned(),
                    mac: Some("AA".to_owned()),
                },
                Address {
                    ip: "10.0.0.3".to_owned(),
                    mac: Some("BB".to_owned()),
                },
            ],
            ..Machine::new("b2", "Server's")
        },
        Machine {
            name: None,
            platform: None,
            health: Health::NoSensorData,
            ..Machine::new("c3", "")
        },
    ]
}

fn found(filter: &str) -> Result<String, ODataError> {
    let schema = support::schema();
    let entity = support::machine();
    let rules = Rules::new(&schema, support::now());
    let filter = Filter::parse(filter, entity.shape(), &rules)?;
    let rows = machines();
    let ids = rows.iter().filter(|m| filter.matches(&entity.row(m)));
    Ok(ids.map(|m| m.id.as_str()).collect::<Vec<_>>().join(" "))
}

#[test]
fn clients_filters_find_their_machines() {
    for (filter, ids) in [
        // Of the documentation and of clients at work.
        ("healthStatus eq 'Active'", "a1"),
        ("healthStatus ne 'Active'", "b2 c3"),
        ("riskScore eq 'High'", "a1"),
        ("riskScore eq 'high'", "a1"),
        ("riskScore ge 'Low'", "a1 b2"),
        ("exposureLevel in ('Low', 'Medium')", "a1 b2"),
        ("computerDnsName eq 'mymachine1.contoso.com'", "a1"),
        ("ComputerDnsName eq 'mymachine1.contoso.com'", "a1"),
        ("startswith(computerDnsName,'mymachine')", "a1"),
        ("lastSeen gt 2018-08-01Z", "a1"),
        ("lastSeen ge 2018-08-01Z", "a1 b2"),
        ("lastSeen ge 2018-08-01", "a1 b2"),
        ("LastSeen gt 2018-10-20T00:00:00.1234567Z", "a1"),
        ("lastSeen eq 2019-11-22T00:00:00+00:00", "a1"),
        ("lastSeen eq 2019-11-22T00:00:00 00:00", "a1"),
        ("lastSeen eq 2019-11-22T01:00:00 01:00 and id eq 'a1'", "a1"),
        ("machineTags/any(tag: tag eq 'x')", "a1"),
        ("machineTags/any()", "a1"),
        ("not machineTags/any()", "b2 c3"),
        ("machineTags/all(t: t eq 'x')", "b2 c3"),
        ("machineTags/$count eq 2", "a1"),
        ("ipAddresses/any(i: i/ipAddress eq '10.0.0.2')", "b2"),
        ("ipAddresses/any(i: i/macAddress eq null)", "a1"),
        (
            "ipAddresses/any(i: startswith(i/ipAddress, '10.') and id eq 'b2')",
            "b2",
        ),
        ("vmMetadata/vmId eq 'vm-1'", "a1"),
        ("vmMetadata/cloudProvider eq 'Azure'", "a1"),
        ("vmMetadata eq null", "b2 c3"),
        ("vmMetadata/vmId eq null", "b2 c3"),
        ("rbacGroupId eq 5", "b2"),
        ("rbacGroupId add 1 eq 6", "b2"),
        ("osBuild gt 17763", "a1"),
        ("osBuild gt 17762.5", "a1 b2"),
        ("17763 lt osBuild", "a1"),
        ("aadDeviceId eq 4afd6c1e-0c56-4a7e-9d0a-6a4b6a2f9d11", "b2"),
        (
            "aadDeviceId eq '4AFD6C1E-0C56-4A7E-9D0A-6A4B6A2F9D11'",
            "b2",
        ),
        ("id in ('a1', 'c3')", "a1 c3"),
        ("id in ('a1','q','r','s','t','u','c3',null)", "a1 c3"),
        ("osBuild in (1,2,3,4,5,17763,null)", "b2 c3"),
        ("osBuild in (1.5,2.5,3.5,4.5,5.5,17763.0)", "b2"),
        (
            "lastSeen in (2019-11-22,2019-11-23,2019-11-24,2019-11-25,2019-11-26,2019-11-27)",
            "a1",
        ),
        (
            "aadDeviceId in (4afd6c1e-0c56-4a7e-9d0a-6a4b6a2f9d11,00000000-0000-0000-0000-000000000001,\
             00000000-0000-0000-0000-000000000002,00000000-0000-0000-0000-000000000003,\
             00000000-0000-0000-0000-000000000004,ffffffff-0000-0000-0000-000000000005)",
            "b2",
        ),
        (
            "ipAddresses/any(i: machineTags/all(t: t ne i/ipAddress))",
            "a1 b2",
        ),
        (
            "(contains(computerDnsName, 'contoso')) and (lastSeen ge 2019-01-01T00:00:00Z) and (osBuild ge 1)",
            "a1",
        ),
        // Spelling.
        ("computerDnsName eq 'Server''s'", "b2"),
        ("computerDnsName EQ 'Server''s' OR Id Eq 'a1'", "a1 b2"),
        (
            "riskScore eq microsoft.windowsDefenderATP.api.RiskScore'High'",
            "a1",
        ),
        ("riskScore eq RiskScore'High'", "a1"),
        ("riskScore eq 30", "a1"),
        ("riskScore eq '30'", "a1"),
        ("isAadJoined", "a1"),
        ("isAadJoined eq false", "b2"),
        ("not isAadJoined", "b2"),
        ("id eq 'a1' or id eq 'b2' and rbacGroupId eq 7", "a1"),
        ("(id eq 'a1' or id eq 'b2') and rbacGroupId eq 5", "b2"),
        (
            "not contains(computerDnsName,'contoso') or id in ('a1')",
            "a1 b2",
        ),
        ("not id eq 'a1'", "b2 c3"),
        ("not (id eq 'a1')", "b2 c3"),
        // Functions.
        ("tolower(computerDnsName) eq 'server''s'", "b2"),
        (
            "computerDnsName eq toupper('x') or tolower('A1') eq id",
            "a1",
        ),
        (
            "contains(tolower(computerDnsName), tolower('SERVER'))",
            "b2",
        ),
        ("endswith(computerDnsName,'.com') eq true", "a1"),
        ("length(computerDnsName) eq 8", "b2"),
        ("indexof(computerDnsName,'machine') eq 2", "a1"),
        ("substring(computerDnsName,2,7) eq 'machine'", "a1"),
        ("substring(computerDnsName,30) eq ''", "a1 b2"),
        ("trim(concat(' ', id)) eq 'a1'", "a1"),
        ("concat(concat(id,'-'),version) eq 'b2-1809'", "b2"),
        (
            "year(lastSeen) eq 2018 and month(lastSeen) eq 8 and day(lastSeen) eq 1",
            "b2",
        ),
        (
            "hour(lastSeen) eq 0 and minute(lastSeen) eq 0 and second(lastSeen) eq 0",
            "a1 b2",
        ),
        ("date(lastSeen) eq 2019-11-22", "a1"),
        ("lastSeen lt now()", "a1 b2"),
        (
            "osBuild div 1000 eq 19 and osBuild mod 2 eq 1 and osBuild mul 2 sub 1 gt 0",
            "a1",
        ),
        ("osBuild divby 2 eq 9522.5", "a1"),
        ("-osBuild lt -18000", "a1"),
        (
            "round(2.5) eq 3 and floor(2.5) eq 2 and ceiling(2.1) eq 3",
            "a1 b2 c3",
        ),
        // Null.
        ("computerDnsName eq null", "c3"),
        ("computerDnsName ne null", "a1 b2"),
        ("null eq computerDnsName", "c3"),
        ("computerDnsName ne 'Server''s'", "a1 c3"),
        ("osBuild gt 0", "a1 b2"),
        ("not (osBuild gt 0)", "c3"),
        ("osBuild ge null", ""),
        ("computerDnsName in ('x', null)", "c3"),
        ("contains(computerDnsName, 'x')", ""),
        ("not contains(computerDnsName, 'x')", "a1 b2"),
        ("not contains(computerDnsName, 'x') or true", "a1 b2 c3"),
        ("contains(computerDnsName, 'x') eq null", "c3"),
        ("tolower(computerDnsName) eq null", "c3"),
        ("null", ""),
        ("osBuild div 0 eq null", "a1 b2 c3"),
        ("true and not false", "a1 b2 c3"),
    ] {
        assert_eq!(found(filter).unwrap(), ids, "{filter}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let wrong = [
        "",
        "foo eq 1",
        "id eq 1",
        "id eq",
        "id eq 'a",
        "id eq a1",
        "id eq 'a' id",
        "(id eq 'a'",
        "id eq 'a')",
        "id",
        "osBuild eq 'x'",
        "osBuild eq 99999999999999999999",
        "osBuild eq 12x",
        "osVersion eq '1'",
        "rbacGroupName eq 'x'",
        "software/any()",
        "vmMetadata/foo eq 1",
        "vmMetadata gt 1",
        "machineTags eq 'x'",
        "machineTags/x eq 'x'",
        "machineTags/some(t: t eq 'x')",
        "machineTags/all()",
        "machineTags/any(t: u eq 'x')",
        "id/any(t: t eq 'x')",
        "healthStatus eq 'Dead'",
        "healthStatus eq 77",
        "riskScore eq other.RiskScore'High'",
        "riskScore eq Risk'High'",
        "osBuild eq duration'P1D'",
        "contains(healthStatus, 'A')",
        "contains(id)",
        "substringof('a', id)",
        "isAadJoined gt true",
        "lastSeen gt '2019-01-01'",
        "lastSeen gt 2019-13-01",
        "lastSeen gt 2019-11-22T25:00:00Z",
        "aadDeviceId eq 'x'",
        "id in ()",
        "id in ('a', id)",
        "id in 'a'",
        "id add 1 eq 2",
        "-id eq 1",
        "year(id) eq 2019",
        "id = 'a'",
        "id eq \"a\"",
        "id eq @p",
    ];
    let told: Vec<String> = wrong
        .iter()
        .map(|filter| format!("{filter}\n    {}", found(filter).unwrap_err()))
        .collect();
    insta::assert_snapshot!("wrong_filters", told.join("\n"));
}

#[test]
fn hostile_filters_are_refused_by_their_size() {
    let limits = Limits::default();
    let cases = [
        ("(".repeat(10_000), "nested deeper than 64"),
        (
            format!("{}id eq 'a'", "not ".repeat(5_000 / 2)),
            "nested deeper than 64",
        ),
        (
            format!("{}1 eq 1", "- ".repeat(5_000)),
            "nested deeper than 64",
        ),
        (
            format!("contains({}", "tolower(".repeat(1_000)),
            "nested deeper than 64",
        ),
        (
            format!("id eq '{}'", "x".repeat(1 << 20)),
            "at most 16384 are read",
        ),
        (
            format!("id eq '{}'", "x".repeat(4_000)),
            "more than 2048 bytes",
        ),
        (
            format!("id eq '{}", "''".repeat(4_000)),
            "more than 2048 bytes",
        ),
        (
            format!("id in ({})", vec!["'a'"; 1_001].join(",")),
            "more than 1000 members",
        ),
        (vec!["id eq 'a'"; 1_000].join(" or "), "more than 512 parts"),
        (
            vec!["id eq 'a'"; 1_000].join(" and "),
            "more than 512 parts",
        ),
        (vec!["1"; 2_000].join(" add "), "more than 512 parts"),
        (
            format!("osBuild eq {}", "9".repeat(10_000)),
            "too many digits",
        ),
        (format!("id{}", "/a".repeat(5_000)), "more than 64 names"),
        (
            format!("{}1 eq 1", "machineTags/any(t: ".repeat(800)),
            "nested deeper than 2",
        ),
    ];
    for (filter, message) in cases {
        let error = kbgap_odata::filter::parse(&filter, &limits).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.to_string().len() < 200);
    }
    // At the limits all is well.
    let deep = format!("{}id eq 'a1'{}", "(".repeat(60), ")".repeat(60));
    assert_eq!(found(&deep).unwrap(), "a1");
    let many = format!("id in ({})", vec!["'a1'"; 1_000].join(","));
    assert_eq!(found(&many).unwrap(), "a1");
    let backtracking = format!("contains(computerDnsName, '{}b')", "a".repeat(2_000));
    assert_eq!(found(&backtracking).unwrap(), "");
}

#[test]
fn simple_conditions_can_be_taken_out() {
    let schema = support::schema();
    let entity = support::machine();
    let rules = Rules::new(&schema, support::now());
    let filter = "id in ('a','b') and (lastSeen ge 2019-01-01Z and startswith(computerDnsName,'m')) \
                  and 5 lt osBuild and (id eq 'a' or id eq 'b') and vmMetadata/vmId eq 'x' and not (id eq 'c') \
                  and riskScore eq 'High' and tolower(id) eq 'a'";
    let filter = Filter::parse(filter, entity.shape(), &rules).unwrap();
    let conjuncts = filter.conjuncts();
    let names: Vec<&str> = conjuncts.iter().map(|conjunct| conjunct.name).collect();
    assert_eq!(
        names,
        ["id", "lastSeen", "computerDnsName", "osBuild", "riskScore"]
    );
    let texts = ["a", "b"].map(|text| Scalar::Str(text.into()));
    assert_eq!(conjuncts[0].test, ConjunctTest::In(&texts));
    let time = Scalar::Time("2019-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(
        conjuncts[1].test,
        ConjunctTest::Compare(Comparison::Ge, &time)
    );
    assert_eq!(conjuncts[2].test, ConjunctTest::StartsWith("m"));
    assert_eq!(
        conjuncts[3].test,
        ConjunctTest::Compare(Comparison::Gt, &Scalar::Int(5))
    );
    assert_eq!(
        conjuncts[4].test,
        ConjunctTest::Compare(Comparison::Eq, &Scalar::Enum(30))
    );
    let other = Filter::parse("id eq 'a' or id eq 'b'", entity.shape(), &rules).unwrap();
    assert_eq!(other.conjuncts(), []);
}

/// What rows do not hold but make on demand is filtered like what they hold.
#[test]
fn values_may_be_made_on_demand() {
    use kbgap_odata::edm::{Described, Entity, EntitySet, Schema, Type};
    use kbgap_odata::{Items, Object, Value};
    struct Outer(Vm);
    kbgap_odata::described!(
        Outer,
        Entity::complex("Outer")
            .nested("inner", |outer: &Outer| Some(&outer.0))
            .strings("names", |outer| Items::made([outer.0.id.as_str()].to_vec()))
            .build()
    );
    let made = |number: i64| {
        let id = format!("vm-{number}");
        Outer(Vm {
            id,
            cloud: Cloud::Azure,
            resource: None,
        })
    };
    let of = Type::Complex(std::sync::Arc::clone(Outer::description().shape()));
    let entity: Entity<i64> = Entity::named("Row")
        .int64("id", |row: &i64| *row)
        .key()
        .value("outer", of, move |row| {
            Value::Complex(Object::Owned(Box::new(made(*row))))
        })
        .filterable()
        .nested_list::<Outer>("all", move |row| {
            Items::made(vec![made(*row), made(*row + 1)])
        })
        .filterable()
        .build();
    let schema = Schema::build("a")
        .entity(&entity)
        .set(EntitySet::new("Rows", "Row"))
        .finish()
        .unwrap();
    let rules = Rules::new(&schema, support::now());
    for (filter, found) in [
        ("outer/inner/vmId eq 'vm-2'", vec![2]),
        ("outer/inner/cloudProvider eq 'Azure'", vec![1, 2, 3]),
        ("outer/inner/resourceId eq null", vec![1, 2, 3]),
        ("outer/inner ne null and outer ne null", vec![1, 2, 3]),
        ("outer/names/any(n: n eq 'vm-3')", vec![3]),
        ("all/any(o: o/inner/vmId eq 'vm-2')", vec![1, 2]),
        (
            "all/any(o: o/names/any(n: n eq o/inner/vmId and n eq 'vm-4'))",
            vec![3],
        ),
        (
            "all/all(o: o/inner ne null) and all/$count eq 2",
            vec![1, 2, 3],
        ),
    ] {
        let bound = Filter::parse(filter, entity.shape(), &rules).unwrap();
        let rows = [1, 2, 3].into_iter();
        let rows: Vec<i64> = rows.filter(|row| bound.matches(&entity.row(row))).collect();
        assert_eq!(rows, found, "{filter}");
    }
}

#[test]
fn only_what_is_asked_for_is_worked_out() {
    use kbgap_odata::edm::{Entity, EntitySet, Schema};
    let entity: Entity<i64> = Entity::named("Row")
        .int64("id", |row: &i64| *row)
        .key()
        .filterable()
        .int64("dear", |_| panic!("not asked for"))
        .filterable()
        .build();
    let schema = Schema::build("a")
        .entity(&entity)
        .set(EntitySet::new("Rows", "Row"))
        .finish()
        .unwrap();
    let rules = Rules::new(&schema, support::now());
    let filter = Filter::parse("id gt 5 and dear eq 1", entity.shape(), &rules).unwrap();
    assert!(!filter.matches(&entity.row(&5)));
    let filter = Filter::parse("id le 5 or dear eq 1", entity.shape(), &rules).unwrap();
    assert!(filter.matches(&entity.row(&5)));
}
