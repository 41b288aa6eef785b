import { abortReason } from "./abort.js";
import type { LazyClient } from "./client.js";
import { isBrowser } from "./environment.js";
import { callSite, precondition, type CallSite } from "./errors.js";
import { copyBytes, copyList, now, plain, readOptions } from "./snapshot.js";
import type { CatchUpOptions, Chats, Events, ListChatsOptions, SubscribeAllOptions, SubscribeOptions, Tokens } from "./types.js";
import type { CallOptions, Chat } from "./wasm/im_chats.js";

// Each method reads its input now, and calls the wasm once that has started. They are functions of their own, so that they work without
// the object, as in `const { get } = im.chats`.

/** The input of a call about one chat. */
function aboutChat(chat: string, options: CallOptions | undefined) {
  return now(() => [plain("chat", chat), readOptions(options)] as const);
}

/** One walk through the pages of a list. */
async function* listed(client: LazyClient, site: CallSite, given: () => ListChatsOptions | undefined): AsyncGenerator<Chat, undefined> {
  // A chat whose place changes meanwhile may be on two pages.
  const seen = new Set<string>();
  let pageToken: string | undefined;
  do {
    const { chats, nextPageToken } = await client.call(site, (chats) => chats.listPage({ ...given(), pageToken }));
    for (const chat of chats) {
      if (seen.has(chat.guid)) continue;
      seen.add(chat.guid);
      const signal = given()?.signal;
      if (signal?.aborted) throw abortReason(signal);
      yield chat;
    }
    pageToken = nextPageToken;
  } while (pageToken !== undefined);
  return undefined;
}

/** `im.chats` of a client. @internal */
export function chatsOf(client: LazyClient): Chats {
  return {
    create: function create(addresses, options) {
      const known = ["message", "effect", "subject", "clientMessageId"] as const;
      const given = now(() => [copyList("addresses", addresses), readOptions(options, known)] as const);
      return client.call(callSite(create), (chats) => chats.create(...given()));
    },
    get: function get(chat, options) {
      const given = aboutChat(chat, options);
      return client.call(callSite(get), (chats) => chats.get(...given()));
    },
    count: function count(options) {
      const given = now(() => readOptions(options, ["includeArchived"]));
      return client.call(callSite(count), (chats) => chats.count(given()));
    },
    list: function list(options) {
      const given = now(() => readOptions(options, ["archived", "pageSize"]));
      const site = callSite(list);
      return { [Symbol.asyncIterator]: () => listed(client, site, given) };
    },
    markRead: function markRead(chat, options) {
      const given = aboutChat(chat, options);
      return client.call(callSite(markRead), (chats) => chats.markRead(...given()));
    },
    setTyping: function setTyping(chat, isTyping, options) {
      const given = now(() => [plain("chat", chat), plain("isTyping", isTyping), readOptions(options)] as const);
      return client.call(callSite(setTyping), (chats) => chats.setTyping(...given()));
    },
    shareContactInfo: function shareContactInfo(chat, options) {
      const given = aboutChat(chat, options);
      return client.call(callSite(shareContactInfo), (chats) => chats.shareContactInfo(...given()));
    },
    setBackground: function setBackground(chat, data, options) {
      const given = now(() => [plain("chat", chat), copyBytes("data", data), readOptions(options)] as const);
      return client.call(callSite(setBackground), (chats) => chats.setBackground(...given()));
    },
    hasBackground: function hasBackground(chat, options) {
      const given = aboutChat(chat, options);
      return client.call(callSite(hasBackground), (chats) => chats.hasBackground(...given()));
    },
    removeBackground: function removeBackground(chat, options) {
      const given = aboutChat(chat, options);
      return client.call(callSite(removeBackground), (chats) => chats.removeBackground(...given()));
    },
    subscribeEvents: function subscribeEvents(options?: SubscribeOptions) {
      const given = now(() => readOptions(options, ["chat", "after", "resume", "onGap", "cursor"]));
      return client.stream(callSite(subscribeEvents), given, ({ chats }, options) => chats.subscribeEvents(options));
    },
  };
}

/** `im.tokens` of a client. @internal */
export function tokensOf(client: LazyClient, allowInBrowser: boolean): Tokens {
  return {
    create: function create(options) {
      const given = now(() => {
        if (!allowInBrowser && isBrowser()) {
          throw precondition(
            "tokens.create needs the operator's token, which no page may hold: call it in your back end, " +
              "or set allowTokenCreationInBrowser if only the operator opens this page",
          );
        }
        return readOptions(options, ["sub", "scope", "chats", "ttlSeconds"]);
      });
      // What is missing is refused there.
      return client.call(callSite(create), (_, { client }) => client.createToken(given() as typeof options));
    },
  };
}

/** `im.events` of a client. @internal */
export function eventsOf(client: LazyClient): Events {
  return {
    subscribe: function subscribe(options?: SubscribeAllOptions) {
      const given = now(() => readOptions(options, ["chats", "types", "after", "resume", "onGap", "cursor"]));
      return client.stream(callSite(subscribe), given, ({ events }, options) => events.subscribe(options));
    },
    catchUp: function catchUp(after, options?: CatchUpOptions) {
      const start = now(() => plain("after", after));
      const given = now(() => readOptions(options, ["cursor"]));
      return client.stream(callSite(catchUp), given, ({ events }, options) => events.catchUp(start(), options));
    },
  };
}
