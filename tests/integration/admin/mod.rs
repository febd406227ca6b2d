//! The admin API: who comes in, who may what, and what every operation has in common.

mod certificates;
mod changes;
mod configuration;
mod frame;
mod identity;
mod lists;
