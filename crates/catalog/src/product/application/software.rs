//! Software ids of applications, from the names Microsoft's documents give them.

use super::{Application, ApplicationFamily, ApplicationRelease};
use crate::SoftwareId;

impl Application {
    /// The software id under which the catalog lists this application.
    ///
    /// Where the documents spell one application in several ways, it is the id of the name they use
    /// last. An application that no document names gets the id its name would have.
    pub fn software_id(&self) -> SoftwareId {
        software_id(&self.product_name())
    }

    /// The name as the last documents spell it, as far as it is part of the software id.
    pub fn product_name(&self) -> String {
        use ApplicationFamily as F;
        let family = self.family.name();
        let named = |name: &str| match self.release {
            Some(release) => format!("{name} {release}"),
            None => name.to_owned(),
        };
        match (self.family, self.release) {
            (F::Microsoft365Apps, _) => "365 Apps for Enterprise".to_owned(),
            (F::Edge, _) => "Edge Chromium-based".to_owned(),
            (F::Teams, _) => "Teams for Desktop".to_owned(),
            (F::PowerAutomate, _) => "Power Automate for Desktop".to_owned(),
            (F::RemoteDesktopClient, _) => "Remote Desktop client for Windows Desktop".to_owned(),
            (F::AntimalwarePlatform, _) => "Windows Defender Antimalware Platform".to_owned(),
            (F::SkypeForBusinessServer, Some(release)) => {
                let update = self.cumulative_update.map(|update| format!(" CU{update}"));
                format!("{family} {release}{}", update.unwrap_or_default())
            }
            (F::OfficeWebApps, _) => named("Office Web Apps Server"),
            (F::LyncBasic, _) => named("Lync Basic"),
            (F::SkypeForBusinessBasic, Some(release)) => {
                format!("Skype for Business {release} Basic")
            }
            // The programs of Office have their year as a version, and Dynamics 365 its numbers.
            (
                F::Office
                | F::Excel
                | F::Word
                | F::PowerPoint
                | F::Outlook
                | F::Access
                | F::Publisher
                | F::OneNote
                | F::Visio
                | F::Project
                | F::InfoPath
                | F::Lync
                | F::Dynamics365,
                _,
            ) => family.to_owned(),
            (F::SharePointServer, Some(ApplicationRelease::Year(year @ (2013 | 2016)))) => {
                format!("SharePoint Enterprise Server {year}")
            }
            (F::ExchangeServer, Some(ApplicationRelease::SubscriptionEdition)) => {
                format!("{family} Subscription Edition RTM")
            }
            (F::DotNet, Some(ApplicationRelease::Version { major: ..5, .. })) => named(".NET Core"),
            (F::PowerShell, Some(ApplicationRelease::Version { major: ..7, .. })) => {
                named("PowerShell Core")
            }
            (F::OdbcDriver, Some(release)) => {
                format!("ODBC Driver {release} for SQL Server on Windows")
            }
            (F::OleDbDriver, Some(release)) => format!("OLE DB Driver {release} for SQL Server"),
            (F::VisualStudio, Some(release)) => studio(release),
            _ => named(family),
        }
    }
}

/// Visual Studio goes by its year; of the old ones, the documents name the last update.
fn studio(release: ApplicationRelease) -> String {
    let year = match release {
        ApplicationRelease::Version { major: 14, .. } => 2015,
        ApplicationRelease::Version { major: 15, .. } => 2017,
        ApplicationRelease::Version { major: 16, .. } => 2019,
        ApplicationRelease::Version { major: 17, .. } => 2022,
        ApplicationRelease::Year(year) => year,
        other => return format!("Visual Studio {other}"),
    };
    match year {
        2012 | 2013 => format!("Visual Studio {year} Update 5"),
        2015 => format!("Visual Studio {year} Update 3"),
        _ => format!("Visual Studio {year}"),
    }
}

/// The software id of an application's product name.
///
/// What tells builds of one software apart is not part of an id: the architecture
/// (`(64-bit edition)`, `for x64-based Systems`), the service pack, the servicing branch
/// (`(GDR)`, `(CU 4)`), `Click-to-Run`. Of the Office family the year is a version too, as the
/// documented id `microsoft-_-office` shows; of servers and developer tools it is part of the name.
pub(in crate::product) fn software_id(name: &str) -> SoftwareId {
    // The one parenthesis that names another software, not another build of the same.
    let mut rest = without_parentheses(&name.replace("(Chromium-based)", "Chromium-based"));
    for tail in [
        " for 32-bit editions",
        " for 64-bit editions",
        " for 32-bit Systems",
        " for 64-bit Systems",
        " for x64-based Systems",
        " installed on ",
        " when installed on ",
        " Service Pack ",
        " Cumulative Update ",
        " version ",
        " Click-to-Run",
    ] {
        if let Some(at) = find_ignore_case(&rest, tail) {
            rest.truncate(at);
        }
    }
    let bare = rest
        .strip_prefix("Microsoft ")
        .unwrap_or(&rest)
        .trim()
        .to_owned();
    SoftwareId::of("microsoft", without_office_year(&bare))
}

fn without_parentheses(name: &str) -> String {
    let mut depth = 0_u32;
    name.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

fn find_ignore_case(text: &str, part: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(&part.to_ascii_lowercase())
}

fn without_office_year(name: &str) -> &str {
    const OFFICE: [&str; 14] = [
        "Office",
        "Excel",
        "Word",
        "PowerPoint",
        "Outlook",
        "Access",
        "Publisher",
        "OneNote",
        "Visio",
        "Project",
        "Office LTSC",
        "InfoPath",
        "Infopath",
        "Lync",
    ];
    match name.rsplit_once(' ') {
        Some((head, year))
            if year.len() == 4
                && year.bytes().all(|b| b.is_ascii_digit())
                && OFFICE.contains(&head.trim()) =>
        {
            head.trim().strip_suffix(" LTSC").unwrap_or(head.trim())
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::software_id;

    #[test]
    fn builds_of_one_software_share_an_id() {
        for (name, id) in [
            (
                "Microsoft Office 2016 (64-bit edition)",
                "microsoft-_-office",
            ),
            (
                "Microsoft Office 2019 for 32-bit editions",
                "microsoft-_-office",
            ),
            (
                "Microsoft Office LTSC 2021 for 64-bit editions",
                "microsoft-_-office",
            ),
            (
                "Microsoft Excel  2016 Click-to-Run (C2R) for 32-bit editions",
                "microsoft-_-excel",
            ),
            (
                "Microsoft SQL Server 2019 for x64-based Systems (CU 8)",
                "microsoft-_-sql_server_2019",
            ),
            (
                "Microsoft Exchange Server 2016 Cumulative Update 23",
                "microsoft-_-exchange_server_2016",
            ),
            (
                "Microsoft Edge (Chromium-based)",
                "microsoft-_-edge_chromium-based",
            ),
            (".NET 8.0 installed on Windows", "microsoft-_-.net_8.0"),
        ] {
            assert_eq!(software_id(name).as_str(), id, "{name}");
        }
    }
}
