//! The life of signing keys: on one node, on several, and by hand.

mod commands;
mod hardware;
mod rotation;
mod sealed;
mod several_nodes;
