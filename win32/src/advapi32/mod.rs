//! advapi32.dll: registry, security, services, events, old cryptography.

pub mod evntprov;
pub mod registry;
pub mod security;
pub mod wincrypt;
pub mod winsvc;
