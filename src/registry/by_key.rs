//! Shared values as the keys of a map, so that a map of 280,000 consumers holds no text of its own.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::domain::{ConsumerSystem, ProviderSystem};

/// A shared value that is equal to others of the same key.
macro_rules! by_key {
    ($(#[$docs:meta])* $name:ident($value:ty) by $key:ty = $read:expr) => {
        $(#[$docs])*
        #[derive(Clone)]
        pub(super) struct $name(pub(super) Arc<$value>);

        impl Borrow<$key> for $name {
            fn borrow(&self) -> &$key {
                let read: fn(&$value) -> &$key = $read;
                read(&self.0)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                Borrow::<$key>::borrow(self).hash(state);
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Borrow::<$key>::borrow(self) == Borrow::<$key>::borrow(other)
            }
        }

        impl Eq for $name {}
    };
}

by_key!(
    /// A consumer by its client id.
    ByClientId(ConsumerSystem) by str = |consumer| consumer.client_id.as_str()
);
by_key!(
    /// A provider by its ASID.
    ByAsid(ProviderSystem) by str = |provider| provider.asid.as_str()
);
by_key!(
    /// A provider by its service root.
    ByServiceRoot(ProviderSystem) by str = |provider| provider.service_root.as_str()
);
