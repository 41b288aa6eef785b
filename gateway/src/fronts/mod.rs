//! What clients meet, one front a protocol. A front may use `http`, `service` and the log; it knows neither the other fronts nor `app`.

pub mod console;
pub mod control;
pub mod grpc;
pub mod health;
pub mod live;
pub mod metrics;
pub mod rest;
pub mod spectrum;
pub mod tokens;
