//! JavaScript values as parsed JSON, and the few globals every runtime has.

use alloc::string::String;
use alloc::vec::Vec;
use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use im_chats_protocol::number::safe_integer;
use im_chats_protocol::wire::codec::ObjectWriter;
use im_chats_protocol::wire::json::{MakeJson, ReadJson};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Reflect, js_name = get, catch)]
    fn reflect_get(target: &JsValue, key: &str) -> Result<JsValue, JsValue>;

    /// What `JSON.parse` or this module made: nothing runs when it is read or written, so that nothing throws.
    type Plain;

    #[wasm_bindgen(method, structural, indexing_getter)]
    fn field(this: &Plain, key: &str) -> JsValue;

    #[wasm_bindgen(method, structural, indexing_setter)]
    fn set_field(this: &Plain, key: &str, value: &JsValue);
}

/// A property, or undefined: also where reading it throws, as on null or behind a getter of the user's.
pub(super) fn get(target: &JsValue, key: &str) -> JsValue {
    reflect_get(target, key).unwrap_or(JsValue::UNDEFINED)
}

/// Sets a property of an object of our own making.
pub(super) fn set(target: &JsValue, key: &str, value: &JsValue) {
    target.unchecked_ref::<Plain>().set_field(key, value);
}

/// A delay as timers take it: at most 2^31 − 1 ms.
pub(super) fn milliseconds(delay_ms: u64) -> f64 {
    f64::from(u32::try_from(delay_ms).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs()))
}

/// An object of our own making.
pub(super) fn object(fields: Vec<(&'static str, JsValue)>) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, &value);
    }
    object.into()
}

/// A number that is an integer of 0 to 2^53 − 1.
pub(super) fn integer(integer: u64) -> JsValue {
    // The callers' integers are within 2^53 − 1, which is what makes them exact.
    #[expect(clippy::cast_precision_loss, reason = "a safe integer by contract")]
    JsValue::from_f64(integer as f64)
}

/// A value that `JSON.parse` made, or that JSON is made of.
#[derive(Debug, Clone)]
pub(super) struct Parsed(pub(super) JsValue);

impl ReadJson for Parsed {
    type Owned = Self;

    fn keep(self) -> Self {
        self
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

impl MakeJson for Parsed {
    fn array(items: Vec<Self>) -> Self {
        let array = Array::new();
        for item in items {
            array.push(&item.0);
        }
        Self(array.into())
    }
    fn object(fields: Vec<(&'static str, Self)>) -> Self {
        Self(object(fields.into_iter().map(|(name, value)| (name, value.0)).collect()))
    }
    fn from_text(text: &str) -> Self {
        Self(JsValue::from_str(text))
    }
    fn from_flag(flag: bool) -> Self {
        Self(JsValue::from_bool(flag))
    }
    fn from_integer(integer: u64) -> Self {
        Self(self::integer(integer))
    }
    fn into_field(self, name: &str) -> Self {
        self.field(name)
    }
}

impl ObjectWriter for Parsed {
    fn build(write: impl FnOnce(&mut Self)) -> Self {
        let mut object = Self(Object::new().into());
        write(&mut object);
        object
    }
    fn put_text(&mut self, name: &'static str, text: &str) {
        set(&self.0, name, &JsValue::from_str(text));
    }
    fn put_flag(&mut self, name: &'static str, flag: bool) {
        set(&self.0, name, &JsValue::from_bool(flag));
    }
    fn put_integer(&mut self, name: &'static str, integer: u64) {
        set(&self.0, name, &self::integer(integer));
    }
    fn put_object(&mut self, name: &'static str, write: impl FnOnce(&mut Self)) {
        set(&self.0, name, &Self::build(write).0);
    }
    fn put_texts(&mut self, name: &'static str, texts: &[(String, String)]) {
        let object = Object::new();
        for (name, text) in texts {
            set(&object, name, &JsValue::from_str(text));
        }
        set(&self.0, name, &object);
    }
}
