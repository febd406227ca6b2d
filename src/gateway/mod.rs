//! The gateway: the verifier for providers that are written in something else. It stands beside one, as a small reverse
//! proxy, or answers another proxy's question whether a request may pass.

mod assemble;
pub mod forward_auth;
mod identity;
pub mod reverse_proxy;
mod running;
mod status;

pub use running::RunningGateway;
