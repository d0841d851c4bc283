//! Updates that a software list names beside the software.

use kbgap_catalog::{ApplicationFamily, ApplicationRelease, Kb, Version};

use super::ListedUpdate;
use super::{Seen, is_number, office, year};

/// `Security Update for Microsoft Excel 2016 (KB5002544) 64-Bit Edition`,
/// `GDR 2155 for SQL Server 2019 (KB5068405)`.
pub(super) fn read(words: &[&str], version: Option<Version>) -> Option<Seen> {
    let at = words.iter().position(|word| kb(word).is_some())?;
    let kb = kb(words[at])?;
    let (kind, title) = words[..at].split_at(words[..at].iter().position(|w| *w == "for")?);
    let title = &title[1..];
    let title = title.strip_prefix(&["microsoft"]).unwrap_or(title);
    match kind {
        ["hotfix" | "gdr", number] | ["service", "pack", number] if is_number(number) => {
            let ["sql", "server", release] = title else {
                return None;
            };
            let release = year(release)?;
            Some(Seen::SqlPatch {
                update: ListedUpdate {
                    kb,
                    of: Some((ApplicationFamily::SqlServer, Some(release))),
                },
                release,
                version,
            })
        }
        ["security" | "critical" | "definition", "update"]
        | ["update" | "hotfix"]
        | ["update", "rollup"]
        | ["service", "pack", _] => Some(Seen::Update(ListedUpdate {
            kb,
            of: titled(title),
        })),
        _ => None,
    }
}

fn kb(word: &str) -> Option<Kb> {
    let inner = word.strip_prefix('(')?.strip_suffix(')')?;
    inner.strip_prefix("kb")?.parse().ok()
}

/// The application that the title of an update names.
fn titled(title: &[&str]) -> Option<(ApplicationFamily, Option<ApplicationRelease>)> {
    use ApplicationFamily as F;
    let (family, rest) = match title {
        ["skype", "for", "business", rest @ ..] => (F::SkypeForBusiness, rest),
        ["sharepoint", "server", "subscription", "edition", ..] => {
            return Some((
                F::SharePointServer,
                Some(ApplicationRelease::SubscriptionEdition),
            ));
        }
        ["sharepoint", "enterprise", "server", rest @ ..] | ["sharepoint", "server", rest @ ..] => {
            (F::SharePointServer, rest)
        }
        ["sharepoint", "foundation", rest @ ..] => (F::SharePointFoundation, rest),
        ["project", "server", rest @ ..] => (F::ProjectServer, rest),
        ["office", "online", "server", ..] => return Some((F::OfficeOnlineServer, None)),
        ["office", "web", "apps", "server", rest @ ..] => (F::OfficeWebApps, rest),
        [first, rest @ ..] => (office::family(first)?, rest),
        [] => return None,
    };
    Some((family, Some(year(rest.first()?)?)))
}
