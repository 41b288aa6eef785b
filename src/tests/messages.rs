//! Messages and groups: what goes out, what comes back, and what is refused.

use im_chats_protocol::model::Message;
use im_chats_protocol::wire::messaging::upload::upload_key;
use wasm_bindgen_test::wasm_bindgen_test;

use super::calls::{WHOLE_CHAT, expect_call};
use super::{Page, shown};

const CHAT: &str = "'any;-;a@b.c'";
/// A message as the wire has it at least, and its part of an expression that looks at what came of it.
const MESSAGE: &str = "{ message: { guid: 'm', dateCreated: 't', isFromMe: true, content: { text: 'hi' } } }";

/// The method and path, and the body, of a call that gives a message.
async fn expect_message(call: &str, sent: &str, body: &str) {
    let page = Page::with("({ autoIdempotency: false })");
    page.run(&["page.answers.push(json(", MESSAGE, "))"].concat());
    page.settle(call).await;
    page.expect("page.result.error", "undefined");
    page.expect("[page.result.value.guid, page.result.value.content.text, page.result.value.isSent]", "['m', 'hi', false]");
    page.expect("page.requests.map(({ method, url }) => method + ' ' + url.replace('http://im.example.com', ''))", sent);
    page.expect("page.requests[0].body && JSON.parse(page.requests[0].body)", body);
    page.expect("[page.timers.size, page.listening]", "[0, 0]");
}

#[wasm_bindgen_test]
async fn messages_are_sent_and_changed_by_bodies() {
    expect_message(
        "messages.send('any;-;a@b.c', 'hi', { replyTo: { guid: 'r', partIndex: 1 }, effect: 'confetti', subject: 's',
            formatting: [{ type: 'bold', start: 0, length: 2 }], clientMessageId: 'k' })",
        "['POST /v1/messages:sendText']",
        "({ chatGuid: 'any;-;a@b.c', text: 'hi', formatting: [{ type: 'bold', start: 0, length: 2 }],
            replyTo: { messageGuid: 'r', targetPartIndex: 1 }, effectId: 'com.apple.messages.effect.CKConfettiEffect', subject: 's',
            clientMessageId: 'k' })",
    )
    .await;
    expect_message(
        "messages.edit('any;-;a@b.c', 'm', 'new', { partIndex: 0, backwardCompatText: 'old' })",
        "['POST /v1/messages:edit']",
        "({ target: { chatGuid: 'any;-;a@b.c', messageGuid: 'm', targetPartIndex: 0 }, newText: 'new', backwardCompatText: 'old' })",
    )
    .await;
    let target = "{ chatGuid: 'any;-;a@b.c', messageGuid: 'm' }";
    for (given, reaction, is_set) in [
        ("'love'", "{ kind: 'MESSAGE_REACTION_KIND_LOVE' }", "true"),
        ("{ kind: 'question' }, {}", "{ kind: 'MESSAGE_REACTION_KIND_QUESTION' }", "true"),
        (
            "{ kind: 'emoji', emoji: '\\u{1F389}' }, { remove: true }",
            "{ kind: 'MESSAGE_REACTION_KIND_EMOJI', emoji: '\\u{1F389}' }",
            "false",
        ),
    ] {
        let call = ["messages.react('any;-;a@b.c', 'm', ", given, ")"].concat();
        let body = ["({ target: ", target, ", reaction: ", reaction, ", isSet: ", is_set, " })"].concat();
        expect_message(&call, "['POST /v1/messages:setReaction']", &body).await;
    }
    let attachment = "({ chatGuid: 'any;-;a@b.c', attachment: { attachmentGuid: 'a' }, isAudioMessage: true, replyTo: { messageGuid: 'r' } })";
    let call = "messages.sendAttachment('any;-;a@b.c', 'a', { isAudioMessage: true, replyTo: 'r' })";
    expect_message(call, "['POST /v1/messages:sendAttachment']", attachment).await;
    let body = ["({ target: ", target, " })"].concat();
    expect_call("messages.unsend('any;-;a@b.c', 'm')", "POST /v1/messages:unsend", &body, "{}", "undefined").await;
}

#[wasm_bindgen_test]
async fn messages_are_read_by_queries() {
    expect_message("messages.get('0-A/b')", "['GET /v1/messages/0-A%2Fb']", "undefined").await;
    let call = "messages.list('any;-;a@b.c', { pageSize: 2, pageToken: 't', isFromMe: false, isRead: true, before: '2026-11-27T08:00:00+01:00' })";
    let path = "GET /v1/messages:listByChat?chatGuid=any%3B-%3Ba%40b.c&pageSize=2&pageToken=t&isFromMe=false&isRead=true&before=2026-11-27T08%3A00%3A00%2B01%3A00";
    expect_call(call, path, "undefined", "{ nextPageToken: 'n' }", "{ messages: [], nextPageToken: 'n' }").await;
}

#[wasm_bindgen_test]
async fn groups_are_chats() {
    let answer = "{ chat: { guid: 'any;-;a@b.c' } }";
    let people = "({ chatGuid: 'any;+;g', addresses: ['a@b.c'] })";
    expect_call("groups.get('any;+;g')", "GET /v1/chats:get?chatGuid=any%3B%2B%3Bg", "undefined", answer, WHOLE_CHAT).await;
    let name = "({ chatGuid: 'any;+;g', displayName: 'Trip' })";
    expect_call("groups.rename('any;+;g', 'Trip')", "POST /v1/groups:setDisplayName", name, answer, WHOLE_CHAT).await;
    expect_call("groups.add('any;+;g', ['a@b.c'])", "POST /v1/groups:addParticipants", people, answer, WHOLE_CHAT).await;
    expect_call("groups.remove('any;+;g', ['a@b.c'])", "POST /v1/groups:removeParticipants", people, answer, WHOLE_CHAT).await;
    expect_call("groups.leave('any;+;g')", "POST /v1/groups:leave", "({ chatGuid: 'any;+;g' })", "{}", "undefined").await;
}

#[wasm_bindgen_test]
async fn a_message_of_an_answer_is_the_documented_object() {
    let page = Page::new();
    page.run(
        "page.answers.push(json({ message: { guid: 'm', dateCreated: 't', chatGuids: ['g'], sendErrorCode: -1, partCount: 2,
            itemType: 'MESSAGE_ITEM_TYPE_NORMAL', sender: { address: 'a@b.c', service: 'CHAT_SERVICE_TYPE_IMESSAGE' },
            content: { text: 'hi', attachments: [{ guid: 'a', totalBytes: '5368709120', transferState: 'TRANSFER_STATE_FINISHED' }] },
            appliedReactions: [{ messageGuid: 'r', reaction: {}, dateCreated: 't' }],
            placedStickers: [{ dateCreated: 't', placement: { x: 0.5, y: -1.25 } }] } }))",
    );
    page.settle("messages.get('m')").await;
    let message = page.run("page.result.value");
    let typed: Message = serde_wasm_bindgen::from_value(message.clone()).unwrap();
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let again = serde::Serialize::serialize(&typed, &serializer).unwrap();
    assert_eq!(shown(&message), shown(&again), "the table and the documented type agree, key by key, in order");
    page.expect("page.result.value.content.attachments[0].totalBytes", "5368709120");
}

/// The answers to an upload and to the message that follows it.
const BOTH: &str =
    "page.answers.push(json({ attachment: { guid: 'A-1' } }), json({ message: { guid: 'm', dateCreated: 't', content: {} } }))";
const SEND_FILE: &str =
    "messages.sendAttachment('any;-;a@b.c', new Uint8Array([1, 2, 255]), { fileName: 'a b.bin', effect: 'loud' })";

#[wasm_bindgen_test]
async fn a_file_goes_up_as_it_is_and_is_then_sent() {
    let page = Page::new();
    page.run(BOTH);
    page.settle(SEND_FILE).await;
    page.expect("page.result.value.guid", "'m'");
    page.expect(
        "page.requests.map(({ method, url }) => method + ' ' + url)",
        "['POST http://im.example.com/v1/attachments:upload?fileName=a%20b.bin', 'POST http://im.example.com/v1/messages:sendAttachment']",
    );
    page.expect("[...page.requests[0].body]", "[1, 2, 255]");
    page.expect(
        "page.requests.map(({ headers }) => headers['content-type'])",
        "['application/octet-stream', 'application/json']",
    );
    page.expect(
        "JSON.parse(page.requests[1].body)",
        "({ chatGuid: 'any;-;a@b.c', attachment: { attachmentGuid: 'A-1' }, effectId: 'com.apple.MobileSMS.expressivesend.loud' })",
    );
    // One call with one key, of which the upload's is made.
    let keys = page.run("page.requests.map(({ headers }) => headers['x-idempotency-key']).join(' ')").as_string().unwrap();
    let (upload, message) = keys.split_once(' ').unwrap();
    assert_eq!(upload, upload_key(message));
    page.expect("[page.timers.size, page.listening]", "[0, 0]");
}

#[wasm_bindgen_test]
async fn the_same_message_again_is_the_same_upload_again() {
    let page = Page::with("({ autoIdempotency: false })");
    for _ in 0..2 {
        page.run(BOTH);
        page.settle(
            "messages.sendAttachment('any;-;a@b.c', new Uint8Array(1), { fileName: 'f', clientMessageId: 'm\\u00FCn' })",
        )
        .await;
        page.expect("page.result.error", "undefined");
    }
    let keys = "page.requests.map(({ headers }) => headers['x-idempotency-key'])";
    let upload = ["'", &upload_key("m\u{fc}n"), "'"].concat();
    page.expect(keys, &["[", &upload, ", undefined, ", &upload, ", undefined]"].concat());
    page.expect("[1, 3].map((at) => JSON.parse(page.requests[at].body).clientMessageId)", "['m\\u00FCn', 'm\\u00FCn']");
    // Without any key nothing has one, and nothing is tried twice.
    page.run("page.requests.length = 0");
    page.run("page.answers.push(json({ code: 'unavailable', retryable: true }, 503))");
    page.settle(SEND_FILE).await;
    page.expect("[page.requests.length, page.requests[0].headers['x-idempotency-key']]", "[1, undefined]");
}

#[wasm_bindgen_test]
async fn a_message_that_fails_after_its_upload_is_tried_again_without_another_and_then_says_what_was_uploaded() {
    let page = Page::new();
    let failure = "json({ code: 'unavailable', message: 'no', retryable: true }, 503)";
    let answers = ["page.answers.push(json({ attachment: { guid: 'A-1' } }), ", &[failure; 3].join(", "), ")"].concat();
    page.run(&answers);
    page.start(SEND_FILE);
    page.until("page.requests.length === 2 && page.timers.size === 2").await;
    page.run("page.advance(0)");
    page.until("page.requests.length === 3 && page.timers.size === 2").await;
    page.run("page.advance(0)");
    page.settled().await;
    page.expect("page.requests.map(({ url }) => url.includes('upload'))", "[true, false, false, false]");
    page.expect("[page.result.error.context.attachmentGuid, page.result.error.retryable]", "['A-1', true]");
    page.expect("new Set(page.requests.slice(1).map(({ headers }) => headers['x-idempotency-key'])).size", "1");
}

#[wasm_bindgen_test]
async fn one_timeout_and_one_signal_end_both_steps() {
    let page = Page::with("({ timeout: 1_000 })");
    page.run("page.answers.push(json({ attachment: { guid: 'A-1' } }), silence())");
    page.start(SEND_FILE);
    page.until("page.requests.length === 2").await;
    page.run("page.advance(1_000)");
    page.settled().await;
    page.expect("page.result.error.code", "'timeout'");
    page.expect("page.requests[1].signal.aborted", "true");
    page.run("page.controller = new AbortController()");
    page.run("page.answers.push(silence())");
    page.start("messages.sendAttachment('any;-;a@b.c', new Uint8Array(1), { fileName: 'f', signal: page.controller.signal })");
    page.until("page.requests.length === 3").await;
    page.run("page.controller.abort('stop')");
    page.settled().await;
    page.expect("[page.result.error, page.requests[2].signal.aborted, page.listening]", "['stop', true, 0]");
}

#[wasm_bindgen_test]
async fn wrong_input_is_refused_before_anything_goes_out() {
    let page = Page::new();
    for (call, field) in [
        ("messages.send('a', 'hi')", "chat"),
        ("messages.send(CHAT, '')", "text"),
        ("messages.send(CHAT, 5)", "text"),
        ("messages.send(CHAT, 'hi', { replyTo: 5 })", "replyTo"),
        ("messages.send(CHAT, 'hi', { replyTo: ' ' })", "replyTo"),
        ("messages.send(CHAT, 'hi', { replyTo: {} })", "replyTo.guid"),
        ("messages.send(CHAT, 'hi', { replyTo: { guid: 'm', partIndex: 0.5 } })", "replyTo.partIndex"),
        ("messages.send(CHAT, 'hi', { replyTo: { guid: 'm', partIndex: '0' } })", "replyTo.partIndex"),
        ("messages.send(CHAT, 'hi', { effect: 'nonsense' })", "effect"),
        ("messages.send(CHAT, 'hi', { subject: 5 })", "subject"),
        ("messages.send(CHAT, 'hi', { formatting: {} })", "formatting"),
        ("messages.send(CHAT, 'hi', { formatting: [5] })", "formatting[0]"),
        ("messages.send(CHAT, 'hi', { formatting: [{}] })", "formatting[0].type"),
        ("messages.send(CHAT, 'hi', { formatting: [{ type: 'bold', start: 0, length: 3 }] })", "formatting[0]"),
        ("messages.send(CHAT, 'hi', { formatting: [{ type: 'bold', start: '0', length: 1 }] })", "formatting[0]"),
        (
            "messages.send(CHAT, 'hi', { formatting: [{ type: 'bold', start: 0, length: 1, effectName: 5 }] })",
            "formatting[0].effectName",
        ),
        ("messages.send(CHAT, 'hi', { clientMessageId: ' ' })", "clientMessageId"),
        ("messages.send(CHAT, 'hi', { signal: 5 })", "signal"),
        ("messages.sendAttachment(CHAT, 5)", "fileName"),
        ("messages.sendAttachment(CHAT, 5, { fileName: 'f' })", "data"),
        ("messages.sendAttachment(CHAT, new Uint8Array(0), { fileName: 'f' })", "data"),
        ("messages.sendAttachment(CHAT, new Uint8Array(1))", "fileName"),
        ("messages.sendAttachment(CHAT, new Uint8Array(1), { fileName: ' ' })", "fileName"),
        ("messages.sendAttachment(CHAT, new Uint8Array(1), { fileName: 'f', clientMessageId: '' })", "clientMessageId"),
        ("messages.sendAttachment('a', new Uint8Array(1), { fileName: 'f' })", "chat"),
        ("messages.sendAttachment(CHAT, '')", "data"),
        ("messages.sendAttachment(CHAT, 'a', { isAudioMessage: 1 })", "isAudioMessage"),
        ("messages.edit(CHAT, '', 'hi')", "message"),
        ("messages.edit(CHAT, 'm', ' ')", "text"),
        ("messages.edit(CHAT, 'm', 'hi', { partIndex: -1 })", "partIndex"),
        ("messages.edit(CHAT, 'm', 'hi', { backwardCompatText: '' })", "backwardCompatText"),
        ("messages.unsend(CHAT)", "message"),
        ("messages.react(CHAT, 'm', 'loev')", "reaction"),
        ("messages.react(CHAT, 'm', { kind: 'sticker' })", "reaction"),
        ("messages.react(CHAT, 'm', { emoji: 'x' })", "reaction.kind"),
        ("messages.react(CHAT, 'm', { kind: 'emoji' })", "reaction.emoji"),
        ("messages.react(CHAT, 'm', { kind: 'emoji', emoji: 5 })", "reaction.emoji"),
        ("messages.react(CHAT, 'm', 5)", "reaction"),
        ("messages.react(CHAT, 'm', 'love', { remove: 'yes' })", "remove"),
        ("messages.get(5)", "message"),
        ("messages.list(CHAT, { pageSize: 0 })", "pageSize"),
        ("messages.list(CHAT, { pageSize: '5' })", "pageSize"),
        ("messages.list(CHAT, { before: 'yesterday' })", "before"),
        ("messages.list(CHAT, { isRead: 'no' })", "isRead"),
        ("groups.get(CHAT)", "chat"),
        ("groups.rename('any;+;g', '')", "name"),
        ("groups.add('any;+;g', [])", "addresses"),
        ("groups.remove('any;+;g', ['a@b.c', 5])", "addresses[1]"),
        ("groups.leave('any;+;g', { clientMessageId: 5 })", "clientMessageId"),
    ] {
        page.settle(&call.replace("CHAT", CHAT)).await;
        page.expect("page.result.error?.context.field", &["'", field, "'"].concat());
        page.expect("[page.result.error.code, page.result.error.category]", "['invalidArgument', 4]");
    }
    page.expect("[page.requests.length, page.timers.size, page.tokensAsked]", "[0, 0, 0]");
}
