//! The overview: how large the gap is, and what closes most of it.

use askama::Template;

use crate::charts::Chart;
use crate::frame::Frame;
use crate::table::Look;

/// The overview.
#[derive(Template)]
#[template(path = "overview.html")]
pub struct Overview<'a> {
    /// What surrounds it.
    pub c: &'a Frame,
    /// What should be looked at before anything else is believed.
    pub alarms: Vec<String>,
    /// The figures, each leading to its list.
    pub tiles: Vec<Tile>,
    /// What installing some updates closes, in a sentence.
    pub closing_headline: String,
    /// These updates.
    pub closing: Vec<ClosingRow>,
    /// What no update closes, in a sentence.
    pub without_fix: Option<String>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// How new everything is: the message that names each, and its value.
    pub freshness: Vec<(&'static str, String)>,
}

/// A figure.
#[derive(Debug, Clone)]
pub struct Tile {
    /// The figure.
    pub figure: String,
    /// Of what.
    pub what: String,
    /// Where it leads.
    pub href: String,
    /// How it looks.
    pub look: Look,
}

/// An update that closes much.
#[derive(Debug, Clone)]
pub struct ClosingRow {
    /// `KB4540673`.
    pub kb: String,
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// How many machines lack it.
    pub machines: String,
    /// How many exploited vulnerabilities it closes.
    pub exploited: String,
    /// What share of all that is open it closes.
    pub share: String,
    /// The same together with those before it.
    pub so_far: String,
}
