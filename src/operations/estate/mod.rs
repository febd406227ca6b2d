//! The whole register as a file, for registers that are kept in git.
//!
//! ```text
//! file.rs          TOML or JSON → members, and where they stand     toml_text.rs: and back
//! wanted.rs        members → what is wanted, with all faults        export.rs: what is registered → members
//! reconcile.rs     what is wanted → the operations' own rules       credentials.rs: of the ways in of one consumer
//! prune.rs         what is not in the file → its end
//! ```
//!
//! The file says what shall be, not what shall be done: what is so already is left alone, so a file can be applied again and
//! again. What is missing from it stays as it is, unless it is pruned: then consumers and providers are retired, assurances
//! and ways in end, groups are suspended, policies are removed, certificates are no longer blocked; organisation types stay.
//! Only kinds of which the file has a section are pruned, if need be an empty one, and the ways in of consumers with
//! `credentials`. What is over for good is not in the file: what is retired, removed or unblocked, and what is assured of
//! retired services.

mod apply;
mod credentials;
mod export;
mod file;
mod prune;
mod reconcile;
mod register;
mod toml_text;
mod wanted;

pub use self::{
    apply::{EstateOptions, apply_estate, plan_estate},
    export::{EstateFormat, export_estate},
    file::EstateFile,
};
