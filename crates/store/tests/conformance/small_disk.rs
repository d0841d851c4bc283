//! A disk of a few megabytes, to be filled.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A folder on a filesystem of its own, gone with this process.
pub(crate) struct SmallDisk {
    folder: PathBuf,
    remover: Child,
}

/// Unmounts the disk when this process's end of the pipe closes, for whatever reason.
const REMOVER: &str = r#"cat >/dev/null; umount -l "$1"; rmdir "$1""#;

impl SmallDisk {
    pub(crate) fn of(megabytes: u32) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "a disk can only be filled by root, who may mount one: run this test as root"
        );
        let folder = tempfile::tempdir().unwrap().keep();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={megabytes}m,mode=0700"))
            .arg("kbgap-test")
            .arg(&folder)
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "no disk can be mounted at {}",
            folder.display()
        );
        let remover = Command::new("sh")
            .args(["-c", REMOVER, "kbgap-test-remover"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self { folder, remover }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        self.remover.wait().unwrap();
    }
}
