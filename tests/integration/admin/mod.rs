//! The admin API: who comes in, who may what, and what every operation has in common.

mod assurances;
mod certificates;
mod changes;
mod configuration;
mod consumers;
mod credentials;
mod frame;
mod identity;
mod lists;
mod proposals;
mod registering;
mod repetition;
mod search;
