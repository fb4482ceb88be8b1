//! This says why a change of services or destinations was refused.

use lvs_model::{Endpoint, InsertError, PersistenceEngine, SchedulerName, ServiceKey};

/// This error says why the configuration was not changed. Nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `EEXIST`: edit it instead.
    #[error("the service {0} already exists")]
    ServiceExists(ServiceKey),
    /// `ESRCH`: add it first.
    #[error("there is no service {0}")]
    NoService(ServiceKey),
    /// `ENOENT`: give a built-in scheduler, or bind an own one with
    /// [`add_service_with`](super::Director::add_service_with).
    #[error("there is no scheduler {0}: expected a built-in one")]
    UnknownScheduler(SchedulerName),
    /// `ENOENT`: persistence engines read the payload of packets, which a director does not see.
    #[error("there is no persistence engine {0}: the service has to be persistent by address")]
    UnknownEngine(PersistenceEngine),
    /// `ENOENT`: add the destination first.
    #[error("there is no destination {destination} in the service {service}")]
    NoDestination {
        /// The service.
        service: ServiceKey,
        /// What was not found in it.
        destination: Endpoint,
    },
    /// `EEXIST` or `EINVAL`: the destination cannot be in the service.
    #[error("the service {service} does not take the destination")]
    Unfit {
        /// The service.
        service: ServiceKey,
        /// Why not.
        source: InsertError,
    },
    /// `EINVAL`: kernels that count connections in total take upper thresholds up to 2147483647.
    #[error("the upper threshold {0} is above 2147483647")]
    ThresholdTooLarge(u32),
}
