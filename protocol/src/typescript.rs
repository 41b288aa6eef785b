//! What `derive(Tsify)` needs beside it: the derive writes the TypeScript declarations of our types.
//!
//! Its own crate would bring serde-wasm-bindgen along and with it the standard library, for conversions that are not used here.

pub use tsify_macros::Tsify;
use wasm_bindgen::JsCast;

/// A type whose TypeScript declaration is generated.
pub trait Tsify {
    /// The JavaScript value it would be converted to.
    type JsType: JsCast;
    /// The declaration.
    const DECL: &'static str;
    /// How it would be converted.
    const SERIALIZATION_CONFIG: SerializationConfig;
}

/// How a value would be converted.
#[derive(Debug, Clone, Copy)]
pub struct SerializationConfig {
    /// Absent as null.
    pub missing_as_null: bool,
    /// Maps as plain objects.
    pub hashmap_as_object: bool,
    /// Integers beyond 2^53 as bigints.
    pub large_number_types_as_bigints: bool,
}
