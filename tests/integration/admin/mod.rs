//! The admin API: who comes in, who may what, and what every operation has in common.

mod assurances;
mod audit;
mod blocked_certificates;
mod certificates;
mod changes;
mod configuration;
mod consumers;
mod credentials;
mod errors;
mod frame;
mod groups;
mod identity;
mod keys;
mod limits;
mod lists;
mod outage;
mod policies;
mod proposals;
mod providers;
mod registering;
mod repetition;
mod roles;
mod search;
mod token_requests;
