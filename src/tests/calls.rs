//! The nine calls and the list of chats: what goes out, and what comes back.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

const CHAT: &str = "{ guid: 'any;-;a@b.c' }";
pub(super) const WHOLE_CHAT: &str = "{ guid: 'any;-;a@b.c', displayName: '', isGroup: false, service: 'unknown', isArchived: false, \
    isFiltered: false, participants: [] }";
const QUERY: &str = "?chatGuid=any%3B-%3Ba%40b.c";

/// The method and path, the body that goes out, the answer, and what the user gets.
pub(super) async fn expect_call(call: &str, sent: &str, body: &str, answer: &str, result: &str) {
    let page = Page::with("({ autoIdempotency: false })");
    page.run(&["page.answers.push(json(", answer, "))"].concat());
    page.settle(call).await;
    page.expect("page.result", &["({ value: ", result, " })"].concat());
    let (method, path) = sent.split_once(' ').unwrap();
    page.expect("page.requests.length", "1");
    page.expect("page.requests[0].method", &["'", method, "'"].concat());
    page.expect("page.requests[0].url", &["'http://im.example.com", path, "'"].concat());
    page.expect("page.requests[0].body && JSON.parse(page.requests[0].body)", body);
    let kind = if method == "POST" { ", 'content-type': 'application/json'" } else { "" };
    page.expect("page.requests[0].headers", &["({ authorization: 'Bearer t'", kind, " })"].concat());
    page.expect("page.requests[0].signal.aborted", "false");
    page.expect("[page.timers.size, page.listening]", "[0, 0]");
}

#[wasm_bindgen_test]
async fn reads_are_queries() {
    let chat = ["({ chat: ", CHAT, " })"].concat();
    expect_call("chats.get('any;-;a@b.c')", &["GET /v1/chats:get", QUERY].concat(), "undefined", &chat, WHOLE_CHAT).await;
    expect_call("chats.count()", "GET /v1/chats:count", "undefined", "{ count: '3' }", "3").await;
    let archived = "chats.count({ includeArchived: true })";
    expect_call(archived, "GET /v1/chats:count?includeArchived=true", "undefined", "{}", "0").await;
    let has = ["GET /v1/chats:hasBackground", QUERY].concat();
    expect_call("chats.hasBackground('any;-;a@b.c')", &has, "undefined", "{ backgroundPresent: true }", "true").await;
}

#[wasm_bindgen_test]
async fn a_page_of_chats_is_a_query_and_comes_whole() {
    let answer = ["{ chats: [", CHAT, "], nextPageToken: 'n' }"].concat();
    let page = ["{ chats: [", WHOLE_CHAT, "], nextPageToken: 'n' }"].concat();
    let call = "chats.listPage({ archived: true, pageSize: 5, pageToken: 'a b' })";
    expect_call(call, "GET /v1/chats?archived=true&pageSize=5&pageToken=a%20b", "undefined", &answer, &page).await;
    expect_call("chats.listPage({ archived: false })", "GET /v1/chats", "undefined", "{}", "{ chats: [] }").await;
}

#[wasm_bindgen_test]
async fn writes_are_bodies() {
    let body = "({ chatGuid: 'any;-;a@b.c' })";
    for (call, path) in [
        ("chats.markRead('any;-;a@b.c')", "POST /v1/chats:markRead"),
        ("chats.shareContactInfo('any;-;a@b.c')", "POST /v1/chats:shareContactInfo"),
        ("chats.removeBackground('any;-;a@b.c')", "POST /v1/chats:removeBackground"),
    ] {
        expect_call(call, path, body, "{}", "undefined").await;
    }
    let typing = "({ chatGuid: 'any;-;a@b.c', isTyping: false })";
    expect_call("chats.setTyping('any;-;a@b.c', false)", "POST /v1/chats:setTyping", typing, "{}", "undefined").await;
    let image = "({ chatGuid: 'any;-;a@b.c', data: 'AQL/' })";
    let call = "chats.setBackground('any;-;a@b.c', new Uint8Array([1, 2, 255]))";
    expect_call(call, "POST /v1/chats:setBackground", image, "{}", "undefined").await;
}

#[wasm_bindgen_test]
async fn a_create_has_its_options_in_its_body() {
    let created = ["({ chat: ", CHAT, ", initialMessage: { guid: 'm', dateCreated: 't' } })"].concat();
    let message = "{ guid: 'm', chatGuids: [], content: {}, isFromMe: false, dateCreated: 't' }";
    expect_call(
        "chats.create(['a@b.c'], { message: 'h\\u{1F389}', effect: 'confetti', subject: 's' })",
        "POST /v1/chats",
        "({ addresses: ['a@b.c'], service: 'CHAT_SERVICE_TYPE_IMESSAGE', initialMessage: { text: 'h\\u{1F389}',
            effectId: 'com.apple.messages.effect.CKConfettiEffect', subject: 's' } })",
        &created,
        &["{ chat: ", WHOLE_CHAT, ", initialMessage: ", message, " }"].concat(),
    )
    .await;
}

#[wasm_bindgen_test]
async fn every_write_has_a_key_and_a_server_when_they_are_asked_for() {
    let page = Page::with("({ server: 'eu-1' })");
    page.run("page.answers.push(json({}), json({}), json({ count: 1 }), json({ chat: { guid: 'g' } }), json({ chat: { guid: 'g' } }))");
    for call in [
        "chats.markRead('any;-;a@b.c')",
        "chats.markRead('any;-;a@b.c')",
        "chats.count()",
        "chats.create(['a@b.c'], { clientMessageId: 'mine' })",
        // No header carries this key; the body does.
        "chats.create(['a@b.c'], { clientMessageId: 'm\\u00FCn' })",
    ] {
        page.settle(call).await;
        page.expect("page.result.error", "undefined");
    }
    let keys = "page.requests.map(({ headers }) => headers['x-idempotency-key'])";
    page.expect(
        &[keys, ".map((key) => /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(key))"].concat(),
        "[true, true, false, false, false]",
    );
    page.expect(&["new Set(", keys, ".slice(0, 2)).size"].concat(), "2");
    page.expect(&[keys, ".slice(2)"].concat(), "[undefined, 'mine', undefined]");
    page.expect("page.requests.slice(3).map(({ body }) => JSON.parse(body).clientMessageId)", "['mine', 'm\\u00FCn']");
    page.expect("page.requests.every(({ headers }) => headers['x-photon-server'] === 'eu-1')", "true");
}
