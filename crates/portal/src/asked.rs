//! What a reader asks of a list, by the URL: so every view of a list is a link.

use std::collections::BTreeMap;

use kbgap_catalog::Day;

/// The longest text that is searched for, in characters.
const SEARCH: usize = 200;
/// The furthest page.
const PAGES: u64 = 10_000_000;

/// What is asked of a list: words, filters, an order, a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What is searched for; empty: everything.
    pub search: String,
    /// The column it is ordered by, and whether the largest comes first.
    pub order: Option<(String, bool)>,
    /// The page, from 0.
    pub page: u64,
    /// Values by name: of filters, and what else the page takes.
    pub values: BTreeMap<String, String>,
}

impl Asked {
    /// Reads the query of a URL; what cannot be read is not asked.
    pub fn of_query(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let mut asked = Self::default();
        for (name, value) in pairs.into_iter().take(32) {
            let value: String = value.trim().chars().take(SEARCH).collect();
            match &*name {
                "q" => asked.search = value,
                "page" => {
                    let page = value.parse().unwrap_or(1u64);
                    asked.page = page.clamp(1, PAGES) - 1;
                }
                "sort" if !value.is_empty() => {
                    asked.order = Some(match value.strip_prefix('-') {
                        Some(column) => (column.to_owned(), true),
                        None => (value, false),
                    });
                }
                // The reader's, not the list's.
                "lang" | "sort" => {}
                _ if value.is_empty() => {}
                _ => {
                    asked.values.insert(name, value);
                }
            }
        }
        asked
    }

    /// A value, where it is asked for.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The same with a value set, from the first page; or taken away.
    #[must_use]
    pub fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut asked = self.clone();
        asked.page = 0;
        match value {
            Some(value) => asked.values.insert(name.to_owned(), value.to_owned()),
            None => asked.values.remove(name),
        };
        asked
    }

    /// The same in another order, from the first page.
    #[must_use]
    pub fn ordered(&self, column: &str, descending: bool) -> Self {
        Self {
            order: Some((column.to_owned(), descending)),
            page: 0,
            ..self.clone()
        }
    }

    /// The same, another page.
    #[must_use]
    pub fn at(&self, page: u64) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }

    /// The URL that asks this of a path.
    pub fn href(&self, path: &str) -> String {
        let order = self.order.as_ref().map(|(column, descending)| {
            let sign = if *descending { "-" } else { "" };
            format!("{sign}{column}")
        });
        let page = (self.page > 0).then(|| (self.page + 1).to_string());
        let search = Some(self.search.clone()).filter(|search| !search.is_empty());
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        pairs.extend(search.as_deref().map(|search| ("q", search)));
        let values = self.values.iter();
        pairs.extend(values.map(|(name, value)| (name.as_str(), value.as_str())));
        pairs.extend(order.as_deref().map(|order| ("sort", order)));
        pairs.extend(page.as_deref().map(|page| ("page", page)));
        match serde_urlencoded::to_string(pairs) {
            Ok(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path.to_owned(),
        }
    }

    /// A value that is a month: its first day, and that of the next.
    pub fn month(&self, name: &str) -> Option<(Day, Day)> {
        let value = self.value(name)?;
        let first: jiff::civil::Date = format!("{value}-01").parse().ok()?;
        let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
        Some((Day::of_date(first), Day::of_date(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_asks_what_it_was_made_of() {
        let asked = Asked::of_query("q=a%20b&os=Windows10&sort=-machines&page=3&lang=en&x=");
        assert_eq!(asked.search, "a b");
        assert_eq!(asked.order, Some(("machines".to_owned(), true)));
        assert_eq!((asked.page, asked.value("os")), (2, Some("Windows10")));
        let href = asked.href("/software");
        assert_eq!(href, "/software?q=a+b&os=Windows10&sort=-machines&page=3");
        let (_, query) = href.split_once('?').unwrap();
        assert_eq!(Asked::of_query(query), asked);
        assert_eq!(
            asked
                .with("os", None)
                .at(0)
                .ordered("name", false)
                .href("/x"),
            "/x?q=a+b&sort=name"
        );
        assert_eq!(Asked::default().href("/machines"), "/machines");
    }

    #[test]
    fn whatever_is_written_can_be_read() {
        for query in [
            "page=0",
            "page=-1",
            "page=x",
            "page=99999999999999999999",
            "%ff=%fe",
            "sort=",
            "&&=&",
        ] {
            assert!(Asked::of_query(query).page < PAGES, "{query}");
        }
        let long = format!("q={}", "x".repeat(10_000));
        assert_eq!(Asked::of_query(&long).search.len(), SEARCH);
    }

    #[test]
    fn a_month_has_its_days() {
        let asked = Asked::of_query("month=2026-12");
        let (first, next) = asked.month("month").unwrap();
        assert_eq!(
            (first.to_string(), next.to_string()),
            ("2026-12-01".into(), "2027-01-01".into())
        );
        assert!(Asked::of_query("month=2026-13").month("month").is_none());
    }
}
