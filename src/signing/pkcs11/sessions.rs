//! A bounded pool of sessions that are logged in, so that several threads sign at once. One that fails is closed with
//! all others of its age, and what it did is done once more in a new one.

use std::{
    fmt,
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cryptoki::{
    context::Pkcs11,
    error::{Error, RvError},
    session::{Session, UserType},
    slot::Limit,
};
use secrecy::SecretString;

use super::{
    Pkcs11Settings,
    error::Pkcs11Error,
    module::{find_token, initialise, load},
};

/// As many as small HSMs grant to all their users together; a larger one is not kept busy by more, for each waits for
/// the one below it.
const MOST_SESSIONS: usize = 16;
/// A token that lets nobody in for this long does not sign at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// A token that forgets its sessions again and again does not sign.
const ATTEMPTS: usize = 5;

pub(super) struct Sessions {
    module: Pkcs11,
    path: PathBuf,
    label: String,
    pin: SecretString,
    /// Why the token refused the PIN. Held while logging in, so that a wrong one costs one attempt of the few.
    refused: Mutex<Option<RvError>>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

struct Pool {
    idle: Vec<Session>,
    /// Idle and lent ones.
    open: usize,
    most: usize,
    /// Rises with each failure. Sessions and object handles of another generation are not used any more.
    generation: u64,
}

impl Sessions {
    pub(super) fn open(settings: &Pkcs11Settings) -> Result<Self, Pkcs11Error> {
        let module = load(&settings.module)?;
        let (_, token) = find_token(&module, &settings.module, &settings.token)?;
        let most = match token.max_session_count() {
            Limit::Max(most) => usize::try_from(most).unwrap_or(MOST_SESSIONS).clamp(1, MOST_SESSIONS),
            Limit::Unavailable | Limit::Infinite => MOST_SESSIONS,
        };
        let sessions = Self {
            module,
            path: settings.module.clone(),
            label: settings.token.clone(),
            pin: settings.pin.clone(),
            refused: Mutex::new(None),
            pool: Mutex::new(Pool { idle: Vec::new(), open: 0, most, generation: 0 }),
            returned: Condvar::new(),
        };
        sessions.with(|_, _| Ok(()))?;
        Ok(sessions)
    }

    /// Does `work` in a session, told with its generation; again in a new one when that might help.
    ///
    /// Again and again: where a token counts its sessions anew, closing one that it forgot can close another's new one of
    /// the same number.
    pub(super) fn with<T>(&self, work: impl Fn(&Session, u64) -> Result<T, Pkcs11Error>) -> Result<T, Pkcs11Error> {
        let mut attempt = 1;
        loop {
            let outcome = self.try_with(&work);
            if attempt == ATTEMPTS || !outcome.as_ref().is_err_and(Pkcs11Error::is_of_the_session) {
                return outcome;
            }
            attempt += 1;
        }
    }

    fn try_with<T>(&self, work: impl Fn(&Session, u64) -> Result<T, Pkcs11Error>) -> Result<T, Pkcs11Error> {
        let lent = self.lend()?;
        let outcome = work(&lent.session, lent.generation);
        if outcome.as_ref().is_err_and(Pkcs11Error::is_of_the_session) {
            self.discard(lent.generation);
        } else {
            lent.give_back();
        }
        outcome
    }

    fn lend(&self) -> Result<Lent<'_>, Pkcs11Error> {
        loop {
            let waits = |pool: &mut Pool| pool.idle.is_empty() && pool.open >= pool.most;
            let waited = self.returned.wait_timeout_while(self.pool(), PATIENCE, waits);
            let (mut pool, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                let (label, seconds) = (self.label.clone(), PATIENCE.as_secs());
                return Err(Pkcs11Error::Busy { label, sessions: pool.most, seconds });
            }
            let generation = pool.generation;
            if let Some(session) = pool.idle.pop() {
                return Ok(Lent { seat: Seat(self), session, generation });
            }
            pool.open += 1;
            drop(pool);
            let seat = Seat(self);
            match self.open_session() {
                Ok(session) => return Ok(Lent { seat, session, generation }),
                // Others use the token too: what we have must do, if we have any.
                Err(Pkcs11Error::Failed(Error::Pkcs11(RvError::SessionCount, _))) if self.has_other_than(&seat) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn has_other_than(&self, _seat: &Seat<'_>) -> bool {
        let mut pool = self.pool();
        let others = pool.open - 1;
        pool.most = pool.most.min(others).max(1);
        others > 0
    }

    fn open_session(&self) -> Result<Session, Pkcs11Error> {
        initialise(&self.module)?;
        let (slot, token) = find_token(&self.module, &self.path, &self.label)?;
        let session = match token.write_protected() {
            true => self.module.open_ro_session(slot)?,
            false => self.module.open_rw_session(slot)?,
        };
        self.log_in(&session)?;
        Ok(session)
    }

    fn log_in(&self, session: &Session) -> Result<(), Pkcs11Error> {
        use RvError::{PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked, UserAlreadyLoggedIn};
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_none() {
            match session.login(UserType::User, Some(&self.pin)) {
                // One login is for all sessions of the process.
                Ok(()) | Err(Error::Pkcs11(UserAlreadyLoggedIn, _)) => return Ok(()),
                Err(Error::Pkcs11(reason @ (PinExpired | PinIncorrect | PinInvalid | PinLenRange | PinLocked), _)) => {
                    *refused = Some(reason)
                }
                Err(error) => return Err(error.into()),
            }
        }
        match *refused {
            Some(reason) => Err(Pkcs11Error::PinRefused { label: self.label.clone(), reason }),
            None => Ok(()),
        }
    }

    /// Closes all sessions of a generation: those that are lent, when they come back.
    fn discard(&self, generation: u64) {
        let mut pool = self.pool();
        if pool.generation != generation {
            return; // another thread has
        }
        tracing::warn!(token = self.label, "the token forgot its sessions; new ones are opened");
        pool.generation += 1;
        let closed = std::mem::take(&mut pool.idle);
        pool.open -= closed.len();
        drop(pool); // closing them asks the token
        drop(closed);
        self.returned.notify_all();
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({:?} in {})", self.label, self.path.display())
    }
}

/// A session in use; closed, unless it is given back.
struct Lent<'a> {
    session: Session,
    generation: u64,
    /// After the session, so that its place is free only when it is closed.
    seat: Seat<'a>,
}

impl Lent<'_> {
    fn give_back(self) {
        let Self { session, generation, seat } = self;
        let mut pool = seat.0.pool();
        if pool.generation == generation {
            pool.idle.push(session);
            pool.open += 1; // the seat leaves
        }
    }
}

/// The right to one session, counted in `Pool::open`.
struct Seat<'a>(&'a Sessions);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.pool().open -= 1;
        self.0.returned.notify_one();
    }
}
