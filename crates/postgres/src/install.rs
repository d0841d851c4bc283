//! The installed server: where its programs are, and as whom they run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::ServerError;

/// Where Debian puts the programs: a folder for each major release.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Names the folder of the programs, where it is another one.
const VARIABLE: &str = "KBGAP_POSTGRES_BIN";

/// The installed programs.
#[derive(Debug, Clone)]
pub(crate) struct Install {
    programs: PathBuf,
    /// As whom the server runs where this process is root's: PostgreSQL refuses to run as root.
    user: Option<User>,
}

impl Install {
    /// Finds the newest release installed.
    pub(crate) fn find() -> Result<Self, ServerError> {
        let programs = match std::env::var_os(VARIABLE) {
            Some(named) => {
                let named = PathBuf::from(named);
                if !named.join("initdb").is_file() {
                    return Err(ServerError::NotThere(named));
                }
                named
            }
            None => newest(Path::new(DEBIAN)).ok_or(ServerError::NotInstalled)?,
        };
        let user = if geteuid().is_root() {
            let found = User::from_name("postgres").map_err(std::io::Error::from);
            let found = found.map_err(ServerError::system("cannot look up the user 'postgres'"))?;
            Some(found.ok_or(ServerError::NoUser)?)
        } else {
            None
        };
        Ok(Self { programs, user })
    }

    /// Gives a file or folder to whom the server runs as.
    pub(crate) fn give(&self, path: &Path) -> Result<(), ServerError> {
        let Some(user) = &self.user else {
            return Ok(());
        };
        std::os::unix::fs::chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(
            ServerError::system(format!("cannot give away {}", path.display())),
        )
    }

    /// A program of the server, run as whom it may.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.as_user(self.programs.join(name).as_os_str())
    }

    /// Any program, run as whom the server runs.
    pub(crate) fn as_user(&self, program: &OsStr) -> Command {
        let Some(user) = &self.user else {
            return Command::new(program);
        };
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", user.uid))
            .arg(format!("--regid={}", user.gid))
            .arg("--init-groups")
            .arg(program)
            .env("HOME", "/");
        command
    }
}

/// The programs' folder of the newest release under a folder.
fn newest(folder: &Path) -> Option<PathBuf> {
    let releases = std::fs::read_dir(folder).ok()?.filter_map(|entry| {
        let path = entry.ok()?.path();
        let release: u32 = path.file_name()?.to_str()?.parse().ok()?;
        let programs = path.join("bin");
        programs
            .join("initdb")
            .is_file()
            .then_some((release, programs))
    });
    releases.max().map(|(_, programs)| programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_with_a_server_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        for (release, program) in [
            ("9", "initdb"),
            ("15", "initdb"),
            ("17", "psql"),
            ("common", "initdb"),
        ] {
            let programs = folder.path().join(release).join("bin");
            std::fs::create_dir_all(&programs).unwrap();
            std::fs::write(programs.join(program), "").unwrap();
        }
        assert_eq!(newest(folder.path()), Some(folder.path().join("15/bin")));
        assert_eq!(newest(Path::new("/nowhere")), None);
    }
}
