//! Style sheet, scripts and icon: parts of the program, each under a name with its content's hash in it, so that readers
//! may keep it for ever.

/// A file that pages refer to.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its name in URLs: `portal.0123456789abcdef.css`.
    pub name: String,
    /// What it is.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Assets(Vec<(&'static str, Asset)>);

/// Where they are.
const FOLDER: &str = "/assets/";

const FILES: &[(&str, &str, &[u8])] = &[
    (
        "portal.css",
        "text/css; charset=utf-8",
        include_bytes!("../assets/portal.css"),
    ),
    (
        "portal.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/portal.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_bytes!("../assets/icon.svg"),
    ),
];

impl Assets {
    /// Names them by their content.
    pub(crate) fn new() -> Self {
        let assets = FILES.iter().map(|(file, media_type, bytes)| {
            let hash = blake3::hash(bytes).to_hex();
            let (stem, extension) = file.split_once('.').unwrap_or((file, ""));
            let asset = Asset {
                name: format!("{stem}.{}.{extension}", &hash[..16]),
                media_type,
                bytes,
            };
            (*file, asset)
        });
        Self(assets.collect())
    }

    /// The path of a file, by its name without the hash.
    pub(crate) fn path(&self, file: &str) -> String {
        let found = self.0.iter().find(|(known, _)| *known == file);
        let name = found.map_or(file, |(_, asset)| &asset.name);
        format!("{FOLDER}{name}")
    }

    /// A file, by its name with the hash.
    pub fn find(&self, name: &str) -> Option<&Asset> {
        let mut assets = self.0.iter().map(|(_, asset)| asset);
        assets.find(|asset| asset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_the_hash_of_its_content() {
        let assets = Assets::new();
        for (file, _, bytes) in FILES {
            let path = assets.path(file);
            let asset = assets.find(path.strip_prefix(FOLDER).unwrap()).unwrap();
            assert_eq!(asset.bytes, *bytes);
            assert!(path.contains(&blake3::hash(bytes).to_hex()[..16]), "{path}");
        }
        assert!(assets.find("portal.css").is_none());
    }
}
