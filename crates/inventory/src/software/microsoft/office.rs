//! Office: packages (MSI), Click-to-Run, and single applications.

use kbgap_catalog::{Application, ApplicationFamily, ApplicationRelease, Branch, Version};

use super::VersionKind;
use super::{Name, Seen, installed, year};

const STANDARD: &[ApplicationFamily] = &[
    ApplicationFamily::Excel,
    ApplicationFamily::Word,
    ApplicationFamily::PowerPoint,
    ApplicationFamily::Outlook,
    ApplicationFamily::Publisher,
    ApplicationFamily::OneNote,
];
const PROFESSIONAL: &[ApplicationFamily] = &[
    ApplicationFamily::Excel,
    ApplicationFamily::Word,
    ApplicationFamily::PowerPoint,
    ApplicationFamily::Outlook,
    ApplicationFamily::Publisher,
    ApplicationFamily::OneNote,
    ApplicationFamily::Access,
];
const HOME: &[ApplicationFamily] = &[
    ApplicationFamily::Excel,
    ApplicationFamily::Word,
    ApplicationFamily::PowerPoint,
    ApplicationFamily::OneNote,
];

/// Reads an entry of Office.
pub(super) fn read(name: &Name<'_>, version: Option<Version>) -> Option<Seen> {
    use ApplicationFamily as F;
    let click_to_run = |family, release, branch| {
        let mut found = installed(family, release, name, version);
        found.application.branch = branch;
        Some(Seen::Application(found))
    };
    match name.words {
        ["365"]
        | ["365", "apps", "for", "enterprise" | "business"]
        | ["office", "365"]
        | ["office", "365", "proplus" | "business"] => {
            click_to_run(F::Microsoft365Apps, None, None)
        }
        ["office", "ltsc", "professional", "plus", release]
        | ["office", "ltsc", "standard", release] => {
            click_to_run(F::Office, Some(year(release)?), Some(Branch::Ltsc))
        }
        ["office", edition @ .., release] if parts(edition).is_some() => {
            let release = year(release)?;
            match release {
                // From 2019 on there are no packages; 2021 without LTSC is in no document.
                ApplicationRelease::Year(2019) => click_to_run(F::Office, Some(release), None),
                ApplicationRelease::Year(2020..) => None,
                _ if name.language => {
                    click_to_run(F::Office, Some(release), Some(Branch::ClickToRun))
                }
                _ => Some(Seen::Suite {
                    suite: Application {
                        release: Some(release),
                        architecture: name.architecture,
                        ..Application::new(F::Office)
                    },
                    version,
                    parts: parts(edition)?,
                }),
            }
        }
        [application, "mui", language, release]
            if language.starts_with('(') && language.ends_with(')') =>
        {
            Some(Seen::Component(family(application)?, year(release)?))
        }
        _ if name.language => None,
        ["skype", "for", "business", rest @ ..] => {
            let (family, release) = match rest {
                ["basic", release] => (F::SkypeForBusinessBasic, release),
                [release] => (F::SkypeForBusiness, release),
                _ => return None,
            };
            package(family, release, name, version)
        }
        ["lync", "basic", release] => package(F::LyncBasic, release, name, version),
        [
            application @ ("visio" | "project"),
            "standard" | "professional" | "premium",
            release,
        ]
        | [application, release] => match family(application)? {
            F::Office => None,
            family => package(family, release, name, version),
        },
        _ => None,
    }
}

/// A single application of Office, as a package.
fn package(
    family: ApplicationFamily,
    release: &str,
    name: &Name<'_>,
    version: Option<Version>,
) -> Option<Seen> {
    let release = year(release)?;
    if release >= ApplicationRelease::Year(2019) {
        return None;
    }
    let mut found = installed(family, Some(release), name, version);
    found.kind = VersionKind::Setup;
    Some(Seen::Application(found))
}

/// The applications of an edition of the suite.
fn parts(edition: &[&str]) -> Option<&'static [ApplicationFamily]> {
    match edition {
        ["professional", "plus"] | ["professional"] => Some(PROFESSIONAL),
        ["standard"] => Some(STANDARD),
        ["home", "and", "business" | "student"] | ["personal"] => Some(HOME),
        _ => None,
    }
}

/// The application of Office of this name, in lower case.
pub(super) fn family(word: &str) -> Option<ApplicationFamily> {
    use ApplicationFamily as F;
    Some(match word {
        "office" => F::Office,
        "excel" => F::Excel,
        "word" => F::Word,
        "powerpoint" => F::PowerPoint,
        "outlook" => F::Outlook,
        "access" => F::Access,
        "publisher" => F::Publisher,
        "onenote" => F::OneNote,
        "visio" => F::Visio,
        "project" => F::Project,
        "infopath" => F::InfoPath,
        "lync" => F::Lync,
        _ => return None,
    })
}
