//! The shared libraries of this process, each loaded and initialised once, and the tokens behind them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    slot::{Slot, TokenInfo},
};

use super::error::{Pkcs11Error, describe};

/// A second context of one library would end the first with itself.
static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// The library at `path`, initialised.
pub(super) fn load(path: &Path) -> Result<Pkcs11, Pkcs11Error> {
    let unusable = |reason: String| Pkcs11Error::Module { module: path.to_owned(), reason };
    let path = path.canonicalize().map_err(|error| unusable(error.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(&path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(&path).map_err(|error| unusable(describe(&error)))?;
    initialise(&module).map_err(|error| unusable(describe(&error)))?;
    loaded.insert(path, module.clone());
    Ok(module)
}

/// Makes the library ready, to be used by several threads. Once it is, this changes nothing.
///
/// One thread at a time: to a second one a library says that it is initialised before it has found its tokens.
pub(super) fn initialise(module: &Pkcs11) -> Result<(), Error> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        outcome => outcome,
    }
}

/// The slot that the one token of this label is in. It is looked for again for each session: a token that comes back
/// may come back elsewhere.
pub(super) fn find_token(module: &Pkcs11, path: &Path, label: &str) -> Result<(Slot, TokenInfo), Pkcs11Error> {
    let slots = module.get_slots_with_initialized_token()?;
    // A token that does not answer is not ours, or is missing then.
    let mut tokens: Vec<(Slot, TokenInfo)> =
        slots.into_iter().filter_map(|slot| Some((slot, module.get_token_info(slot).ok()?))).collect();
    let present: Vec<String> = tokens.iter().map(|(_, token)| format!("{:?}", token.label())).collect();
    tokens.retain(|(_, token)| token.label() == label);
    match <[_; 1]>::try_from(tokens) {
        Ok([token]) => Ok(token),
        Err(tokens) => Err(Pkcs11Error::Token {
            label: label.to_owned(),
            module: path.to_owned(),
            found: tokens.len(),
            present: if present.is_empty() { "no token".to_owned() } else { present.join(", ") },
        }),
    }
}
