//! Changes how a registered consumer is treated.

use careconnect_verifier::ClientId;

use crate::storage::{Database, StorageError};

/// What shall change; none leaves it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsumerChange {
    /// Whether its assertions may name the token endpoint as their audience.
    pub accepts_token_endpoint_audience: Option<bool>,
    /// How many tokens it may ask for in a minute; `Some(None)` for the configuration's limit.
    pub requests_per_minute: Option<Option<u32>>,
}

/// Changes a consumer; [`StorageError::NotFound`] when there is none.
pub async fn change_consumer(
    database: &Database,
    client_id: &ClientId,
    change: ConsumerChange,
) -> Result<(), StorageError> {
    database.change_consumer(client_id, change.accepts_token_endpoint_audience, change.requests_per_minute).await?;
    tracing::info!(%client_id, ?change, "consumer changed");
    Ok(())
}
