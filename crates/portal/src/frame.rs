//! What surrounds every page: its language, its looks, its navigation, and who reads it.

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_catalog::Day;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::assets::Assets;
use crate::figures::{Figures, FiguresError};
use crate::language::Language;
use crate::messages::{Argument, CatalogueError, Messages};
use crate::theme::Theme;
use crate::viewer::{Role, Viewer};

/// What of an id is written in a path by its code (RFC 3986, section 2.3).
const NON_ALPHANUMERIC_BUT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What all pages share: words, forms of numbers, files.
pub struct Portal {
    messages: Messages,
    figures: [Figures; 2],
    /// Style sheet, scripts, icon.
    pub assets: Assets,
}

/// Why the portal cannot be made: a slip of this crate, which its tests find.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// Its words.
    #[error(transparent)]
    Messages(#[from] CatalogueError),
    /// Its numbers and dates.
    #[error(transparent)]
    Figures(#[from] FiguresError),
}

impl Portal {
    /// Reads what is part of the program.
    pub fn new() -> Result<Self, PortalError> {
        let [english, chinese] = Language::ALL.map(Figures::of);
        Ok(Self {
            messages: Messages::new()?,
            figures: [english?, chinese?],
            assets: Assets::new(),
        })
    }
}

/// A part of the portal, as the navigation lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The overview.
    Overview,
    /// Software.
    Software,
    /// Missing updates.
    Updates,
    /// Machines.
    Machines,
    /// Weaknesses.
    Weaknesses,
    /// Remediation tasks.
    Tasks,
    /// Administration.
    Administration,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Overview,
        Self::Software,
        Self::Updates,
        Self::Machines,
        Self::Weaknesses,
        Self::Tasks,
        Self::Administration,
    ];

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Software => "/software",
            Self::Updates => "/updates",
            Self::Machines => "/machines",
            Self::Weaknesses => "/weaknesses",
            Self::Tasks => "/tasks",
            Self::Administration => "/administration",
        }
    }

    /// The path of something in it, by its id.
    pub fn item(self, id: &str) -> String {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC_BUT);
        format!("{}/{id}", self.path())
    }

    /// The message that names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Overview => "nav-overview",
            Self::Software => "nav-software",
            Self::Updates => "nav-updates",
            Self::Machines => "nav-machines",
            Self::Weaknesses => "nav-weaknesses",
            Self::Tasks => "nav-tasks",
            Self::Administration => "nav-administration",
        }
    }

    /// Who sees it.
    pub const fn role(self) -> Role {
        match self {
            Self::Administration => Role::Administer,
            _ => Role::View,
        }
    }

    /// Whether there are pages of it. Navigation leads only to what is there.
    pub const fn is_there(self) -> bool {
        !matches!(self, Self::Tasks | Self::Administration)
    }
}

/// What surrounds a page.
#[derive(Clone)]
pub struct Frame {
    portal: Arc<Portal>,
    /// The language.
    pub language: Language,
    /// The looks.
    pub theme: Theme,
    /// Who reads it; `None` on pages about what went wrong before that was known.
    pub viewer: Option<Viewer>,
    /// The part of the portal it is in.
    pub section: Option<Section>,
    /// The path and query it was asked for by, to come back to.
    pub here: String,
}

/// An entry of the navigation.
pub struct NavigationEntry {
    /// Where it leads.
    pub path: &'static str,
    /// What it says.
    pub label: String,
    /// Whether the page is in it.
    pub current: bool,
}

/// A link that changes how pages are shown.
pub struct Preference {
    /// Where it leads.
    pub href: String,
    /// What it says.
    pub label: String,
    /// The language of what it says.
    pub language: &'static str,
    /// Whether it is so already.
    pub current: bool,
}

impl Frame {
    /// The frame of a page.
    pub fn new(portal: Arc<Portal>, language: Language, theme: Theme, here: String) -> Self {
        Self {
            portal,
            language,
            theme,
            viewer: None,
            section: None,
            here,
        }
    }

    /// The same for who reads it.
    #[must_use]
    pub fn read_by(self, viewer: Viewer) -> Self {
        Self {
            viewer: Some(viewer),
            ..self
        }
    }

    /// A message.
    pub fn t(&self, id: &str) -> String {
        self.message(id, &[])
    }

    /// A message with an argument.
    pub fn t1<'a>(&self, id: &str, name: &str, value: impl Into<Argument<'a>>) -> String {
        self.message(id, &[(name, value.into())])
    }

    /// A message with two arguments.
    pub fn t2<'a>(
        &self,
        id: &str,
        name: &str,
        value: impl Into<Argument<'a>>,
        other: &str,
        second: impl Into<Argument<'a>>,
    ) -> String {
        self.message(id, &[(name, value.into()), (other, second.into())])
    }

    /// A message with arguments.
    pub fn message(&self, id: &str, arguments: &[(&str, Argument<'_>)]) -> String {
        self.portal.messages.text(self.language, id, arguments)
    }

    /// A whole number.
    pub fn number(&self, number: impl TryInto<u64>) -> String {
        let number = number.try_into().unwrap_or(u64::MAX);
        self.figures().number(number)
    }

    /// A number with digits after the point.
    pub fn decimal(&self, number: f64, digits: u8) -> String {
        self.figures().decimal(number, digits)
    }

    /// A day.
    pub fn day(&self, day: Day) -> String {
        self.figures().day(day)
    }

    /// The month of a day.
    pub fn month(&self, day: Day) -> String {
        self.figures().month(day)
    }

    /// A moment.
    pub fn moment(&self, moment: Timestamp) -> String {
        self.figures().moment(moment)
    }

    /// The path of a style sheet, script or icon.
    pub fn asset(&self, file: &str) -> String {
        self.portal.assets.path(file)
    }

    /// The navigation, as the reader may use it.
    pub fn navigation(&self) -> Vec<NavigationEntry> {
        let Some(viewer) = &self.viewer else {
            return Vec::new();
        };
        let sections = Section::ALL.into_iter();
        let sections = sections.filter(|section| section.is_there() && viewer.may(section.role()));
        sections
            .map(|section| NavigationEntry {
                path: section.path(),
                label: self.t(section.label()),
                current: self.section == Some(section),
            })
            .collect()
    }

    /// The languages to choose from.
    pub fn languages(&self) -> Vec<Preference> {
        let languages = Language::ALL.into_iter();
        languages
            .map(|language| Preference {
                href: self.preference("lang", language.tag()),
                label: language.name().to_owned(),
                language: language.tag(),
                current: language == self.language,
            })
            .collect()
    }

    /// The looks to choose from.
    pub fn themes(&self) -> Vec<Preference> {
        let themes = Theme::ALL.into_iter();
        themes
            .map(|theme| Preference {
                href: self.preference("theme", theme.name()),
                label: self.t(theme.label()),
                language: self.language.tag(),
                current: theme == self.theme,
            })
            .collect()
    }

    fn preference(&self, name: &str, value: &str) -> String {
        let pairs = [(name, value), ("back", self.here.as_str())];
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("/preferences?{query}")
    }

    fn figures(&self) -> &Figures {
        match self.language {
            Language::English => &self.portal.figures[0],
            Language::TraditionalChinese => &self.portal.figures[1],
        }
    }
}
