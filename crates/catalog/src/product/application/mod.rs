//! Applications: what is installed on Windows and serviced by itself.

mod read;
mod software;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Architecture;

pub(super) use software::software_id;

/// An application as Microsoft's documents tell them apart.
///
/// Two are equal when they are one product, however the feed spelled it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Application {
    /// The family.
    pub family: ApplicationFamily,
    /// The release, for families whose names give it.
    pub release: Option<ApplicationRelease>,
    /// The service pack, or the numbered update of the older Visual Studio; 0 without one.
    pub service_pack: u8,
    /// The cumulative update the product stands at, or the update rollup of Exchange Server 2010.
    pub cumulative_update: Option<u16>,
    /// The servicing branch, where a release is serviced on several.
    pub branch: Option<Branch>,
    /// What it runs on.
    pub platform: Platform,
    /// The architecture, where the name gives one.
    pub architecture: Option<Architecture>,
}

/// A family of applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ApplicationFamily {
    /// The suite, and the parts its applications share.
    Office,
    /// Excel.
    Excel,
    /// Word.
    Word,
    /// `PowerPoint`.
    PowerPoint,
    /// Outlook.
    Outlook,
    /// Access.
    Access,
    /// Publisher.
    Publisher,
    /// `OneNote`.
    OneNote,
    /// Visio.
    Visio,
    /// Project.
    Project,
    /// `InfoPath`.
    InfoPath,
    /// Skype for Business.
    SkypeForBusiness,
    /// Skype for Business Basic.
    SkypeForBusinessBasic,
    /// Lync.
    Lync,
    /// Lync Basic.
    LyncBasic,
    /// Microsoft 365 Apps, once Office 365 `ProPlus`.
    Microsoft365Apps,
    /// Office Online Server.
    OfficeOnlineServer,
    /// Office Web Apps, and its server.
    OfficeWebApps,
    /// `SharePoint` Server, once `SharePoint` Enterprise Server.
    SharePointServer,
    /// `SharePoint` Foundation.
    SharePointFoundation,
    /// Project Server.
    ProjectServer,
    /// SQL Server.
    SqlServer,
    /// Exchange Server.
    ExchangeServer,
    /// Skype for Business Server.
    SkypeForBusinessServer,
    /// Lync Server.
    LyncServer,
    /// Visual Studio.
    VisualStudio,
    /// Visual Studio Code.
    VisualStudioCode,
    /// .NET, once .NET Core: the runtime.
    DotNet,
    /// ASP.NET Core: the shared framework.
    AspNetCore,
    /// `PowerShell` from 6 on.
    PowerShell,
    /// Microsoft Edge (Chromium-based).
    Edge,
    /// The malware protection engine of Microsoft Defender.
    MalwareProtectionEngine,
    /// The antimalware platform of Microsoft Defender.
    AntimalwarePlatform,
    /// The ODBC driver for SQL Server.
    OdbcDriver,
    /// The OLE DB driver for SQL Server.
    OleDbDriver,
    /// Microsoft Teams for the desktop.
    Teams,
    /// Dynamics 365 on premises, once Dynamics CRM.
    Dynamics365,
    /// Azure Data Studio.
    AzureDataStudio,
    /// Azure CLI.
    AzureCli,
    /// Azure Connected Machine Agent.
    AzureConnectedMachineAgent,
    /// Azure Monitor Agent.
    AzureMonitorAgent,
    /// Microsoft PC Manager.
    PcManager,
    /// The Remote Desktop client for the Windows desktop.
    RemoteDesktopClient,
    /// Power BI Desktop.
    PowerBiDesktop,
    /// Power Automate for desktop.
    PowerAutomate,
}

/// The release of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ApplicationRelease {
    /// A year: Office 2016, SQL Server 2019.
    Year(u16),
    /// The first numbers of its version: .NET 8.0, Visual Studio 17.8.
    Version {
        /// The first.
        major: u16,
        /// The second.
        minor: u16,
    },
    /// The first number of its version: ODBC driver 17.
    Major(u16),
    /// The Subscription Edition of Exchange and `SharePoint`.
    SubscriptionEdition,
}

/// A servicing branch of a release: its updates are not those of another branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Branch {
    /// Security fixes on the release or service pack alone (GDR), of SQL Server.
    Gdr,
    /// Security fixes on cumulative updates, of SQL Server.
    CumulativeUpdates,
    /// The Azure Connect pack of SQL Server 2016.
    AzureConnect,
    /// Office as Click-to-Run, not as single packages.
    ClickToRun,
    /// The long-term servicing channel of Office.
    Ltsc,
    /// The Extended Stable channel of Microsoft Edge.
    ExtendedStable,
}

/// What an application runs on.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Platform {
    /// Windows, or not named.
    #[default]
    Windows,
    /// macOS.
    MacOs,
    /// Linux.
    Linux,
    /// Phones, tablets, and apps of the Windows store.
    Mobile,
}

impl Application {
    /// An application of which only the family is known.
    pub fn new(family: ApplicationFamily) -> Self {
        Self {
            family,
            release: None,
            service_pack: 0,
            cumulative_update: None,
            branch: None,
            platform: Platform::Windows,
            architecture: None,
        }
    }

    /// Reads a name of Microsoft's documents; `None` where the whole name is not understood.
    pub fn of_name(name: &str) -> Option<Self> {
        read::application(name)
    }
}

impl ApplicationFamily {
    /// The name as Microsoft writes it, without its own.
    pub fn name(self) -> &'static str {
        match self {
            Self::Office => "Office",
            Self::Excel => "Excel",
            Self::Word => "Word",
            Self::PowerPoint => "PowerPoint",
            Self::Outlook => "Outlook",
            Self::Access => "Access",
            Self::Publisher => "Publisher",
            Self::OneNote => "OneNote",
            Self::Visio => "Visio",
            Self::Project => "Project",
            Self::InfoPath => "InfoPath",
            Self::SkypeForBusiness => "Skype for Business",
            Self::SkypeForBusinessBasic => "Skype for Business Basic",
            Self::Lync => "Lync",
            Self::LyncBasic => "Lync Basic",
            Self::Microsoft365Apps => "365 Apps",
            Self::OfficeOnlineServer => "Office Online Server",
            Self::OfficeWebApps => "Office Web Apps",
            Self::SharePointServer => "SharePoint Server",
            Self::SharePointFoundation => "SharePoint Foundation",
            Self::ProjectServer => "Project Server",
            Self::SqlServer => "SQL Server",
            Self::ExchangeServer => "Exchange Server",
            Self::SkypeForBusinessServer => "Skype for Business Server",
            Self::LyncServer => "Lync Server",
            Self::VisualStudio => "Visual Studio",
            Self::VisualStudioCode => "Visual Studio Code",
            Self::DotNet => ".NET",
            Self::AspNetCore => "ASP.NET Core",
            Self::PowerShell => "PowerShell",
            Self::Edge => "Edge",
            Self::MalwareProtectionEngine => "Malware Protection Engine",
            Self::AntimalwarePlatform => "Antimalware Platform",
            Self::OdbcDriver => "ODBC Driver for SQL Server",
            Self::OleDbDriver => "OLE DB Driver for SQL Server",
            Self::Teams => "Teams",
            Self::Dynamics365 => "Dynamics 365",
            Self::AzureDataStudio => "Azure Data Studio",
            Self::AzureCli => "Azure CLI",
            Self::AzureConnectedMachineAgent => "Azure Connected Machine Agent",
            Self::AzureMonitorAgent => "Azure Monitor Agent",
            Self::PcManager => "PC Manager",
            Self::RemoteDesktopClient => "Remote Desktop client",
            Self::PowerBiDesktop => "Power BI Desktop",
            Self::PowerAutomate => "Power Automate",
        }
    }
}

impl fmt::Display for ApplicationFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for ApplicationRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year}"),
            Self::Version { major, minor } => write!(f, "{major}.{minor}"),
            Self::Major(major) => write!(f, "{major}"),
            Self::SubscriptionEdition => f.write_str("Subscription Edition"),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.family)?;
        if let Some(release) = self.release {
            write!(f, " {release}")?;
        }
        if self.service_pack > 0 {
            write!(f, " SP{}", self.service_pack)?;
        }
        if let Some(update) = self.cumulative_update {
            write!(f, " CU{update}")?;
        }
        f.write_str(match self.branch {
            Some(Branch::Gdr) => " GDR",
            Some(Branch::CumulativeUpdates) if self.cumulative_update.is_none() => " CU",
            Some(Branch::CumulativeUpdates) | None => "",
            Some(Branch::AzureConnect) => " Azure Connect",
            Some(Branch::ClickToRun) => " Click-to-Run",
            Some(Branch::Ltsc) => " LTSC",
            Some(Branch::ExtendedStable) => " Extended Stable",
        })?;
        match self.architecture {
            Some(architecture) => write!(f, " {architecture}"),
            None => Ok(()),
        }
    }
}
