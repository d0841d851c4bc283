//! Queries as they stand in URLs, and the answers to them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests, some of them long tables"
)]

mod support;

use kbgap_odata::{
    Content, Expand, Head, Link, Next, NoExpansion, Query, Rules, Style, Writer, apply, context,
    expand_many,
};
use support::{Machine, Product, Risk, Vulnerability};

fn query(raw: &str) -> Result<Query, String> {
    let schema = support::schema();
    let rules = Rules::new(&schema, support::now());
    let shape = support::machine();
    Query::parse(raw, shape.shape(), &rules).map_err(|error| error.to_string())
}

fn machines() -> Vec<Machine> {
    let risks = [
        Some(Risk::High),
        None,
        Some(Risk::Low),
        Some(Risk::High),
        None,
    ];
    let machines = risks.into_iter().zip(1..).map(|(risk, number)| Machine {
        risk,
        group: number % 2,
        ..Machine::new(&format!("m{number}"), &format!("host{}", 9 - number))
    });
    machines.collect()
}

fn ids(raw: &str, page: u64) -> (String, Option<u64>, Option<Next>) {
    let entity = support::machine();
    let rows = machines();
    let page = apply(&entity, &query(raw).unwrap(), page, &rows);
    let ids: Vec<&str> = page.rows.iter().map(|m: &&Machine| m.id.as_str()).collect();
    (ids.join(" "), page.count, page.next)
}

#[test]
fn options_are_read_from_the_url() {
    let read = query(
        "?%24filter=startswith(computerDnsName,%27my%27)+and+lastSeen+ge+2019-11-22T00:00:00+00:00\
         &$Top=10&$SKIP=5&$count=True&$orderby=Id desc,computerDnsName&$select=ComputerDnsName,id&$skiptoken=a%2Bb\
         &pageSize=10000&PageIndex=1&$format=application/json;odata.metadata=minimal&&",
    )
    .unwrap();
    assert!(read.filter.is_some());
    assert_eq!((read.top, read.skip, read.count), (Some(10), 5, true));
    let descending: Vec<bool> = read.order_by.iter().map(|key| key.descending).collect();
    assert_eq!(descending, [true, false]);
    assert_eq!(read.order_by[0].property(), Some(0));
    let select = read.select.unwrap();
    assert_eq!(select.properties, [0, 1]);
    assert_eq!(select.names, ["computerDnsName", "id"]);
    assert_eq!(read.skip_token.as_deref(), Some("a+b"));
    let read = query("pageSize=3%20%20&x").unwrap();
    assert_eq!(read.custom("PAGESIZE"), Some("3  "));
    assert_eq!(read.custom("x"), Some(""));
    assert_eq!(read.custom("y"), None);
    assert_eq!(query("$select=*").unwrap().select, None);
    assert!(query("").is_ok());
}

#[test]
fn what_is_wrong_with_a_query() {
    let wrong = [
        "$top=1&$top=2",
        "$skip=1&%24SKIP=2",
        "$foo=1",
        "$search=x",
        "$top=-1",
        "$top=x",
        "$top=10001",
        "$top=99999999999999999999999",
        "$skip=1.5",
        "$count=1",
        "$format=xml",
        "$select=id,foo",
        "$select=",
        "$orderby=foo",
        "$orderby=id up",
        "$orderby=machineTags",
        "$orderby=vmMetadata",
        "$orderby=",
        "$filter=id%20eq%20'a",
        "$filter=%ff",
        "$expand=foo",
        "$expand=id",
        "$expand=software,software",
        "$expand=software(",
        "$expand=software()x",
        "$expand=software($foo=1)",
        "$expand=software($top=1;$top=2)",
        "$expand=software($count=true)",
        "$expand=software($filter=foo eq 1)",
        "$expand=vulnerabilities,software($select=id;$orderby=foo)",
        "$expand=software($expand=vulnerabilities($expand=x))",
    ];
    let told: Vec<String> = wrong
        .iter()
        .map(|raw| format!("{raw}\n    {}", query(raw).unwrap_err()))
        .collect();
    insta::assert_snapshot!("wrong_queries", told.join("\n"));
    let long = format!("x={}", "y".repeat(1 << 20));
    assert_eq!(
        query(&long).unwrap_err(),
        "the query has 1048578 bytes, at most 32768 are read"
    );
}

#[test]
fn rows_are_filtered_ordered_and_cut() {
    let next = |skip, top| Some(Next { skip, top });
    for (raw, page, rows, count, more) in [
        ("", 10, "m1 m2 m3 m4 m5", None, None),
        ("", 2, "m1 m2", None, next(2, None)),
        ("$skip=2", 2, "m3 m4", None, next(4, None)),
        ("$skip=4", 2, "m5", None, None),
        ("$skip=4", 1, "m5", None, None),
        ("$skip=5", 2, "", None, None),
        ("$skip=18446744073709551615", 2, "", None, None),
        ("$top=2", 10, "m1 m2", None, None),
        ("$top=0", 10, "", None, None),
        ("$top=3", 2, "m1 m2", None, next(2, Some(1))),
        ("$top=2", 2, "m1 m2", None, None),
        ("$count=true&$top=1", 10, "m1", Some(5), None),
        ("$count=true&$top=0", 10, "", Some(5), None),
        (
            "$count=true&$filter=rbacGroupId eq 1",
            2,
            "m1 m3",
            Some(3),
            next(2, None),
        ),
        ("$orderby=computerDnsName", 10, "m5 m4 m3 m2 m1", None, None),
        // Null first, and what is equal in the order it came.
        ("$orderby=riskScore", 10, "m2 m5 m3 m1 m4", None, None),
        ("$orderby=riskScore desc", 10, "m1 m4 m3 m2 m5", None, None),
        (
            "$orderby=riskScore desc,id desc",
            10,
            "m4 m1 m3 m5 m2",
            None,
            None,
        ),
        (
            "$orderby=rbacGroupId,riskScore desc",
            10,
            "m4 m2 m1 m3 m5",
            None,
            None,
        ),
        (
            "$orderby=tolower(computerDnsName) desc&$top=2&$skip=1",
            10,
            "m2 m3",
            None,
            None,
        ),
        (
            "$orderby=id&$count=true",
            2,
            "m1 m2",
            Some(5),
            next(2, None),
        ),
        ("$orderby=id&$skip=4", 2, "m5", None, None),
    ] {
        let expected = (rows.to_owned(), count, more);
        assert_eq!(ids(raw, page), expected, "{raw}, pages of {page}");
    }
}

#[test]
fn a_small_page_of_many_rows_is_what_sorting_all_gives() {
    let entity = support::machine();
    let rows: Vec<Machine> = (0..5_000_u32)
        .map(|number| Machine {
            build: (number % 7 > 0).then_some(i64::from(number.wrapping_mul(2_654_435_761) % 97)),
            ..Machine::new(&format!("{number:05}"), "")
        })
        .collect();
    for raw in [
        "$orderby=osBuild",
        "$orderby=osBuild desc",
        "$orderby=osBuild,id desc",
    ] {
        let all = apply(&entity, &query(raw).unwrap(), u64::MAX, &rows);
        for (skip, top) in [(0, 1), (0, 50), (33, 7), (4_990, 20), (700, 100)] {
            let raw = format!("{raw}&$skip={skip}&$top={top}");
            let page = apply(&entity, &query(&raw).unwrap(), 10_000, &rows);
            let ids = |rows: &[&Machine]| rows.iter().map(|m| m.id.clone()).collect::<Vec<_>>();
            let expected = all.rows[skip..(skip + top).min(5_000)].to_vec();
            assert_eq!(ids(&page.rows), ids(&expected), "{raw}");
        }
    }
}

#[test]
fn contexts_name_what_was_chosen() {
    let root = "https://host/api/";
    let fixes = kbgap_odata::edm::Type::named("PublicProductFixDto").collection();
    for (content, raw, url) in [
        (Content::Set("Machines"), "", "#Machines"),
        (
            Content::Set("Machines"),
            "$select=id,ComputerDnsName",
            "#Machines(id,computerDnsName)",
        ),
        (Content::Entity("Machines"), "", "#Machines/$entity"),
        (
            Content::Entity("Machines"),
            "$select=id",
            "#Machines(id)/$entity",
        ),
        (
            Content::Set("Machines"),
            "$expand=software",
            "#Machines(software())",
        ),
        (
            Content::Set("Machines"),
            "$select=id&$expand=software($select=id,name;$expand=vulnerabilities)",
            "#Machines(id,software(id,name,vulnerabilities()))",
        ),
        (
            Content::Of(&fixes, support::NAMESPACE),
            "",
            "#Collection(microsoft.windowsDefenderATP.api.PublicProductFixDto)",
        ),
    ] {
        let expected = format!("https://host/api/$metadata{url}");
        assert_eq!(context(root, content, &query(raw).unwrap()), expected);
    }
}

#[test]
fn answers_are_written_in_their_envelope() {
    let entity = support::machine();
    let rows = machines();
    let query = query("$select=id,riskScore,vmMetadata,machineTags&$top=2&$count=true").unwrap();
    let page = apply(&entity, &query, 10, &rows);
    let mut out = Vec::new();
    let mut writer = Writer::new(&entity, &query).typed(support::NAMESPACE);
    writer.begin(&mut out, "c", page.count);
    for row in &page.rows {
        writer.row(&mut out, row);
        // What is written may be sent at any time.
    }
    writer.end(&mut out, Some(Link::Next("n")));
    let row = "\"@odata.type\":\"#microsoft.windowsDefenderATP.api.Machine\"";
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!(
            "{{\"@odata.context\":\"c\",\"@odata.count\":5,\"value\":[\
             {{{row},\"id\":\"m1\",\"riskScore\":\"High\",\"machineTags\":[],\"vmMetadata\":null}},\
             {{{row},\"id\":\"m2\",\"riskScore\":null,\"machineTags\":[],\"vmMetadata\":null}}],\
             \"@odata.nextLink\":\"n\"}}"
        )
    );
}

#[test]
fn one_entity_is_written_with_its_context() {
    let entity = support::software();
    let row = Product::new("microsoft-_-edge", 467, 46.203_716);
    let mut out = Vec::new();
    Writer::new(&entity, &Query::default()).entity(&mut out, "c", &row, &NoExpansion);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"@odata.context\":\"c\",\"id\":\"microsoft-_-edge\",\"name\":\"edge\",\"vendor\":\"microsoft\",\
         \"weaknesses\":467,\"publicExploit\":true,\"activeAlert\":false,\"exposedMachines\":0,\
         \"installedMachines\":0,\"impactScore\":46.2037163,\"isNormalized\":false,\"category\":\"\",\
         \"distributions\":[]}"
    );
}

#[test]
fn singles_are_found_by_what_was_answered() {
    let schema = support::schema();
    let rules = Rules::new(&schema, support::now());
    let entity = support::software();
    let rows = [
        Product::new("a-_-b", 1, 46.203_716),
        Product::new("a-_-c", 1, 2.0),
    ];
    for (filter, found) in [
        ("impactScore eq 46.2037163", 1),
        ("impactScore ge 46.2037163", 1),
        ("impactScore in (46.2037163, 2)", 2),
        ("impactScore gt 46.2037163", 0),
        ("impactScore lt 2.5", 1),
    ] {
        let raw = format!("$filter={filter}");
        let query = Query::parse(&raw, entity.shape(), &rules).unwrap();
        assert_eq!(
            apply(&entity, &query, 10, &rows).rows.len(),
            found,
            "{filter}"
        );
    }
}

#[test]
fn exports_have_lines_with_capital_names_and_no_null() {
    let entity = support::vulnerability();
    let row = Vulnerability {
        id: "CVE-2024-7256".to_owned(),
        severity: None,
        cvss: 8.0,
        published: "2024-07-30T01:02:03.5Z".parse().unwrap(),
    };
    let query = Query::default();
    let mut out = Vec::new();
    Writer::new(&entity, &query)
        .style(Style::Export)
        .line(&mut out, &row);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with(
        "{\"Id\":\"CVE-2024-7256\",\"Name\":\"CVE-2024-7256\",\"CvssV3\":8,\"ExposedMachines\":0,\
         \"PublishedOn\":\"2024-07-30 01:02:03\","
    ));
    assert!(text.ends_with("\"Status\":\"RemediationRequired\"}\n"));
    assert!(!text.contains("null"));
}

#[test]
fn expansions_are_written_by_their_own_queries() {
    let machine = support::machine();
    let software = support::software();
    let vulnerability = support::vulnerability();
    let products = [
        Product::new("microsoft-_-edge", 467, 1.0),
        Product::new("google-_-chrome", 38, 2.0),
        Product::new("mozilla-_-firefox", 5, 3.0),
    ];
    let cves = [("CVE-1", 9.8), ("CVE-2", 5.0)].map(|(id, cvss)| Vulnerability {
        id: id.to_owned(),
        severity: None,
        cvss,
        published: support::now(),
    });
    let of_product = |_: &Product, expand: &Expand, out: &mut Vec<u8>| {
        expand_many(out, &vulnerability, expand, &cves, &NoExpansion);
    };
    let of_machine = |_: &Machine, expand: &Expand, out: &mut Vec<u8>| {
        assert_eq!(expand.shape().name, "Software");
        expand_many(out, &software, expand, &products, &of_product);
    };
    let query = query(
        "$select=id&$expand=software($select=id;$filter=weaknesses gt 10 and id ne ';)';$orderby=id;$top=2;\
         $expand=vulnerabilities($select=id;$filter=cvssV3 ge 9))",
    )
    .unwrap();
    let mut out = Vec::new();
    let mut writer = Writer::new(&machine, &query);
    writer.begin(&mut out, "c", None);
    writer.row_with(&mut out, &machines()[0], &of_machine);
    writer.end(&mut out, None);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"@odata.context\":\"c\",\"value\":[{\"id\":\"m1\",\"software\":[\
         {\"id\":\"google-_-chrome\",\"vulnerabilities\":[{\"id\":\"CVE-1\"}]},\
         {\"id\":\"microsoft-_-edge\",\"vulnerabilities\":[{\"id\":\"CVE-1\"}]}]}]}"
    );
}

#[test]
fn long_answers_are_written_in_pieces() {
    struct Pieces(Vec<Vec<u8>>);
    impl std::io::Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let entity = support::machine();
    let query = Query::default();
    let mut pieces = Pieces(Vec::new());
    let rows = (0..1_000).map(|number| Machine::new(&number.to_string(), "host"));
    let head = Head {
        context: "c",
        count: Some(1_000),
        next_link: None,
    };
    let writer = Writer::new(&entity, &query);
    writer
        .write_to(&mut pieces, head, rows, &NoExpansion)
        .unwrap();
    assert!(pieces.0.len() > 4 && pieces.0.iter().all(|piece| piece.len() < 80 << 10));
    let whole: serde_json::Value = serde_json::from_slice(&pieces.0.concat()).unwrap();
    assert_eq!(whole["value"].as_array().unwrap().len(), 1_000);
    assert_eq!(whole["value"][999]["id"], "999");
}

/// Rows may borrow: a description is made for the time of the loan.
#[test]
fn rows_may_borrow_from_elsewhere() {
    use kbgap_odata::edm::{Entity, EntitySet, Schema};
    struct Lent<'s> {
        names: &'s [String],
        at: usize,
    }
    fn describe<'s>() -> Entity<Lent<'s>> {
        Entity::named("Row")
            .string("name", |row: &Lent<'s>| &row.names[row.at])
            .key()
            .filterable()
            .build()
    }
    let names = ["b".to_owned(), "a".to_owned()];
    let entity = describe();
    let schema = Schema::build("a")
        .entity(&entity)
        .set(EntitySet::new("Rows", "Row"))
        .finish()
        .unwrap();
    let rules = Rules::new(&schema, support::now());
    let query = Query::parse("$orderby=name", entity.shape(), &rules).unwrap();
    let rows = (0..2).map(|at| Lent { names: &names, at });
    let page = apply(&entity, &query, 10, rows);
    assert_eq!(
        page.rows.iter().map(|row| row.at).collect::<Vec<_>>(),
        [1, 0]
    );
}

#[test]
fn what_is_shared_between_requests_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<kbgap_odata::edm::Entity<Machine>>();
    crosses::<kbgap_odata::edm::Schema>();
    crosses::<Query>();
}

#[test]
fn values_are_told_in_messages() {
    let entity = support::machine();
    let machine = &machines()[0];
    let told: Vec<String> = ["id", "riskScore", "version", "machineTags", "vmMetadata"]
        .iter()
        .filter_map(|name| entity.shape().property(name))
        .map(|(at, _)| format!("{:?}", entity.value(machine, at)))
        .collect();
    assert_eq!(told, ["\"m1\"", "member 30", "null", "[]", "null"]);
    assert_eq!(format!("{entity:?}"), "Entity(\"Machine\")");
}
