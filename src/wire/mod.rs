//! What travels: the frames of `im.events.v1.json` and the proto3-JSON of REST.

pub mod frame;
