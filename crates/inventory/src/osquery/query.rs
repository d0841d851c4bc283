//! The queries of kbgap's pack, told by their names.

/// What is asked of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Query {
    /// The operating system, with values of the registry and the host's names.
    Os,
    /// The installed updates.
    Updates,
    /// The installed software.
    Software,
}

/// The name of the pack, which stands in the name of each query.
const PACK: &str = "kbgap";

impl Query {
    /// The query of a name: `kbgap_os`, `pack_kbgap_os`, `pack/kbgap/os`, `pack/Global/kbgap_os`. What delimits the
    /// names of pack and query is the host's to set.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (before, query) = name.rsplit_once(PACK)?;
        if before.ends_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let bare = query.trim_start_matches(|c: char| !c.is_alphanumeric());
        if bare.len() == query.len() {
            return None;
        }
        match bare {
            "os" => Some(Self::Os),
            "updates" => Some(Self::Updates),
            "software" => Some(Self::Software),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_told_whatever_the_delimiter() {
        for (name, query) in [
            ("kbgap_os", Some(Query::Os)),
            ("pack_kbgap_updates", Some(Query::Updates)),
            ("pack/kbgap/software", Some(Query::Software)),
            ("pack/Global/kbgap_os", Some(Query::Os)),
            ("pack_kbgap_processes", None),
            ("pack_mykbgap_os", None),
            ("kbgapos", None),
            ("kbgap", None),
            ("os", None),
            ("", None),
        ] {
            assert_eq!(Query::of_name(name), query, "{name}");
        }
    }
}
