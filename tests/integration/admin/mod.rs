//! The admin API: who comes in, who may what, and what every operation has in common.

mod audit;
mod blocked_certificates;
mod certificates;
mod changes;
mod configuration;
mod frame;
mod groups;
mod identity;
mod keys;
mod lists;
mod policies;
mod providers;
mod token_requests;
