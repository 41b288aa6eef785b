//! The events of one frame.

use im_chats_protocol::client::Batch;
use im_chats_protocol::number::safe_integer;
use wasm_bindgen::JsValue;

/// The array that the runtime's `JSON.parse` made, untouched, and its sequences for the chain check.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    pub(crate) array: JsValue,
    pub(crate) sequences: Vec<f64>,
}

impl Batch for Events {
    fn count(&self) -> usize {
        self.sequences.len()
    }
    fn sequence(&self, index: usize) -> Option<u64> {
        self.sequences.get(index).copied().and_then(safe_integer)
    }
}
