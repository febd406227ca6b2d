//! A copy of the SQLite file as of one moment, while others write.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Database, StorageError, connection::LONG};
use crate::blocking::blocking;

impl Database {
    /// Copies the database into `file`, which its owner alone can read, and which must not exist; gives its length. A copy
    /// that breaks off is never called `file`.
    pub async fn back_up(&self, file: &Path) -> Result<u64, BackupError> {
        if let Self::Postgres(_) = self {
            return Err(BackupError::OfServer);
        }
        let (file, partial) = (file.to_owned(), partial(file)?);
        let (made, wanted) = (partial.clone(), file.clone());
        blocking(move || if wanted.exists() { Err(BackupError::Exists(wanted)) } else { create(&made) }).await?;
        let written = async {
            self.copy_into(&partial).await?;
            let partial = partial.clone();
            blocking(move || keep(&partial, file)).await
        };
        let outcome = written.await;
        blocking(move || fs::remove_file(partial)).await.ok();
        outcome
    }

    async fn copy_into(&self, file: &Path) -> Result<(), StorageError> {
        let name = file.to_str().ok_or(StorageError::Settings("the name of a backup must be UTF-8"))?.to_owned();
        on_connection!(self, reader, LONG, |connection, _pools| {
            sqlx::query("VACUUM INTO $1").bind(name).execute(connection).await?;
            Ok(())
        })
    }
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has programs of its own for that.
    #[error(
        "the database is a PostgreSQL server, which this command does not back up: use `pg_dump --format=custom --file FILE`, \
         or the server's continuous archiving"
    )]
    OfServer,
    /// Nothing is overwritten.
    #[error("{} exists, and is not overwritten: name another file, or remove it", .0.display())]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn partial(file: &Path) -> Result<PathBuf, BackupError> {
    let Some(name) = file.file_name() else { return Err(at(file)(io::ErrorKind::InvalidFilename.into())) };
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(file.with_file_name(name))
}

/// An empty file that nobody else can read, for SQLite to fill. What an earlier backup left there when it was killed goes.
fn create(partial: &Path) -> Result<(), BackupError> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(partial)(error)),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).map(drop).map_err(at(partial))
}

/// Gives it its name, once it is on the disk. Unlike a rename, a link takes the place of nothing.
fn keep(partial: &Path, file: PathBuf) -> Result<u64, BackupError> {
    let written = File::open(partial).map_err(at(partial))?;
    written.sync_all().map_err(at(partial))?;
    fs::hard_link(partial, &file).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(file.clone()),
        _ => at(&file)(error),
    })?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    Ok(written.metadata().map_err(at(&file))?.len())
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError + use<'_> {
    |source| BackupError::Io { path: path.to_owned(), source }
}
