// Which part of the project or of its dependencies a function of the wasm belongs to.

const GROUPS = [
  [/^section /, "imports, exports, types"],
  [/^data$/, "constants: texts and tables"],
  [/shim/, "im_chats: what JavaScript calls"],
  [/^core_|^streamhandle_|^retryDelay|^__wbg_/, "im_chats: what JavaScript calls"],
  [/im_chats_protocol.*client/, "im_chats_protocol::client: the event stream's machine"],
  [/im_chats_protocol.*wire/, "im_chats_protocol::wire: frames, requests, answers"],
  [/im_chats_protocol/, "im_chats_protocol: model, errors, limits"],
  [/im_chats.*driver/, "im_chats::driver, with the parts of the machine that are called once"],
  [/im_chats/, "im_chats: the rest of the binding"],
  [/talc|__rust(c.*)?_(alloc|dealloc|realloc)/, "talc: the allocator"],
  [/js_sys|web_sys/, "js-sys, web-sys"],
  [/wasm_bindgen|__wbindgen|externref/, "wasm-bindgen"],
  [/drop_in_place|drop_slow/, "destructors"],
  [/alloc(\[|::)/, "alloc: strings, lists, queues"],
  [/core(\[|::)|memcmp|memcpy/, "core"],
];

/** The group of a function by its name. */
export function groupOf(name) {
  return GROUPS.find(([pattern]) => pattern.test(name))?.[1] ?? "other";
}
