//! The two numbers of a .NET Framework update: the one it is offered under, and the one it installs under.
//!
//! From 2016 on the .NET Framework of a Windows is updated by one rollup a month, offered under one KB
//! (the update), which brings a package for each .NET version on the machine, installed under a KB of its
//! own. Documents name either as the fix: through 2020 mostly the package, later mostly the update. The
//! fix's link then names the other. Of two numbers that one document joins on one Windows, the one with
//! several partners is the update. Where documents leave it open, a table of known pairs decides.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::document::{self, Document, FixId};
use crate::{Component, DotNetVersions, Kb, ProductIdentity, WindowsFamily, WindowsProduct};

/// Pairs the documents leave open: the update, the Windows it is for, the .NET version, the package.
const KNOWN: &str = include_str!("dotnet-rollups.csv");

/// The numbers of a fix on one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The update, as it is offered.
    pub(super) update: Kb,
    /// The package it installs as, where that has a number of its own.
    pub(super) package: Option<Kb>,
}

/// Tells the numbers of fixes apart.
pub(super) struct NumberBook {
    /// How many others a number is joined with on one Windows at most; an update has several packages there.
    partners: FxHashMap<Kb, usize>,
    known: Vec<KnownPackage>,
    /// Every number in the table, by which a fix is told to concern it.
    in_table: FxHashSet<Kb>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownPackage {
    update: Kb,
    windows: Vec<WindowsFamily>,
    dotnet: Box<str>,
    package: Kb,
}

impl NumberBook {
    /// Learns from all documents which of two joined numbers is the update.
    pub(super) fn of(documents: &[Document]) -> Self {
        let mut partners: FxHashMap<Kb, usize> = FxHashMap::default();
        for (number, count) in documents.iter().flat_map(partners_in) {
            let most = partners.entry(number).or_default();
            *most = count.max(*most);
        }
        let known = known(KNOWN);
        let in_table = known.iter().flat_map(|row| [row.update, row.package]);
        Self {
            partners,
            in_table: in_table.collect(),
            known,
        }
    }

    /// Whether a fix may have two numbers; where not, it has the one it states on every product.
    pub(super) fn concerns(&self, fix: &document::Fix) -> bool {
        fix.url.is_some() || fix.id.kb().is_some_and(|kb| self.in_table.contains(&kb))
    }

    /// The numbers of a fix on a product; `None` where the fix has no KB.
    pub(super) fn of_fix(&self, fix: &document::Fix, product: &ProductIdentity) -> Option<Numbers> {
        let stated = fix.id.kb()?;
        let alone = Numbers {
            update: stated,
            package: None,
        };
        if !self.concerns(fix) {
            return Some(alone);
        }
        let ProductIdentity::OnWindows {
            component: Component::DotNetFramework(versions),
            host,
        } = product
        else {
            return Some(alone);
        };
        if let Some(row) = self.known_package(stated, host, versions) {
            return Some(Numbers {
                update: row.update,
                package: Some(row.package),
            });
        }
        let Some(linked) = linked(fix).filter(|linked| *linked != stated) else {
            return Some(alone);
        };
        let partners = |number: Kb| self.partners.get(&number).copied().unwrap_or_default();
        let (update, package) = if partners(linked) > partners(stated) {
            (linked, stated)
        } else {
            (stated, linked)
        };
        Some(Numbers {
            update,
            package: Some(package),
        })
    }
}

impl NumberBook {
    /// The row of the table for these versions of the update that is stated, by its own number or by that of
    /// any of its packages: some rows of documents name the package of another version.
    fn known_package(
        &self,
        stated: Kb,
        host: &WindowsProduct,
        versions: &DotNetVersions,
    ) -> Option<&KnownPackage> {
        let on_host = || {
            let rows = self.known.iter();
            rows.filter(|row| row.windows.contains(&host.family))
        };
        let update = on_host()
            .find(|row| row.update == stated || row.package == stated)?
            .update;
        on_host().find(|row| row.update == update && versions.contains(&row.dotnet))
    }
}

/// The KB that a fix's link to Microsoft's update catalog searches for.
fn linked(fix: &document::Fix) -> Option<Kb> {
    let url = fix.url.as_deref()?;
    if !url.contains("catalog.update.microsoft.com") {
        return None;
    }
    let (_, number) = url.rsplit_once("q=KB")?;
    number.parse().ok()
}

/// The numbers that links of one document join, each with how many others on one Windows.
fn partners_in(document: &Document) -> impl Iterator<Item = (Kb, usize)> + use<> {
    let mut hosts: Vec<Option<Option<WindowsProduct>>> = vec![None; document.products.len()];
    let mut partners: BTreeMap<(String, Kb), BTreeSet<Kb>> = BTreeMap::new();
    let fixes = document.vulnerabilities.iter().flat_map(|v| &v.fixes);
    for fix in fixes {
        let (FixId::Kb(stated), Some(linked)) = (&fix.id, linked(fix)) else {
            continue;
        };
        if *stated == linked {
            continue;
        }
        for &product in &fix.products {
            let at = product as usize;
            let (Some(entry), Some(slot)) = (document.products.get(at), hosts.get_mut(at)) else {
                continue;
            };
            let host = slot.get_or_insert_with(|| match ProductIdentity::of_name(&entry.name) {
                ProductIdentity::OnWindows {
                    component: Component::DotNetFramework(_),
                    host,
                } => Some(host),
                _ => None,
            });
            if let Some(host) = host {
                let host = host.to_string();
                partners
                    .entry((host.clone(), *stated))
                    .or_default()
                    .insert(linked);
                partners.entry((host, linked)).or_default().insert(*stated);
            }
        }
    }
    partners
        .into_iter()
        .map(|((_, number), partners)| (number, partners.len()))
}

fn known(table: &str) -> Vec<KnownPackage> {
    table.lines().skip(1).filter_map(known_row).collect()
}

fn known_row(row: &str) -> Option<KnownPackage> {
    let mut fields = row.split(',');
    let mut next = || fields.next();
    let (update, windows, dotnet, package) = (next()?, next()?, next()?, next()?);
    let windows: Option<Vec<WindowsFamily>> =
        windows.split('|').map(WindowsFamily::of_name).collect();
    Some(KnownPackage {
        update: update.parse().ok()?,
        windows: windows?,
        dotnet: dotnet.into(),
        package: package.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{SubType, Supersedence};

    fn kb(number: u32) -> Kb {
        Kb::new(number).unwrap()
    }

    fn fix(stated: u32, linked: Option<u32>) -> document::Fix {
        document::Fix {
            id: FixId::Kb(kb(stated)),
            sub_type: SubType::MonthlyRollup,
            fixed_build: None,
            supersedes: Supersedence::default(),
            restart: None,
            url: linked.map(|kb| {
                format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB{kb}").into()
            }),
            products: Vec::new(),
        }
    }

    fn book(updates: &[u32]) -> NumberBook {
        let known = known(KNOWN);
        NumberBook {
            partners: updates.iter().map(|&number| (kb(number), 3)).collect(),
            in_table: known
                .iter()
                .flat_map(|row| [row.update, row.package])
                .collect(),
            known,
        }
    }

    fn numbers(book: &NumberBook, fix: &document::Fix, product: &str) -> (u32, Option<u32>) {
        let numbers = book
            .of_fix(fix, &ProductIdentity::of_name(product))
            .unwrap();
        (numbers.update.number(), numbers.package.map(Kb::number))
    }

    const SEVEN: &str =
        "Microsoft .NET Framework 3.5.1 on Windows 7 for x64-based Systems Service Pack 1";

    #[test]
    fn every_row_of_the_table_is_read() {
        assert_eq!(known(KNOWN).len(), KNOWN.lines().count() - 1);
    }

    #[test]
    fn either_number_may_be_stated() {
        // December 2018 names the package, July 2024 the update.
        let book = book(&[4_471_987, 5_041_021]);
        assert_eq!(
            numbers(&book, &fix(4_470_641, Some(4_471_987)), SEVEN),
            (4_471_987, Some(4_470_641))
        );
        assert_eq!(
            numbers(&book, &fix(5_041_021, Some(5_039_909)), SEVEN),
            (5_041_021, Some(5_039_909))
        );
    }

    #[test]
    fn what_documents_leave_open_is_in_the_table() {
        let book = book(&[]);
        assert_eq!(
            numbers(&book, &fix(4_483_458, None), SEVEN),
            (4_487_078, Some(4_483_458))
        );
        // A later revision names the package of 4.6 for every version.
        let r2 = "Microsoft .NET Framework 3.5 on Windows Server 2012 R2";
        assert_eq!(
            numbers(&book, &fix(4_483_450, None), r2),
            (4_487_080, Some(4_483_459))
        );
    }

    #[test]
    fn other_products_have_one_number() {
        // A link to another month's update is a slip, not a second number.
        let book = book(&[3_193_494]);
        assert_eq!(
            numbers(
                &book,
                &fix(3_185_611, Some(3_193_494)),
                "Windows 10 for x64-based Systems"
            ),
            (3_185_611, None)
        );
    }
}
