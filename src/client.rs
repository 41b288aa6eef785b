//! One client: what `createClient` of the shell makes on first use.

use std::rc::Rc;

use im_chats_protocol::client::ClientInput;
use wasm_bindgen::prelude::*;

use crate::call::{Call, Calls, start};
use crate::chats::Chats;
use crate::driver::Driver;
use crate::events::Events;
use crate::host::WeakHost;
use crate::input::{Options, token};
use crate::promise::TokenPromise;

/// The wasm side of a client.
#[wasm_bindgen]
pub struct Client {
    pub(crate) calls: Rc<Calls>,
    driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Client {
    /// Takes the shell's half, and the options that it checked.
    ///
    /// # Errors
    /// When the host was collected already.
    #[wasm_bindgen(constructor)]
    pub fn new(host: WeakHost) -> Result<Client, JsValue> {
        let shell = host.deref().ok_or(JsValue::UNDEFINED)?;
        let driver = Driver::new(host.clone(), &shell);
        Ok(Self { calls: Rc::new(Calls::new(host, &shell)), driver })
    }

    /// Creates and manages conversations, and watches them.
    #[wasm_bindgen(getter)]
    pub fn chats(&self) -> Chats {
        Chats { calls: Rc::clone(&self.calls), driver: Rc::clone(&self.driver) }
    }

    /// The durable log of everything that happened.
    #[wasm_bindgen(getter)]
    pub fn events(&self) -> Events {
        Events { driver: Rc::clone(&self.driver) }
    }

    /// Makes a token for someone else: `tokens.create`. Here, and in no class of its own: each client would have one more object to
    /// free, and each download two hundred bytes more.
    #[wasm_bindgen(js_name = createToken)]
    pub fn create_token(
        &self,
        #[wasm_bindgen(unchecked_param_type = "CreateTokenOptions & CallOptions")] options: JsValue,
    ) -> TokenPromise {
        let options = Options::new(options);
        start(&self.calls, Call::new(token(&options), &options)).unchecked_into()
    }

    /// Ends streams and calls.
    pub fn close(&self) {
        self.calls.close();
        self.driver.feed(ClientInput::Close);
    }
}
