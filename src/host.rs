//! What the binding needs of the TypeScript shell: the options it checked, the user's token, its error classes, its listeners.
//!
//! Handing it in, instead of importing a module, keeps one identity of the error classes, lets each runtime's entry choose
//! its `WebSocket`, and lets the tests replace all of it.

use js_sys::{Function, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

/// Declares an object of the shell's once, for both sides: the imports that Rust calls, and the TypeScript interface that the shell
/// implements. wasm-bindgen writes TypeScript only for what Rust exports.
macro_rules! interface {
    (
        $(#[doc = $about:literal])* $interface:ident {
            values: { $($(#[doc = $value_doc:literal])* $value:ident $value_name:literal: $value_type:ty as $value_ts:literal;)* }
            methods: {
                $($(#[doc = $doc:literal])* $method:ident $name:literal ($($input:ident: $type:ty as $ts:literal),*) -> $output:ty as $output_ts:literal;)*
            }
        }
    ) => {
        #[wasm_bindgen(typescript_custom_section)]
        const TYPESCRIPT: &str = concat!(
            "/**", $($about,)* " */\nexport interface ", stringify!($interface), " {\n",
            $("    /**", $($value_doc,)* " */\n    readonly ", $value_name, ": ", $value_ts, ";\n",)*
            $("    /**", $($doc,)* " */\n    ", $name, "(", $(stringify!($input), ": ", $ts, ", ",)* "): ", $output_ts, ";\n",)*
            "}\n"
        );

        #[wasm_bindgen]
        extern "C" {
            $(#[doc = $about])*
            #[derive(Debug, Clone)]
            #[wasm_bindgen(typescript_type = $interface)]
            pub type $interface;

            $($(#[doc = $value_doc])*
            #[wasm_bindgen(method, structural, getter, js_name = $value_name)]
            pub fn $value(this: &$interface) -> $value_type;)*

            $($(#[doc = $doc])*
            #[wasm_bindgen(method, structural, catch, js_name = $name)]
            pub fn $method(this: &$interface $(, $input: $type)*) -> Result<$output, JsValue>;)*
        }
    };
}

interface! {
    /// What the wasm needs of the shell. Nothing here is ever called while a user's code is on the stack.
    Host {
        values: {
        /// The service's address without a slash at its end.
        base_url "baseUrl": String as "string";
        /// How long a call may take, retries included, in milliseconds.
        timeout "timeout": u32 as "number";
        /// How often a call is tried, the first time included.
        max_attempts "maxAttempts": u32 as "number";
        /// The bound of the first wait between attempts, in milliseconds.
        initial_delay "initialDelay": u32 as "number";
        /// The largest bound of a wait between attempts, in milliseconds.
        max_delay "maxDelay": u32 as "number";
        /// Whether every write gets an idempotency key of its own.
        auto_idempotency "autoIdempotency": bool as "boolean";
        /// Whether the token is a text, so that asking again gives the same.
        token_is_fixed "tokenIsFixed": bool as "boolean";
        /// The instance of the service, for the header `x-photon-server`.
        server "server": Option<String> as "string | undefined";
        /// What sends requests in the place of the runtime's `fetch`: that of an emulator in the page.
        fetch "fetch": Option<Function> as "Function | undefined";
        }
        methods: {
        /// The token, or a promise of it. What the user's function throws passes through.
        token "token"() -> JsValue as "unknown";
        /// An error of the class that `category` numbers; `cause` itself when it is such an error already.
        error "error"(category: u8 as "number", message: &str as "string", details: &JsValue as "object", cause: &JsValue as "unknown") -> JsValue as "Error";
        /// The runtime's WebSocket.
        web_socket "webSocket"() -> Function as "Function";
        /// Calls `act` when `signal` is aborted, until the function that it gives is called.
        on_abort "onAbort"(signal: &AbortSignal as "AbortSignal", act: &Function as "() => void") -> Function as "() => void";
        /// Why a signal was aborted.
        abort_reason "abortReason"(signal: &AbortSignal as "AbortSignal") -> JsValue as "unknown";
        /// Writes the sequences of an array of events, in one crossing, into as many places; NaN where there is none.
        sequences "sequences"(events: &JsValue as "readonly object[]", places: &mut [f64] as "Float64Array") -> () as "void";
        /// Bytes as base64. The runtime encodes them: the wasm's memory, which never shrinks, does not grow with an image.
        base64 "base64"(bytes: &Uint8Array as "Uint8Array") -> JsString as "string";
        /// Takes the state of the connection, why it does not work, and the latest attempt that failed.
        status_changed "statusChanged"(state: &str as "ConnectionState", error: &JsValue as "Error | undefined", attempt: &JsValue as "FailedAttempt | undefined") -> () as "void";
        /// The lag of a stream grew. The shell asks for it in its own time, until it is gone.
        lag_grew "lagGrew"() -> () as "void";
        /// A stream left out a stretch of the log; `onGap` is the user's own function to tell, or undefined.
        gap_skipped "gapSkipped"(gap: &JsValue as "Gap", on_gap: &JsValue as "unknown") -> () as "void";
        }
    }
}

#[wasm_bindgen(typescript_custom_section)]
const WEAK: &str = "/** A reference to the {@link Host} that does not keep it: a `WeakRef`, where there is one. */
export interface WeakHost {
    /** The host, unless it was collected. */
    deref(): Host | undefined;
}
";

#[wasm_bindgen]
extern "C" {
    /// A reference to the host that does not keep it. Nothing that the wasm holds is ever collected, so that a client which a program
    /// only forgot would stay with all it refers to.
    #[derive(Debug, Clone)]
    #[wasm_bindgen(typescript_type = "WeakHost")]
    pub type WeakHost;

    /// The host, unless it was collected.
    #[wasm_bindgen(method, structural)]
    pub fn deref(this: &WeakHost) -> Option<Host>;
}
