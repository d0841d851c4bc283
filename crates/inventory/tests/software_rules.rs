//! Rules of a user beside the built-in ones, as docs/software.md tells them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use kbgap_inventory::{Decision, EntryKind, Reported, SoftwareRules};

/// The page for users; its examples are what is tested here.
const PAGE: &str = include_str!("../../../docs/software.md");

/// The text of the blocks of code that begin so.
fn blocks<'a>(language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_examples_of_the_page_are_true() {
    let rules = blocks("toml");
    assert!(!rules.is_empty());
    let mut all = SoftwareRules::built_in().unwrap();
    for block in rules {
        all = all.with(block).unwrap();
    }
    // Rows of: vendor | name | version | id | shown version.
    let tables = blocks("text");
    let mut told = 0;
    for line in tables.iter().flat_map(|table| table.lines()) {
        let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let [vendor, name, version, id, shown] = cells[..] else {
            panic!("{line}");
        };
        let found = all.identify(Reported {
            vendor,
            name,
            version,
        });
        let id_found = match found.kind {
            EntryKind::Software => found.software.as_str(),
            EntryKind::Update => "(an update)",
            EntryKind::Part => "(a part)",
        };
        assert_eq!((id_found, &*found.version), (id, shown), "{line}");
        told += 1;
    }
    assert!(told >= 10, "{told}");
}

fn with(user: &str) -> Result<SoftwareRules, String> {
    let rules = SoftwareRules::built_in().unwrap();
    rules.with(user).map_err(|error| error.to_string())
}

fn id(rules: &SoftwareRules, vendor: &str, name: &str) -> String {
    let version = "";
    let reported = Reported {
        vendor,
        name,
        version,
    };
    rules.identify(reported).software.to_string()
}

#[test]
fn a_users_rules_come_first() {
    let user = r#"
        [[vendor]]
        id = "contoso"
        name = "Contoso"
        aliases = ["Contoso Deutschland"]
        starts = ["CtAgent"]

        [[software]]
        vendor = "contoso"
        name = "Agent {major}"
        match = ["CtAgent {version}", "Contoso Agent {version}"]

        [[software]]
        vendor = "mozilla"
        name = "Firefox for us"
        match = ["Mozilla Firefox"]
    "#;
    let rules = with(user).unwrap();
    assert_eq!(
        id(&rules, "Contoso Deutschland GmbH", "Contoso Agent 4.2"),
        "contoso-_-agent_4"
    );
    assert_eq!(id(&rules, "", "CtAgent 5.1 (x64)"), "contoso-_-agent_5");
    assert_eq!(id(&rules, "", "CtAgent Helper"), "contoso-_-ctagent_helper");
    assert_eq!(
        id(&rules, "Mozilla", "Mozilla Firefox (x64 de)"),
        "mozilla-_-firefox_for_us"
    );
    let found = rules.identify(Reported {
        vendor: "Mozilla",
        name: "Mozilla Firefox",
        version: "1",
    });
    let Decision::Rule(rule) = found.decided_by else {
        panic!("{found:?}");
    };
    assert_eq!(
        rules.rule(rule).unwrap().to_string(),
        "your rule 'Mozilla Firefox', line 13"
    );
}

#[test]
fn a_users_rule_goes_before_what_the_catalog_knows() {
    let user = "[[software]]\nvendor = 'microsoft'\nname = 'Browser'\nmatch = ['Microsoft Edge']\n";
    let rules = with(user).unwrap();
    assert_eq!(
        id(&rules, "Microsoft Corporation", "Microsoft Edge"),
        "microsoft-_-browser"
    );
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (user, reason) in [
        (
            "[[software]]\nvendor = 'a'\nname = 'A'\nmatch = ['A {vers}']\n",
            "line 4, field match: '{vers}' is no place; there are {version}, {number}, {year} and {kb}",
        ),
        (
            "[[software]]\nvendor = 'a'\nname = 'A'\nmatch = ['*']\n",
            "line 4, field match: a pattern needs a word of its own",
        ),
        (
            "[[software]]\nvendor = 'a'\nname = 'A'\nmatch = []\n",
            "line 1, field match: a rule has at least one pattern",
        ),
        (
            "[[software]]\nname = 'A'\nmatch = ['A']\n",
            "line 2, field vendor: a software that is named needs its vendor",
        ),
        (
            "[[software]]\nmatch = ['A']\n",
            "line 1, field name: a rule says at least the name of its software, or another kind",
        ),
        (
            "[[vendor]]\nid = 'Big Corp'\nname = 'Big'\n",
            "line 2, field id: 'Big Corp' is no part of a software id; did you mean 'big_corp'?",
        ),
        (
            "[[vendor]]\nid = 'a'\nname = 'A'\ncolor = 'red'\n",
            "line 4, field color: unknown field `color`, expected one of `id`, `name`, `aliases`, `starts`, `keeps-name`",
        ),
    ] {
        assert_eq!(with(user).map(|_| ()).unwrap_err(), reason, "{user}");
    }
}
