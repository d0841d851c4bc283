//! Names that are parts of a software id already, as Defender's exports have them.

/// Whether vendor and name are the parts of a software id: lower case, without blanks.
pub(crate) fn is(vendor: &str, name: &str) -> bool {
    // What joins vendor and name cannot be within the vendor.
    let joint = vendor.contains("-_-") || vendor.ends_with("-_");
    !joint && is_part(vendor) && is_part(name)
}

fn is_part(text: &str) -> bool {
    let stands = |c: char| !c.is_whitespace() && !c.is_control() && c.to_lowercase().eq([c]);
    !text.is_empty() && text.chars().all(stands)
}
