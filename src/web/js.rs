//! JavaScript values as parsed JSON, and the few globals every runtime has.

use alloc::string::String;
use alloc::vec::Vec;
use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use crate::wire::json::Json;

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

impl Json for JsValue {
    fn is_null(&self) -> bool {
        self.is_null_or_undefined()
    }
    fn is_object(&self) -> bool {
        Self::is_object(self) && !Array::is_array(self)
    }
    fn is_text(&self) -> bool {
        self.is_string()
    }
    fn text(&self) -> Option<String> {
        self.as_string()
    }
    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }
    fn number(&self) -> Option<f64> {
        self.as_f64()
    }
    fn length(&self) -> Option<usize> {
        self.dyn_ref::<Array>().and_then(|array| usize::try_from(array.length()).ok())
    }
    fn item(&self, index: usize) -> Self {
        match (self.dyn_ref::<Array>(), u32::try_from(index)) {
            (Some(array), Ok(index)) => array.get(index),
            _ => Self::UNDEFINED,
        }
    }
    fn field(&self, name: &str) -> Self {
        if Json::is_null(self) { Self::UNDEFINED } else { self.unchecked_ref::<Plain>().field(name) }
    }
    fn texts(&self) -> Vec<(String, String)> {
        if !Json::is_object(self) {
            return Vec::new();
        }
        let text = |key: Self| Some((key.as_string()?, self.field(&key.as_string()?).as_string()?));
        Object::keys(self.unchecked_ref::<Object>()).iter().filter_map(text).collect()
    }
    fn array(items: Vec<Self>) -> Self {
        let array = Array::new();
        for item in items {
            array.push(&item);
        }
        array.into()
    }
    fn object(fields: Vec<(&'static str, Self)>) -> Self {
        let object = Object::new();
        for (name, value) in fields {
            set(&object, name, &value);
        }
        object.into()
    }
    fn from_text(text: &str) -> Self {
        Self::from_str(text)
    }
    fn from_flag(flag: bool) -> Self {
        Self::from_bool(flag)
    }
    fn from_integer(integer: u64) -> Self {
        // The callers' integers are within 2^53 − 1, which is what makes them exact.
        #[expect(clippy::cast_precision_loss, reason = "a safe integer by contract of the trait")]
        Self::from_f64(integer as f64)
    }
}
