//! What the page says of its network, and of being looked at.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

/// Says that the page has no network, or has one, until the page is dropped.
struct Network;

impl Network {
    fn is(page: &Page, online: bool) -> Self {
        page.run(&format!("Object.defineProperty(navigator, 'onLine', {{ configurable: true, value: {online} }})"));
        Self
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        super::js("delete navigator.onLine");
    }
}

#[wasm_bindgen_test]
async fn a_page_that_begins_without_a_network_says_so() {
    let page = Page::new();
    let _network = Network::is(&page, false);
    page.run("page.stream = chats.subscribeEvents()");
    page.expect("page.state", "'offline'");
    page.run("dispatchEvent(new Event('online'))");
    page.expect("page.state === 'offline'", "false");
}

#[wasm_bindgen_test]
async fn the_network_and_the_page_are_heard_only_while_there_is_something_to_wake() {
    let page = Page::new();
    page.run("dispatchEvent(new Event('offline'))");
    page.expect("page.statuses", "[]");
    page.run("page.stream = chats.subscribeEvents()");
    page.until("page.socket").await;
    page.run("page.socket.greet(), page.socket.break()");
    page.expect("page.state", "'reconnecting'");
    page.run("dispatchEvent(new Event('offline'))");
    page.expect("page.state", "'offline'");
    page.run("client.close(), page.statuses = []");
    for event in [
        "dispatchEvent(new Event('online'))",
        "dispatchEvent(new Event('offline'))",
        "document.dispatchEvent(new Event('resume'))",
    ] {
        page.run(event);
    }
    page.expect("page.statuses", "[]");
}

#[wasm_bindgen_test]
async fn a_wake_up_ends_the_wait_and_probes_an_open_socket() {
    for event in [
        "dispatchEvent(new Event('online'))",
        "dispatchEvent(new Event('pageshow'))",
        "document.dispatchEvent(new Event('resume'))",
        "document.dispatchEvent(new Event('visibilitychange'))",
    ] {
        let page = Page::new();
        page.run("page.stream = chats.subscribeEvents()");
        page.until("page.socket").await;
        page.run("page.socket.greet()");
        page.expect("page.socket.sent.filter(({ type }) => type === 'ping').length", "0");
        page.run(event);
        page.expect("page.socket.sent.filter(({ type }) => type === 'ping').length", "1");
        page.run("page.socket.break(1006)");
        page.expect("page.sockets.length", "1");
        page.run(event);
        page.until("page.sockets.length === 2").await;
    }
}

#[wasm_bindgen_test]
async fn a_network_that_came_back_unheard_is_noticed() {
    let page = Page::new();
    {
        let _network = Network::is(&page, false);
        page.run("page.stream = chats.subscribeEvents()");
        page.expect("page.state", "'offline'");
        page.run("page.stream.close(0)");
        page.until("page.socket").await;
        page.run("page.advance(500)");
        page.expect("page.state", "'idle'");
    }
    let _network = Network::is(&page, true);
    page.run("page.stream = chats.subscribeEvents()");
    page.expect("page.state", "'connecting'");
}
