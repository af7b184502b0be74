//! Where the socket is, also when the path to it is longer than a socket's address may be.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// The socket's name in the state directory.
pub const SOCKET_FILE: &str = "control.sock";
/// Folder in which the socket is made before it gets its place. Nobody else can enter it, so that the socket is never
/// there with permissions wider than it should have.
const CRADLE: &str = "control.new";
/// Longest path that every Unix takes as a socket's address, less one byte for its end.
const MAX_ADDRESS: usize = 103;

/// Makes the socket, in place of one that an earlier process left behind.
pub(super) fn bind(state_dir: &Path) -> io::Result<UnixListener> {
    let cradle = state_dir.join(CRADLE);
    match fs::remove_dir_all(&cradle) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => fs::create_dir(&cradle)?,
    }
    fs::set_permissions(&cradle, Permissions::from_mode(0o700))?;
    let made = with_address(&cradle, UnixListener::bind)?;
    let (from, to) = (cradle.join(SOCKET_FILE), state_dir.join(SOCKET_FILE));
    fs::set_permissions(&from, Permissions::from_mode(0o600))?;
    fs::rename(from, to)?;
    fs::remove_dir(cradle)?;
    Ok(made)
}

/// Calls the daemon that listens there.
pub(super) async fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let (address, _folder) = address(state_dir)?;
    UnixStream::connect(address).await
}

fn with_address<T>(folder: &Path, use_it: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let (address, _folder) = address(folder)?;
    use_it(address)
}

/// The socket's path; a long one goes by way of the open folder, which must stay open meanwhile.
fn address(folder: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let path = folder.join(SOCKET_FILE);
    if path.as_os_str().len() <= MAX_ADDRESS {
        return Ok((path, None));
    }
    let open = File::open(folder)?;
    let by_number = format!("/proc/self/fd/{}/{SOCKET_FILE}", open.as_raw_fd());
    Ok((by_number.into(), Some(open)))
}
