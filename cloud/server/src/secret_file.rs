//! Files that hold a secret: private keys, passwords, credentials.
//!
//! In: a path. Out: what it holds. Never reads one that everybody on this machine may read or write: who may read it can sign
//! in with it, who may write it can put their own there. Its group may, so that a service that makes certificates can bring them.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What others than owner and group may do.
const OTHERS: u32 = 0o007;

/// Why a file does not do.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It is missing, out of reach, or no text.
    #[error("cannot be read")]
    Read(#[source] std::io::Error),
    /// It is open to others.
    #[error("may be used by everybody on this machine (mode {mode:04o}). Take that away: chmod o= {}", path.display())]
    Everybody {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// What a secret file holds, exactly as written.
///
/// # Errors
/// [`SecretFileError`].
pub fn read(path: &Path) -> Result<String, SecretFileError> {
    // The mode of what is read, not of what has the name a moment later.
    let mut file = std::fs::File::open(path).map_err(SecretFileError::Read)?;
    let mode = file.metadata().map_err(SecretFileError::Read)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(SecretFileError::Everybody { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(SecretFileError::Read)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn owner_and_group_may_and_others_may_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret\n").unwrap();
        let check = |mode: u32, expect: bool| {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            match read(&path) {
                Ok(text) => assert!(expect && text == "s3cret\n", "{mode:o}"),
                Err(error) => {
                    let told = error.to_string();
                    let mend = format!("chmod o= {}", path.display());
                    assert!(
                        !expect && told.contains(&mend) && told.contains(&format!("{mode:04o}")),
                        "{told}"
                    );
                }
            }
        };
        [0o400, 0o600, 0o640, 0o660].iter().for_each(|mode| check(*mode, true));
        [0o644, 0o604, 0o602, 0o601, 0o666].iter().for_each(|mode| check(*mode, false));
        assert!(matches!(read(&folder.path().join("nowhere")), Err(SecretFileError::Read(_))));
    }
}
