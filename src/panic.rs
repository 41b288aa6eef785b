//! What the shipped module has instead of the standard library's panics and allocator.

use core::panic::PanicInfo;

use wasm_bindgen::prelude::*;

/// A third of the standard library's allocator.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[wasm_bindgen(raw_module = "../panic.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn panicked() -> Result<(), JsValue>;
}

/// Traps. Pending promises would never settle, so the shell is called first: it rejects them all and refuses later calls. The
/// message stays unread on purpose: that is what lets the compiler drop all messages, and `core::fmt` with them.
#[panic_handler]
fn trap(_: &PanicInfo<'_>) -> ! {
    let _ = panicked();
    core::arch::wasm32::unreachable()
}
