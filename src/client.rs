//! One client: what `createClient` of the shell makes on first use.

use std::rc::Rc;

use im_chats_protocol::client::ClientInput;
use wasm_bindgen::prelude::*;

use crate::call::Calls;
use crate::chats::Chats;
use crate::driver::Driver;
use crate::events::Events;
use crate::host::WeakHost;
use crate::tokens::Tokens;

/// The wasm side of a client.
#[wasm_bindgen]
pub struct Client {
    calls: Rc<Calls>,
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

    /// Tokens for others.
    #[wasm_bindgen(getter)]
    pub fn tokens(&self) -> Tokens {
        Tokens { calls: Rc::clone(&self.calls) }
    }

    /// Ends streams and calls.
    pub fn close(&self) {
        self.calls.close();
        self.driver.feed(ClientInput::Close);
    }
}
