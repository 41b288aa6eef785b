//! The emulator for JavaScript.

use std::sync::Arc;

use bytes::Bytes;
use im_chats_gateway::emulator::{Deed, Keeping, Kept, Saved};
use im_chats_gateway::in_process::{Asked, InProcess};
use im_chats_gateway::log::kind::Kind;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::{ServerInput, SessionLimits};
use js_sys::{Array, Function, JsString, Promise, Uint8Array};
use tokio::sync::mpsc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use crate::clock::PageClock;
use crate::socket::{Output, Socket};

#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The emulator of a page.
#[wasm_bindgen]
pub struct PageEmulator {
    page: InProcess,
    clock: Arc<PageClock>,
    limits: Arc<SessionLimits>,
}

#[wasm_bindgen]
impl PageEmulator {
    /// Starts it from what was kept before. `keep`, where there is one, is called with what is to be kept before it is answered:
    /// the number of the first entry, the entries as JSON, and for each place of bytes `[kind, owner, mime?, bytes?]`; its promise says
    /// when that is done.
    ///
    /// # Errors
    /// The text of why what was kept cannot be read.
    #[wasm_bindgen(constructor)]
    pub fn new(
        log: &str,
        token: String,
        now: f64,
        entries: Vec<String>,
        blobs: Vec<Array>,
        keep: Option<Function>,
    ) -> Result<Self, JsValue> {
        let clock = Arc::new(PageClock::default());
        clock.set(whole(now));
        let bytes = blobs.iter().filter_map(stored).collect();
        let keeping = keep.map(keeping);
        let page = InProcess::start(log.into(), token, Arc::clone(&clock) as _, Saved { entries, bytes }, keeping)
            .map_err(|error| JsValue::from_str(&error.message))?;
        Ok(Self { page, clock, limits: Arc::new(SessionLimits::DEFAULT) })
    }

    /// It is now so many milliseconds since 1970.
    pub fn set(&self, now: f64) {
        self.clock.set(whole(now));
    }

    /// Answers a request: the promise is of `[status, headers, body]`, headers as name, value, name, value.
    pub fn request(&self, method: String, path: String, headers: Vec<String>, body: Option<Uint8Array>) -> Promise {
        let body = body.map(|body| Bytes::from(body.to_vec())).unwrap_or_default();
        let page = self.page.clone();
        future_to_promise(async move {
            let headers = headers.chunks_exact(2).filter_map(|pair| match pair {
                [name, value] => Some((name.as_str(), value.as_str())),
                _ => None,
            });
            let asked = Asked { method: &method, path: &path, headers: headers.collect(), body };
            let answer = page.ask(asked).await;
            let headers: Array = answer.headers.iter().flat_map(|(name, value)| [name, value]).map(JsValue::from).collect();
            Ok(Array::of3(&answer.status.into(), &headers, &Uint8Array::from(&*answer.body)).into())
        })
    }

    /// A socket that was just opened.
    pub fn open(&self, subprotocol_agreed: bool) -> PageSocket {
        PageSocket(Socket::open(self.page.clone(), Arc::clone(&self.clock), Arc::clone(&self.limits), subprotocol_agreed))
    }
}

/// One socket of the event stream.
#[wasm_bindgen]
pub struct PageSocket(Socket);

#[wasm_bindgen]
impl PageSocket {
    /// A text frame came.
    pub fn receive(&mut self, text: &str) {
        self.0.tell(ServerInput::Text(text));
    }

    /// A frame came that is no text.
    pub fn binary(&mut self) {
        self.0.tell(ServerInput::Binary);
    }

    /// Time has passed, or the log moved.
    pub fn tick(&mut self) {
        self.0.tell(ServerInput::Tick);
    }

    /// The client took frames of so many bytes.
    pub fn written(&mut self, bytes: usize) {
        self.0.tell(ServerInput::Written { bytes });
    }

    /// The server is to stop.
    pub fn drain(&mut self) {
        self.0.tell(ServerInput::Drain);
    }

    /// The client is gone.
    pub fn gone(&mut self) {
        self.0.tell(ServerInput::Gone);
    }

    /// Whether the client's next frame may be handed over.
    #[wasm_bindgen(js_name = takesFrames)]
    pub fn takes_frames(&self) -> bool {
        self.0.takes_frames()
    }

    /// What goes out next: `[frame, bytes]`, or `[code, reason]` for the close; undefined when there is nothing.
    pub fn next(&mut self) -> Option<Array> {
        self.0.take().map(|output| match output {
            Output::Frame(text) => {
                let bytes = JsValue::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
                Array::of2(&text.into(), &bytes)
            }
            Output::Close { code, reason } => Array::of2(&code.into(), &reason.into()),
        })
    }

    /// When it is to be told that time has passed, in milliseconds since 1970.
    pub fn deadline(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a time of this millennium is exact")]
        self.0.deadline().map(|deadline| deadline as f64)
    }
}

/// A whole number of milliseconds.
fn whole(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    let whole = number as i64;
    whole
}

/// Bytes as JavaScript has them: `[kind, owner, mime, bytes]`.
fn stored(parts: &Array) -> Option<(Kind, String, String, Bytes)> {
    let kind = Kind::from_name(&parts.get(0).as_string()?)?;
    let bytes: Uint8Array = parts.get(3).dyn_into().ok()?;
    Some((kind, parts.get(1).as_string()?, parts.get(2).as_string()?, bytes.to_vec().into()))
}

/// Hands what is to be kept to JavaScript, one after the other.
fn keeping(keep: Function) -> Keeping {
    let (keeping, mut waiting) = mpsc::unbounded_channel::<Kept>();
    spawn_local(async move {
        while let Some(Kept { first, entries, deeds, done }) = waiting.recv().await {
            #[expect(clippy::cast_precision_loss, reason = "nobody writes 2^53 entries")]
            let first = JsValue::from(first as f64);
            let entries: Array = entries.into_iter().map(JsValue::from).collect();
            let deeds: Array = deeds.iter().map(deed).collect();
            let kept = match keep.call3(&JsValue::UNDEFINED, &first, &entries, &deeds) {
                Ok(promise) => JsFuture::from(Promise::resolve(&promise)).await,
                Err(thrown) => Err(thrown),
            };
            // Whoever asked may be gone.
            let _ = done.send(kept.map(drop).map_err(|reason| failed(&reason)));
        }
    });
    keeping
}

fn deed(deed: &Deed) -> JsValue {
    let parts = Array::of2(&deed.kind.name().into(), &deed.owner.as_str().into());
    if let Some((mime, bytes)) = &deed.put {
        parts.push(&mime.as_str().into());
        parts.push(&Uint8Array::from(&**bytes));
    }
    parts.into()
}

fn failed(reason: &JsValue) -> Error {
    let text: JsString = js_sys::Reflect::get(reason, &"message".into()).unwrap_or_default().unchecked_into();
    let text = text.as_string().unwrap_or_else(|| "the database failed".to_owned());
    Error::new(ErrorCode::DatabaseError, text)
}
