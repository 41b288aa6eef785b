//! JavaScript values as parsed JSON, and the few globals every runtime has.

use im_chats_protocol::number::safe_integer;
use im_chats_protocol::wire::json::ReadJson;
use js_sys::{Array, JsString, Object};
use wasm_bindgen::prelude::*;

use crate::value::Value;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Reflect, js_name = get, catch)]
    fn reflect_get(target: &JsValue, key: &str) -> Result<JsValue, JsValue>;

    /// `JSON.parse` of a text that stays in JavaScript; js-sys would copy it through the wasm's memory.
    #[wasm_bindgen(js_namespace = JSON, js_name = parse, catch)]
    pub(crate) fn parse_json(text: &JsValue) -> Result<JsValue, JsValue>;

    /// `JSON.stringify`, whose text stays in JavaScript, too.
    #[wasm_bindgen(js_namespace = JSON, js_name = stringify, catch)]
    pub(crate) fn to_json(value: &JsValue) -> Result<JsString, JsValue>;

    /// What `JSON.parse` made: nothing runs when it is read, so that nothing throws.
    type Plain;

    #[wasm_bindgen(method, structural, indexing_getter)]
    fn field(this: &Plain, key: &str) -> JsValue;
}

/// What timers, signals, sockets and pages call, each with an event or nothing. One type for all of them: each other one would bring its
/// own way from JavaScript into the wasm.
pub(crate) type Listener = Closure<dyn Fn(JsValue)>;

/// A property, or undefined: also where reading it throws, as on null or behind a getter of the user's.
pub(crate) fn get(target: &JsValue, key: &str) -> JsValue {
    reflect_get(target, key).unwrap_or(JsValue::UNDEFINED)
}

/// A property that is a text.
pub(crate) fn text_of(target: &JsValue, key: &str) -> Option<String> {
    get(target, key).as_string()
}

/// A method, when there is one of that name.
pub(crate) fn method(target: &JsValue, key: &str) -> Option<js_sys::Function> {
    get(target, key).dyn_into().ok()
}

/// A value that `JSON.parse` made.
#[derive(Debug, Clone)]
pub(crate) struct Parsed(pub(crate) JsValue);

impl ReadJson for Parsed {
    type Owned = Value;

    fn keep(self) -> Value {
        Value::Js(self.0)
    }
    fn null() -> Self {
        Self(JsValue::UNDEFINED)
    }
    fn is_null(&self) -> bool {
        self.0.is_null_or_undefined()
    }
    fn is_object(&self) -> bool {
        self.0.is_object() && !Array::is_array(&self.0)
    }
    fn is_text(&self) -> bool {
        self.0.is_string()
    }
    fn is_number(&self) -> bool {
        self.0.as_f64().is_some()
    }
    fn text(&self) -> Option<String> {
        self.0.as_string()
    }
    fn flag(&self) -> Option<bool> {
        self.0.as_bool()
    }
    fn integer(&self) -> Option<u64> {
        self.0.as_f64().and_then(safe_integer)
    }
    fn length(&self) -> Option<usize> {
        self.0.dyn_ref::<Array>().and_then(|array| usize::try_from(array.length()).ok())
    }
    fn item(&self, index: usize) -> Self {
        Self(match (self.0.dyn_ref::<Array>(), u32::try_from(index)) {
            (Some(array), Ok(index)) => array.get(index),
            _ => JsValue::UNDEFINED,
        })
    }
    fn field(&self, name: &str) -> Self {
        Self(if self.is_null() { JsValue::UNDEFINED } else { self.0.unchecked_ref::<Plain>().field(name) })
    }
    fn texts(&self) -> Vec<(String, String)> {
        if !self.is_object() {
            return Vec::new();
        }
        let text = |key: JsValue| Some((key.as_string()?, self.field(&key.as_string()?).0.as_string()?));
        Object::keys(self.0.unchecked_ref::<Object>()).iter().filter_map(text).collect()
    }
}
