//! Names that are parts of a software id already, as Defender's exports have them.

/// Whether vendor and name are the parts of a software id: lower case, without blanks.
pub(crate) fn is(vendor: &str, name: &str) -> bool {
    is_part(vendor) && is_part(name)
}

/// Whether a text can stand in a software id as it is.
pub(crate) fn is_part(text: &str) -> bool {
    let stands = |c: char| !c.is_whitespace() && !c.is_control() && c.to_lowercase().eq([c]);
    // What joins vendor and name cannot be within either.
    let joint = text.contains("-_-") || text.ends_with("-_");
    !text.is_empty() && !joint && text.chars().all(stands)
}
