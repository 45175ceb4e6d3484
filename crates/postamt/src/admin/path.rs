//! Where the admin socket lies: `admin.sock` in the data folder.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The socket's name.
const NAME: &str = "admin.sock";
/// What fits into a socket's address beside the NUL (unix(7)).
const PATH_OCTETS_MAX: usize = 107;

/// A path by which the socket can be bound or connected to, as long as this value lives.
pub struct Reach {
    path: PathBuf,
    /// The folder, where its name is too long for a socket's address.
    _folder: Option<OwnedFd>,
}

impl Reach {
    /// The way to the socket in `data`: its path, or a short one by an open folder where that is too long.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn of(data: &Path) -> io::Result<Reach> {
        let path = file(data);
        if path.as_os_str().len() <= PATH_OCTETS_MAX {
            return Ok(Reach { path, _folder: None });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(data, flags, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()));
        if !path.parent().is_some_and(Path::exists) {
            let text = format!(
                "its path has more than {PATH_OCTETS_MAX} octets, which is the longest for a socket, and /proc is not \
                 there to shorten it; choose a data folder with a shorter path"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Reach { path, _folder: Some(folder) })
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The socket of the server whose data folder is `data`, as people call it.
pub fn file(data: &Path) -> PathBuf {
    data.join(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_deep_folder_is_reached_as_well() {
        let top = tempfile::tempdir().unwrap();
        let deep =
            top.path().join("a-folder-with-a-long-name-of-sixty-octets-or-something-near-it").join("x".repeat(80));
        std::fs::create_dir_all(&deep).unwrap();
        assert!(UnixListener::bind(file(&deep)).is_err());
        let _listener = UnixListener::bind(Reach::of(&deep).unwrap().path()).unwrap();
        assert!(file(&deep).exists());
        UnixStream::connect(Reach::of(&deep).unwrap().path()).unwrap();
        assert_eq!(Reach::of(top.path()).unwrap().path(), file(top.path()));
    }
}
