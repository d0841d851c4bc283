//! Rows in memory as a table: searched, narrowed, ordered and cut to a page.

use crate::asked::Asked;
use crate::table::{ApiCall, Cell, Column, Filter, Table};

type CellOf<'a, T> = Box<dyn Fn(&T) -> Cell + Send + Sync + 'a>;
type Finds<'a, T> = Box<dyn Fn(&T, &str) -> bool + Send + Sync + 'a>;

/// A column, with what it shows of a row.
pub struct ColumnOf<'a, T> {
    column: Column,
    /// The property of the API's rows that it is ordered by there.
    api: Option<&'static str>,
    cell: CellOf<'a, T>,
}

impl<'a, T> ColumnOf<'a, T> {
    /// A column of texts.
    pub fn new(
        key: &'static str,
        label: &'static str,
        cell: impl Fn(&T) -> Cell + Send + Sync + 'a,
    ) -> Self {
        Self {
            column: Column {
                key,
                label,
                numeric: false,
                sortable: true,
            },
            api: None,
            cell: Box::new(cell),
        }
    }

    /// The same of numbers.
    #[must_use]
    pub fn numeric(mut self) -> Self {
        self.column.numeric = true;
        self
    }

    /// The same, by which nothing is ordered.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.column.sortable = false;
        self
    }

    /// The same, whose values are a property of the API's rows.
    #[must_use]
    pub fn api(mut self, property: &'static str) -> Self {
        self.api = Some(property);
        self
    }
}

struct Narrowing<'a, T> {
    filter: Filter,
    matches: Finds<'a, T>,
    /// The condition in the API's words.
    api: Option<fn(&str) -> String>,
}

/// What rows are searched by: what is said of it, what finds, and the condition in the API's words.
type Search<'a, T> = (String, Finds<'a, T>, Option<fn(&str) -> String>);

/// A list that is in memory: what it shows of its rows, and what they are searched and narrowed by.
pub struct Listing<'a, T> {
    columns: Vec<ColumnOf<'a, T>>,
    order: Option<(&'static str, bool)>,
    search: Option<Search<'a, T>>,
    narrowings: Vec<Narrowing<'a, T>>,
    api: String,
}

impl<'a, T> Listing<'a, T> {
    /// A list with these columns, whose rows a route of the API gives too.
    pub fn new(api: impl Into<String>, columns: Vec<ColumnOf<'a, T>>) -> Self {
        Self {
            columns,
            order: None,
            search: None,
            narrowings: Vec::new(),
            api: api.into(),
        }
    }

    /// The same in the order of a column, unless another is asked for.
    #[must_use]
    pub fn ordered(mut self, column: &'static str, descending: bool) -> Self {
        self.order = Some((column, descending));
        self
    }

    /// The same, searched. What is searched for comes in lower case; the hint names the search field.
    #[must_use]
    pub fn searched(
        mut self,
        hint: impl Into<String>,
        finds: impl Fn(&T, &str) -> bool + Send + Sync + 'a,
        api: Option<fn(&str) -> String>,
    ) -> Self {
        self.search = Some((hint.into(), Box::new(finds), api));
        self
    }

    /// The same, narrowed by a filter.
    #[must_use]
    pub fn narrowed(
        mut self,
        filter: Filter,
        matches: impl Fn(&T, &str) -> bool + Send + Sync + 'a,
        api: Option<fn(&str) -> String>,
    ) -> Self {
        self.narrowings.push(Narrowing {
            filter,
            matches: Box::new(matches),
            api,
        });
        self
    }

    /// The order asked for, else the list's own.
    fn order(&self, asked: &Asked) -> Option<(&ColumnOf<'a, T>, bool)> {
        let find = |key: &str| {
            let mut columns = self.columns.iter();
            columns.find(|own| own.column.key == key && own.column.sortable)
        };
        let wanted = asked.order.as_ref();
        let wanted = wanted.and_then(|(key, down)| Some((find(key)?, *down)));
        wanted.or_else(|| self.order.and_then(|(key, down)| Some((find(key)?, down))))
    }

    /// The rows asked for, of all pages, in order.
    pub fn select<'r>(&self, rows: &'r [T], asked: &Asked) -> Vec<&'r T> {
        let search = asked.search.to_lowercase();
        let search = self
            .search
            .as_ref()
            .filter(|_| !search.is_empty())
            .map(|(_, finds, _)| (finds, &search));
        let wanted = self.narrowings.iter().filter_map(|narrowing| {
            let value = asked.value(narrowing.filter.key)?;
            Some((&narrowing.matches, value))
        });
        let wanted: Vec<(&Finds<'a, T>, &str)> = wanted.collect();
        let rows = rows.iter().filter(|row| {
            search.is_none_or(|(finds, words)| finds(row, words))
                && wanted.iter().all(|(matches, value)| matches(row, value))
        });
        let mut rows: Vec<&T> = rows.collect();
        if let Some((column, descending)) = self.order(asked) {
            let mut keyed: Vec<(Cell, &T)> =
                rows.iter().map(|row| ((column.cell)(row), *row)).collect();
            // Stable: rows that are equal in the column stay in their own order.
            keyed.sort_by(|(one, _), (other, _)| {
                let order = one.order(other);
                if descending { order.reverse() } else { order }
            });
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        }
        rows
    }

    /// The columns.
    pub fn columns(&self) -> Vec<Column> {
        self.columns.iter().map(|own| own.column.clone()).collect()
    }

    /// What is shown of a row.
    pub fn cells(&self, row: &T) -> Vec<Cell> {
        self.columns.iter().map(|own| (own.cell)(row)).collect()
    }

    /// The page asked for.
    pub fn table(
        &self,
        caption: impl Into<String>,
        path: impl Into<String>,
        asked: Asked,
        rows: &[T],
    ) -> Table {
        let selected = self.select(rows, &asked);
        let total = selected.len() as u64;
        let skip = usize::try_from(asked.page * Table::PAGE).unwrap_or(usize::MAX);
        let page = selected.into_iter().skip(skip);
        #[expect(clippy::cast_possible_truncation, reason = "a page is some rows")]
        let page = page.take(Table::PAGE as usize);
        Table {
            caption: caption.into(),
            path: path.into(),
            columns: self.columns(),
            order: self.order(&asked).map(|(own, down)| (own.column.key, down)),
            filters: self
                .narrowings
                .iter()
                .map(|own| own.filter.clone())
                .collect(),
            search: self.search.as_ref().map(|(hint, _, _)| hint.clone()),
            rows: page.map(|row| self.cells(row)).collect(),
            total,
            api: self.api_call(&asked),
            asked,
        }
    }

    /// The API's call that gives the rows.
    fn api_call(&self, asked: &Asked) -> ApiCall {
        let mut exact = true;
        let mut conditions: Vec<String> = Vec::new();
        if let Some((_, _, api)) = self.search.as_ref().filter(|_| !asked.search.is_empty()) {
            match api {
                Some(api) => conditions.push(api(&asked.search.to_lowercase())),
                None => exact = false,
            }
        }
        for narrowing in &self.narrowings {
            let Some(value) = asked.value(narrowing.filter.key) else {
                continue;
            };
            match narrowing.api {
                Some(api) => conditions.push(api(value)),
                None => exact = false,
            }
        }
        let mut options: Vec<String> = Vec::new();
        if !conditions.is_empty() {
            options.push(format!("$filter={}", conditions.join(" and ")));
        }
        if let Some((own, down)) = self.order(asked)
            && let Some(property) = own.api
        {
            let way = if down { " desc" } else { "" };
            options.push(format!("$orderby={property}{way}"));
        }
        let mark = if options.is_empty() { "" } else { "?" };
        ApiCall {
            url: format!("GET {}{mark}{}", self.api, options.join("&")),
            exact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Choice;

    fn listing<'a>() -> Listing<'a, (&'static str, u64)> {
        let columns = vec![
            ColumnOf::new("name", "col-name", |row: &(&str, u64)| {
                Cell::Text(row.0.into())
            }),
            ColumnOf::new("machines", "col-machines", |row: &(&str, u64)| {
                Cell::Number(row.1)
            })
            .numeric()
            .api("exposedMachines"),
        ];
        let filter = Filter {
            key: "many",
            label: "col-machines",
            choices: vec![Choice {
                value: "yes".into(),
                text: "yes".into(),
            }],
        };
        Listing::new("/api/things", columns)
            .ordered("machines", true)
            .searched(
                "name",
                |row, words| row.0.contains(words),
                Some(|words| format!("contains(name,'{}')", words.replace('\'', "''"))),
            )
            .narrowed(filter, |row, _| row.1 > 1, None)
    }

    #[test]
    fn rows_are_searched_narrowed_ordered_and_cut() {
        let rows: Vec<(&str, u64)> = vec![("edge", 3), ("word", 1), ("excel", 7)];
        let names = |query: &str| {
            let asked = Asked::of_query(query);
            let table = listing().table("things", "/things", asked, &rows);
            let names = table.rows.iter().map(|row| row[0].value());
            let names: Vec<String> = names
                .map(|name| name.as_str().unwrap().to_owned())
                .collect();
            (names, table.api.url, table.api.exact)
        };
        let (all, url, exact) = names("");
        assert_eq!(all, ["excel", "edge", "word"]);
        assert_eq!(
            (&*url, exact),
            ("GET /api/things?$orderby=exposedMachines desc", true)
        );
        assert_eq!(names("sort=name").0, ["edge", "excel", "word"]);
        assert_eq!(names("sort=nonsense").0, ["excel", "edge", "word"]);
        let (found, url, exact) = names("q=E'&sort=name");
        assert!(found.is_empty());
        assert_eq!(
            (&*url, exact),
            ("GET /api/things?$filter=contains(name,'e''')", true)
        );
        let (found, _, exact) = names("q=W&many=yes");
        assert!(found.is_empty() && !exact);
        assert_eq!(names("many=yes").0, ["excel", "edge"]);
    }

    #[test]
    fn pages_lead_to_each_other() {
        let rows: Vec<(&str, u64)> = (0..120).map(|at| ("x", at)).collect();
        let table =
            |query: &str| listing().table("things", "/things", Asked::of_query(query), &rows);
        let (first, last, beyond) = (table(""), table("page=3"), table("page=9"));
        assert_eq!((first.total, first.pages(), first.rows.len()), (120, 3, 50));
        assert_eq!(first.next().as_deref(), Some("/things?page=2"));
        assert_eq!(first.previous(), None);
        assert_eq!((last.rows.len(), last.next()), (20, None));
        assert_eq!(last.previous().as_deref(), Some("/things?page=2"));
        assert_eq!(
            (beyond.rows.len(), beyond.previous().as_deref()),
            (0, Some("/things?page=3"))
        );
        assert_eq!(first.download("csv"), "/things?format=csv");
    }
}
