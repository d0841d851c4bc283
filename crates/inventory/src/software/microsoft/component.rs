//! Components of Windows that a software list names with a version of their own.

use kbgap_catalog::SoftwareId;

use super::super::id_form;

const MICROSOFT: &str = "microsoft";

/// The component of Windows that an entry of a software list is, and the version it tells;
/// `None` where it is none.
///
/// The .NET Framework has its version in its name, Internet Explorer and Edge have it in the entry.
/// Defender's names are understood too; its `edge` is EdgeHTML, which comes with Windows.
pub fn component<'a>(
    vendor: &str,
    name: &'a str,
    version: &'a str,
) -> Option<(SoftwareId, &'a str)> {
    if !vendor.is_empty() && !starts(vendor, MICROSOFT) {
        return None;
    }
    let ids = id_form::is(vendor, name);
    let bare = if starts(name, "microsoft ") {
        name.get("microsoft ".len()..)?
    } else {
        name
    };
    let bare = bare.trim();
    let found = |id: &str, version| Some((SoftwareId::of(MICROSOFT, id), version));
    if starts(bare, ".net framework ") {
        // `.NET Framework 4.8 SDK` and targeting packs are not the framework.
        let mut words = bare.get(".net framework ".len()..)?.split_whitespace();
        let version = words.next()?;
        let alone = words.next().is_none() && version.starts_with(|c: char| c.is_ascii_digit());
        return found(".NET Framework", version).filter(|_| alone);
    }
    let is = |other: &str| bare.eq_ignore_ascii_case(other);
    if is(".net framework") || is(".net_framework") {
        found(".NET Framework", version)
    } else if is("internet explorer") || is("internet_explorer") {
        found("Internet Explorer", version)
    } else if is("edge_chromium-based") || (is("edge") && !ids) {
        found("Edge Chromium-based", version)
    } else {
        None
    }
}

fn starts(text: &str, head: &str) -> bool {
    text.get(..head.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(vendor: &str, name: &str, version: &str) -> Option<String> {
        component(vendor, name, version).map(|(id, version)| format!("{id} {version}"))
    }

    #[test]
    fn the_framework_is_told_from_its_tools() {
        let corporation = "Microsoft Corporation";
        assert_eq!(
            told(corporation, "Microsoft .NET Framework 4.8", "4.8.03761").as_deref(),
            Some("microsoft-_-.net_framework 4.8")
        );
        assert_eq!(
            told(corporation, "Microsoft .NET Framework 4.8 SDK", "4.8.03928"),
            None
        );
        assert_eq!(
            told("", "Internet Explorer", "11.0.9600").as_deref(),
            Some("microsoft-_-internet_explorer 11.0.9600")
        );
        assert_eq!(told("Somebody Else", "Internet Explorer", "11"), None);
    }

    #[test]
    fn edge_of_the_uninstall_list_is_not_edge_of_defender() {
        let chromium = Some("microsoft-_-edge_chromium-based 143.0.3650.96".to_owned());
        let version = "143.0.3650.96";
        assert_eq!(
            told("Microsoft Corporation", "Microsoft Edge", version),
            chromium
        );
        assert_eq!(told("microsoft", "edge_chromium-based", version), chromium);
        assert_eq!(told("microsoft", "edge", "10.0.17763.1637"), None);
    }
}
