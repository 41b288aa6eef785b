//! `im.events`: the durable log.

use std::rc::Rc;

use im_chats_protocol::wire::frame::Topic;
use wasm_bindgen::prelude::*;

use crate::driver::Driver;
use crate::input::Options;
use crate::stream::EventStream;

/// The durable log of everything that happened.
#[wasm_bindgen]
pub struct Events {
    pub(crate) driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Events {
    /// Opens a stream of everything in the log.
    pub fn subscribe(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "object")] options: JsValue,
    ) -> Result<EventStream, JsValue> {
        EventStream::subscribe(&self.driver, Topic::All, &Options::new(options))
    }

    /// Opens a catch-up.
    #[wasm_bindgen(js_name = catchUp)]
    pub fn catch_up(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "string | number")] after: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "object")] options: JsValue,
    ) -> Result<EventStream, JsValue> {
        EventStream::catch_up(&self.driver, &after, &Options::new(options))
    }
}
