//! What clients meet, one front a protocol. A front may use `http`, `service` and the log; it knows neither the other fronts nor `app`.

#[cfg(feature = "server")]
pub mod console;
pub mod control;
#[cfg(feature = "server")]
pub mod grpc;
pub mod health;
#[cfg(feature = "server")]
pub mod live;
#[cfg(feature = "server")]
pub mod metrics;
pub mod rest;
#[cfg(feature = "server")]
pub mod spectrum;
#[cfg(feature = "server")]
pub mod tokens;
