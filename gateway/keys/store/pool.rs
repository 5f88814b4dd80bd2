//! Sessions with a hardware module: opened when needed, used again, given up after a failure.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::KeyStoreError;

/// A module is loaded and initialised once a process, and stays: unloading one that has threads of its own is unsound.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());
/// Held for reading by whoever is in a module: ending one with calls under way is undefined.
static IN_USE: RwLock<()> = RwLock::new(());
/// Sessions that are kept for the next use.
const KEPT_MAX: usize = 16;

/// Sessions of one token, logged in.
pub(super) struct Sessions {
    module: PathBuf,
    token: String,
    pin: AuthPin,
    idle: Mutex<Vec<Session>>,
}

impl Sessions {
    pub(super) fn new(module: PathBuf, token: String, pin: AuthPin) -> Self {
        Self {
            module,
            token,
            pin,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Does something in a session. When the module does not do its part, it is begun anew and asked once more: it may
    /// have been gone and be back.
    pub(super) fn with<T>(&self, work: impl Fn(&Session) -> Result<T, Failed>) -> Result<T, KeyStoreError> {
        match self.attempt(&work) {
            Err(KeyStoreError::Unavailable(_) | KeyStoreError::NoSuchKey(_)) if self.begin_anew() => {
                self.attempt(&work)
            }
            done => done,
        }
    }

    /// In a session that is kept, and when that fails, in a new one.
    fn attempt<T>(&self, work: &impl Fn(&Session) -> Result<T, Failed>) -> Result<T, KeyStoreError> {
        let _in_use = IN_USE.read().unwrap_or_else(PoisonError::into_inner);
        // Not in the condition: the lock would be held in the whole branch.
        let kept = self.idle().pop();
        if let Some(session) = kept {
            match work(&session) {
                Ok(done) => {
                    self.keep(session);
                    return Ok(done);
                }
                // The other idle ones are as old.
                Err(Failed::Module(_) | Failed::Store(KeyStoreError::NoSuchKey(_))) => self.idle().clear(),
                Err(Failed::Store(error)) => {
                    self.keep(session);
                    return Err(error);
                }
            }
        }
        let session = self.open()?;
        let done = work(&session).map_err(Failed::told)?;
        self.keep(session);
        Ok(done)
    }

    /// Ends the module and initialises it again, as some need after a loss. Not while somebody else is in it.
    fn begin_anew(&self) -> bool {
        let Ok(_alone) = IN_USE.try_write() else {
            return false;
        };
        self.idle().clear();
        let modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(context) = modules.get(&self.module) else {
            return false;
        };
        // One that is ended already is as good.
        let _ = context.clone().finalize();
        initialize(context).is_ok()
    }

    fn open(&self) -> Result<Session, KeyStoreError> {
        let context = context(&self.module).map_err(|error| unavailable(&error))?;
        let slot = self.slot(&context)?;
        let session = context
            .open_rw_session(slot)
            .map_err(|error| unavailable(&error))?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(unavailable(&error)),
        }
    }

    fn slot(&self, context: &Pkcs11) -> Result<Slot, KeyStoreError> {
        let slots = context
            .get_slots_with_token()
            .map_err(|error| unavailable(&error))?;
        let named = |slot: &&Slot| {
            context
                .get_token_info(**slot)
                .is_ok_and(|info| info.label().trim_end() == self.token)
        };
        slots
            .iter()
            .find(named)
            .copied()
            .ok_or_else(|| KeyStoreError::Unavailable(format!("there is no token `{}`", self.token)))
    }

    fn keep(&self, session: Session) {
        let mut idle = self.idle();
        if idle.len() < KEPT_MAX {
            idle.push(session);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({})", self.token)
    }
}

/// Why work in a session failed.
pub(super) enum Failed {
    /// The module said so: another session may do better.
    Module(Error),
    /// A reason of ours.
    Store(KeyStoreError),
}

impl Failed {
    fn told(self) -> KeyStoreError {
        match self {
            Self::Module(error) => unavailable(&error),
            Self::Store(error) => error,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<KeyStoreError> for Failed {
    fn from(error: KeyStoreError) -> Self {
        Self::Store(error)
    }
}

fn context(module: &Path) -> Result<Pkcs11, Error> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(context) = modules.get(module) {
        return Ok(context.clone());
    }
    let context = Pkcs11::new(module)?;
    initialize(&context)?;
    modules.insert(module.to_owned(), context.clone());
    Ok(context)
}

fn initialize(context: &Pkcs11) -> Result<(), Error> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn unavailable(error: &Error) -> KeyStoreError {
    KeyStoreError::Unavailable(error.to_string())
}
