//! Reads the product names of applications, word by word.

use super::{Application, ApplicationFamily, ApplicationRelease, Branch, Platform};
use crate::product::{Architecture, Words};

/// The names families go by in the documents. Where one begins with another, the longer stands
/// first.
const FAMILIES: &[(&str, ApplicationFamily)] = {
    use ApplicationFamily as F;
    &[
        ("365 Apps for Enterprise", F::Microsoft365Apps),
        ("Office 365 ProPlus", F::Microsoft365Apps),
        ("Office Online Server", F::OfficeOnlineServer),
        ("Office Web Apps Server", F::OfficeWebApps),
        ("Office Web Apps", F::OfficeWebApps),
        ("Office", F::Office),
        ("Excel", F::Excel),
        ("Word", F::Word),
        ("PowerPoint", F::PowerPoint),
        ("Outlook", F::Outlook),
        ("Access", F::Access),
        ("Publisher", F::Publisher),
        ("OneNote", F::OneNote),
        ("Visio", F::Visio),
        ("Project Server", F::ProjectServer),
        ("Project", F::Project),
        ("InfoPath", F::InfoPath),
        ("Skype for Business Server", F::SkypeForBusinessServer),
        ("Skype for Business", F::SkypeForBusiness),
        ("Lync Server", F::LyncServer),
        ("Lync Basic", F::LyncBasic),
        ("Lync", F::Lync),
        ("SharePoint Enterprise Server", F::SharePointServer),
        ("SharePoint Server", F::SharePointServer),
        ("SharePoint Foundation", F::SharePointFoundation),
        ("SQL Server", F::SqlServer),
        ("Exchange Server", F::ExchangeServer),
        ("Visual Studio Code", F::VisualStudioCode),
        ("Visual Studio", F::VisualStudio),
        (".NET Core", F::DotNet),
        (".NET", F::DotNet),
        ("ASP.NET Core", F::AspNetCore),
        ("PowerShell Core", F::PowerShell),
        ("PowerShell", F::PowerShell),
        ("Edge (Chromium-based)", F::Edge),
        ("Malware Protection Engine", F::MalwareProtectionEngine),
        ("Malware Protection Platform", F::AntimalwarePlatform),
        (
            "Windows Defender Antimalware Platform",
            F::AntimalwarePlatform,
        ),
        ("ODBC Driver", F::OdbcDriver),
        ("OLE DB Driver", F::OleDbDriver),
        ("Teams for Desktop", F::Teams),
        ("Dynamics 365 Customer Engagement", F::Dynamics365),
        ("Dynamics 365 Server", F::Dynamics365),
        ("Dynamics 365 (on-premises)", F::Dynamics365),
        ("Dynamics CRM (on-premises)", F::Dynamics365),
        ("Azure Data Studio", F::AzureDataStudio),
        ("Azure CLI", F::AzureCli),
        (
            "Azure Connected Machine Agent",
            F::AzureConnectedMachineAgent,
        ),
        ("Azure Monitor Agent", F::AzureMonitorAgent),
        ("PC Manager", F::PcManager),
        (
            "Remote Desktop client for Windows Desktop",
            F::RemoteDesktopClient,
        ),
        ("Power BI Desktop", F::PowerBiDesktop),
        ("Power Automate for Desktop", F::PowerAutomate),
    ]
};

/// Reads a whole name; what is left unread makes it no application that is understood.
pub(super) fn application(name: &str) -> Option<Application> {
    let mut words = Words::new(name);
    words.take("Microsoft");
    let (_, family) = FAMILIES.iter().find(|(name, _)| words.take(name))?;
    let mut application = Application::new(*family);
    while !words.is_empty() {
        part(&mut words, &mut application)?;
    }
    is_whole(&application).then_some(application)
}

/// Whether the name says as much as names of its family have to, to be told from others.
fn is_whole(application: &Application) -> bool {
    use ApplicationFamily as F;
    let versioned = matches!(
        application.release,
        Some(ApplicationRelease::Version { .. })
    );
    match application.family {
        F::Microsoft365Apps
        | F::OfficeOnlineServer
        | F::VisualStudioCode
        | F::Edge
        | F::MalwareProtectionEngine
        | F::AntimalwarePlatform
        | F::Teams
        | F::AzureDataStudio
        | F::AzureCli
        | F::AzureConnectedMachineAgent
        | F::AzureMonitorAgent
        | F::PcManager
        | F::RemoteDesktopClient
        | F::PowerBiDesktop
        | F::PowerAutomate => !versioned,
        F::DotNet | F::AspNetCore | F::PowerShell | F::Dynamics365 => versioned,
        F::OdbcDriver | F::OleDbDriver => {
            matches!(application.release, Some(ApplicationRelease::Major(_)))
        }
        // Apps for phones and for the store have no year.
        _ => application.release.is_some() || application.platform == Platform::Mobile,
    }
}

/// Reads the next part of a name.
fn part(words: &mut Words<'_>, application: &mut Application) -> Option<()> {
    if platform(words, application) || architecture(words, application) {
        return Some(());
    }
    if words.take("Service Pack") {
        application.service_pack = words.word()?.parse().ok()?;
    } else if words.take("Cumulative Update") || words.take("Update Rollup") || words.take("CU") {
        application.cumulative_update = Some(words.word()?.parse().ok()?);
    } else if words.take("Update") {
        application.service_pack = words.word()?.parse().ok()?;
    } else if words.take("Subscription Edition") {
        application.release = Some(ApplicationRelease::SubscriptionEdition);
    } else if words.take("Basic") {
        basic(application)?;
    } else if branch(words, application) || passed_over(words) {
        // Both have taken their words.
    } else if words.take("version") {
        application.release = Some(numbers(words.word()?)?);
    } else if words.0.starts_with("(includes ") {
        words.0 = words.0.split_once(')')?.1.trim_start();
    } else {
        word(words.word()?, application)?;
    }
    Some(())
}

/// Reads a part that is one word: a year, a version, `CU12`, `(CU`.
fn word(word: &str, application: &mut Application) -> Option<()> {
    use ApplicationFamily as F;
    if let Some(number) = word.strip_prefix("CU") {
        application.cumulative_update = Some(number.parse().ok()?);
        return Some(());
    }
    if application.release.is_some() {
        return None;
    }
    let release = match application.family {
        F::DotNet | F::AspNetCore | F::PowerShell => numbers(word)?,
        F::Dynamics365 => numbers(word.trim_start_matches(['v', 'V']))?,
        F::OdbcDriver | F::OleDbDriver => ApplicationRelease::Major(word.parse().ok()?),
        _ => year(word)?,
    };
    application.release = Some(release);
    Some(())
}

fn year(word: &str) -> Option<ApplicationRelease> {
    let year = word.parse().ok()?;
    (2000..2100)
        .contains(&year)
        .then_some(ApplicationRelease::Year(year))
}

fn numbers(word: &str) -> Option<ApplicationRelease> {
    let (major, minor) = word.split_once('.')?;
    Some(ApplicationRelease::Version {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
    })
}

fn basic(application: &mut Application) -> Option<()> {
    application.family = match application.family {
        ApplicationFamily::SkypeForBusiness => ApplicationFamily::SkypeForBusinessBasic,
        _ => return None,
    };
    Some(())
}

fn platform(words: &mut Words<'_>, application: &mut Application) -> bool {
    const PLATFORMS: [(&str, Platform); 14] = [
        ("for Mac", Platform::MacOs),
        ("on MacOS", Platform::MacOs),
        ("installed on Mac OS", Platform::MacOs),
        ("on Linux", Platform::Linux),
        ("installed on Linux", Platform::Linux),
        ("for Linux Containers", Platform::Linux),
        ("on Windows", Platform::Windows),
        ("installed on Windows", Platform::Windows),
        ("for Android", Platform::Mobile),
        ("for iOS", Platform::Mobile),
        ("for Universal", Platform::Mobile),
        ("Mobile", Platform::Mobile),
        ("for SQL Server", Platform::Windows),
        ("(on-premises)", Platform::Windows),
    ];
    let Some((_, platform)) = PLATFORMS.iter().find(|(name, _)| words.take(name)) else {
        return false;
    };
    // `for SQL Server` says nothing of it, and `on Linux` may follow.
    if *platform != Platform::Windows {
        application.platform = *platform;
    }
    true
}

fn architecture(words: &mut Words<'_>, application: &mut Application) -> bool {
    use Architecture as A;
    const ARCHITECTURES: [(&str, Architecture); 15] = [
        ("(32-bit)", A::X86),
        ("(64-bit)", A::X64),
        ("(32-bit edition)", A::X86),
        ("(64-bit edition)", A::X64),
        ("(32-bit editions)", A::X86),
        ("(64-bit editions)", A::X64),
        ("for 32-bit edition", A::X86),
        ("for 64-bit edition", A::X64),
        ("for 32-bit editions", A::X86),
        ("for 64-bit editions", A::X64),
        ("for 32-bit Systems", A::X86),
        ("for 64-bit Systems", A::X64),
        ("for x64-based Systems", A::X64),
        ("RT", A::Arm),
        ("(ARM64)", A::Arm64),
    ];
    let found = ARCHITECTURES.iter().find(|(name, _)| words.take(name));
    if let Some((_, architecture)) = found {
        application.architecture = Some(*architecture);
    }
    found.is_some()
}

fn branch(words: &mut Words<'_>, application: &mut Application) -> bool {
    use Branch as B;
    const BRANCHES: [(&str, Branch); 8] = [
        ("(GDR)", B::Gdr),
        // What was one branch until Service Pack 4 is called QFE in the last names.
        ("(QFE)", B::CumulativeUpdates),
        ("(CU)", B::CumulativeUpdates),
        ("Azure Connect Feature Pack", B::AzureConnect),
        ("Azure Connectivity Pack", B::AzureConnect),
        ("Click-to-Run (C2R)", B::ClickToRun),
        ("LTSC", B::Ltsc),
        ("Extended Stable", B::ExtendedStable),
    ];
    if let Some((_, branch)) = BRANCHES.iter().find(|(name, _)| words.take(name)) {
        application.branch = Some(*branch);
        return true;
    }
    let Some((update, rest)) = words
        .0
        .strip_prefix("(CU ")
        .and_then(|rest| rest.split_once(')'))
    else {
        return false;
    };
    let Ok(update) = update.trim().parse() else {
        return false;
    };
    words.0 = rest.trim_start();
    application.branch = Some(B::CumulativeUpdates);
    application.cumulative_update = Some(update);
    true
}

/// Takes words that say nothing that tells products apart.
fn passed_over(words: &mut Words<'_>) -> bool {
    words.take("RTM") || words.take(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> String {
        application(name).map_or_else(
            || "nothing".to_owned(),
            |application| application.to_string(),
        )
    }

    #[test]
    fn names_of_the_feed_are_read() {
        for (name, expected) in [
            ("Microsoft Office 2016 (64-bit edition)", "Office 2016 x64"),
            ("Microsoft Word 2013 RT Service Pack 1", "Word 2013 SP1 ARM"),
            (
                "Microsoft Excel  2016 Click-to-Run (C2R) for 32-bit editions",
                "Excel 2016 Click-to-Run x86",
            ),
            (
                "Microsoft Office LTSC 2021 for 64-bit editions",
                "Office 2021 LTSC x64",
            ),
            (
                "Microsoft SQL Server 2019 for x64-based Systems (CU 32)",
                "SQL Server 2019 CU32 x64",
            ),
            (
                "Microsoft SQL Server 2012 for 32-bit Systems Service Pack 3  (GDR)",
                "SQL Server 2012 SP3 GDR x86",
            ),
            (
                "Microsoft SQL Server 2016 for x64-based Systems Service Pack 3 Azure Connect Feature Pack",
                "SQL Server 2016 SP3 Azure Connect x64",
            ),
            (
                "Microsoft Exchange Server 2019 Cumulative Update 13",
                "Exchange Server 2019 CU13",
            ),
            (
                "Microsoft Exchange Server Subscription Edition RTM",
                "Exchange Server Subscription Edition",
            ),
            (
                "Microsoft Visual Studio 2019 version 16.7 (includes 16.0 – 16.6)",
                "Visual Studio 16.7",
            ),
            (
                "Microsoft Visual Studio 2015 Update 3",
                "Visual Studio 2015 SP3",
            ),
            (".NET 8.0 installed on Windows", ".NET 8.0"),
            (".NET Core 3.1", ".NET 3.1"),
            (
                "Skype for Business 2016 Basic (64-bit)",
                "Skype for Business Basic 2016 x64",
            ),
            (
                "Skype for Business Server 2019  CU2",
                "Skype for Business Server 2019 CU2",
            ),
            (
                "Microsoft ODBC Driver 18 for SQL Server on Windows",
                "ODBC Driver for SQL Server 18",
            ),
            (
                "Dynamics 365 Server, version 9.0 (on-premises)",
                "Dynamics 365 9.0",
            ),
            (
                "Microsoft Edge (Chromium-based) Extended Stable",
                "Edge Extended Stable",
            ),
        ] {
            assert_eq!(read(name), expected, "{name}");
        }
    }

    #[test]
    fn what_runs_elsewhere_is_told_apart() {
        for (name, platform) in [
            ("Microsoft Office LTSC for Mac 2021", Platform::MacOs),
            (".NET 8.0 installed on Linux", Platform::Linux),
            ("Visual Studio 2019 for Mac version 8.10", Platform::MacOs),
            (
                "Microsoft ODBC Driver 18 for SQL Server on Linux",
                Platform::Linux,
            ),
            ("Microsoft Office for Universal", Platform::Mobile),
            ("Microsoft Word 2016 (32-bit edition)", Platform::Windows),
        ] {
            let read = application(name).map(|application| application.platform);
            assert_eq!(read, Some(platform), "{name}");
        }
    }

    #[test]
    fn a_name_is_read_whole_or_not_at_all() {
        for name in [
            "Microsoft Visual Studio Code CoPilot Chat Extension",
            "SharePoint Server Subscription Edition Language Pack",
            "Microsoft Edge (Chromium-based) Updater",
            "Microsoft Edge for iOS",
            "PowerShell Core 6.0.0",
            "Microsoft Office Compatibility Pack Service Pack 3",
            "SQL Server 2019 Reporting Services",
            "Word Automation Services on Microsoft SharePoint Server 2013 Service Pack 1",
            "Microsoft Teams",
            "Office app",
        ] {
            assert_eq!(read(name), "nothing", "{name}");
        }
    }
}
