//! Software ids of applications, from the names Microsoft's documents give them.

use crate::SoftwareId;

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
