import type { MessageReaction } from "./wasm/im_chats.js";
import type { MessageReactionName } from "./wasm/messages.js";
import type {
  ActOnMessageOptions,
  ActOptions,
  GenerateOptions,
  Generated,
  WorldAttachment,
  WorldChat,
  WorldMessage,
  WorldReactOptions,
  WorldReadOptions,
  WorldTypingOptions,
  Written,
  WrittenAttachment,
  WrittenMessage,
  WrittenPoll,
} from "./world-shapes.js";

/**
 * Plays everybody else: what other people do, and what this account does on its other devices. Each act is done once its promise
 * resolves, and its events are in the log then; clients see them as they see those of the real service.
 *
 * The rules are those of the service: an act that breaks one rejects, and changes nothing. Every method rejects with a
 * `ValidationError` when an argument is wrong (`context.field` names it), and with a `NotFoundError` when a chat, message or poll is
 * not there.
 */
export interface World {
  /**
   * Lets a message come in. The chat's unread count goes up, and an archived chat comes back first.
   *
   * Events: `chat.unarchived` when the chat was archived, then `message.received` with `isFromMe: false`.
   *
   * @param message from whom, or where, and what it says
   * @returns the GUIDs of the chat and the message
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * const { chat, message } = await world.receive({ from: "alice@example.com", text: "Lunch?" });
   */
  receive(message: WorldMessage): Promise<WrittenMessage>;
  /**
   * Lets a file come in, as {@link World.receive} does a text.
   *
   * Events: `chat.unarchived` when the chat was archived, then `message.received`.
   *
   * @param attachment from whom, or where, and the file
   * @returns the GUIDs of the chat, the message and the file
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.receiveAttachment({ from: "alice@example.com", data: await readFile("photo.jpg"), fileName: "photo.jpg" });
   */
  receiveAttachment(attachment: WorldAttachment): Promise<WrittenAttachment>;
  /**
   * Changes the text of a message, which only its author may, for 15 minutes.
   *
   * Event: `message.edited`; none when the text is the same.
   *
   * @param chat the chat's GUID
   * @param message the message's GUID
   * @param text the new text
   * @param options `actor`, the message's author, and `partIndex`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.edit(chat, message, "Lunch at one?", { actor: "alice@example.com" });
   */
  edit(chat: string, message: string, text: string, options?: ActOnMessageOptions): Promise<Written>;
  /**
   * Takes a message back, which only its author may, for 2 minutes.
   *
   * Event: `message.unsent`.
   *
   * @param chat the chat's GUID
   * @param message the message's GUID
   * @param options `actor`, the message's author
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.unsend(chat, message, { actor: "alice@example.com" });
   */
  unsend(chat: string, message: string, options?: ActOptions): Promise<Written>;
  /**
   * Puts a tapback on a message, or takes it away. A person has one on a part: another one takes its place.
   *
   * Events: `message.reactionRemoved` when there was another one, then `message.reactionAdded`; none when nothing changed.
   *
   * @param chat the chat's GUID
   * @param message the message's GUID
   * @param reaction as `im.messages.react` takes it: the name of a tapback, or `{ kind: "emoji", emoji }` with exactly one
   * @param options `actor`, `partIndex`, and `remove` to take it away
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.react(chat, message, "love", { actor: "alice@example.com" });
   * await world.react(chat, message, { kind: "emoji", emoji: "🎉" }, { actor: "alice@example.com" }); // in its place
   */
  react(chat: string, message: string, reaction: MessageReactionName | MessageReaction, options?: WorldReactOptions): Promise<Written>;
  /**
   * Lets somebody read what this account sent: a read receipt.
   *
   * Event: `message.read` for the message; the earlier ones of this account count as read, too.
   *
   * @param chat the chat's GUID
   * @param options `actor`, who reads, and `message`, up to which
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.read(chat);
   */
  read(chat: string, options?: WorldReadOptions): Promise<Written>;
  /**
   * Lets somebody type, for 60 seconds or until a message of theirs. It is in no log and causes no event; {@link World.chats} shows it.
   *
   * @param chat the chat's GUID
   * @param options `actor`, who types, and `isTyping`
   * @returns that nothing was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.typing(chat, { actor: "alice@example.com" });
   */
  typing(chat: string, options?: WorldTypingOptions): Promise<Written>;
  /**
   * Puts a chat into the archive.
   *
   * Event: `chat.archived`; none when it is there already.
   *
   * @param chat the chat's GUID
   * @param options `actor`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.archive(chat);
   */
  archive(chat: string, options?: ActOptions): Promise<Written>;
  /**
   * Takes a chat out of the archive.
   *
   * Event: `chat.unarchived`; none when it is not there.
   *
   * @param chat the chat's GUID
   * @param options `actor`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.unarchive(chat);
   */
  unarchive(chat: string, options?: ActOptions): Promise<Written>;
  /**
   * Gives a chat a background, in place of the one it has.
   *
   * Event: `chat.backgroundChanged`.
   *
   * @param chat the chat's GUID
   * @param data the image: JPEG, PNG, HEIC or HEIF, of at most 20 MiB
   * @param options `actor`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.setBackground(chat, await readFile("beach.jpg"), { actor: "alice@example.com" });
   */
  setBackground(chat: string, data: ArrayBufferView | ArrayBuffer, options?: ActOptions): Promise<Written>;
  /**
   * Takes the background of a chat away.
   *
   * Event: `chat.backgroundRemoved`; none when there is none.
   *
   * @param chat the chat's GUID
   * @param options `actor`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.removeBackground(chat);
   */
  removeBackground(chat: string, options?: ActOptions): Promise<Written>;
  /**
   * Marks a chat read, as on another device of this account.
   *
   * Event: `chat.markedRead`; none when everything is read.
   *
   * @param chat the chat's GUID
   * @param options `actor`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.markRead(chat);
   */
  markRead(chat: string, options?: ActOptions): Promise<Written>;
  /**
   * Brings somebody into a group. `me@example.com`, this account, comes back with it after it left.
   *
   * Event: `group.changed` with `participantAdded`.
   *
   * @param chat the group's GUID
   * @param address who comes in
   * @param options `actor`, who brings them
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.join(chat, "carol@example.com", { actor: "alice@example.com" });
   */
  join(chat: string, address: string, options?: ActOptions): Promise<Written>;
  /**
   * Lets somebody leave a group.
   *
   * Event: `group.changed` with `participantLeft`.
   *
   * @param chat the group's GUID
   * @param options `actor`, who leaves
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.leave(chat, { actor: "carol@example.com" });
   */
  leave(chat: string, options?: ActOptions): Promise<Written>;
  /**
   * Gives a group a name.
   *
   * Event: `group.changed` with `displayNameChanged`; none when the name is the same.
   *
   * @param chat the group's GUID
   * @param name the new name
   * @param options `actor`
   * @returns what was written
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.rename(chat, "Trip", { actor: "alice@example.com" });
   */
  rename(chat: string, name: string, options?: ActOptions): Promise<Written>;
  /**
   * Sends a poll.
   *
   * Events: `message.received`, then `poll.changed` with `created`.
   *
   * @param chat the chat's GUID
   * @param title its question
   * @param options its options, 2 to 100 texts
   * @param act `actor`
   * @returns the poll's GUID, and its options with their identifiers
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * const { poll, options } = await world.createPoll(chat, "Lunch?", ["Pizza", "Sushi"], { actor: "alice@example.com" });
   */
  createPoll(chat: string, title: string, options: readonly string[], act?: ActOptions): Promise<WrittenPoll>;
  /**
   * Votes in a poll, in place of the person's vote before.
   *
   * Event: `poll.changed` with `voted`; none when the vote is the same.
   *
   * @param poll the GUID of the message that carries the poll
   * @param option the option's identifier, such as `option-2`
   * @param act `actor`
   * @returns the poll as it is then
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.vote(poll, options[1].optionIdentifier, { actor: "bob@example.com" });
   */
  vote(poll: string, option: string, act?: ActOptions): Promise<WrittenPoll>;
  /**
   * Takes a vote back.
   *
   * Event: `poll.changed` with `unvoted`; none when there is none.
   *
   * @param poll the GUID of the message that carries the poll
   * @param act `actor`
   * @returns the poll as it is then
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.unvote(poll, { actor: "bob@example.com" });
   */
  unvote(poll: string, act?: ActOptions): Promise<WrittenPoll>;
  /**
   * Adds an option to a poll.
   *
   * Event: `poll.changed` with `optionAdded`.
   *
   * @param poll the GUID of the message that carries the poll
   * @param text what voters see
   * @param act `actor`
   * @returns the poll as it is then
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.addPollOption(poll, "Thai", { actor: "bob@example.com" });
   */
  addPollOption(poll: string, text: string, act?: ActOptions): Promise<WrittenPoll>;
  /**
   * Makes many events at once, for load tests: the chats go in turn into the archive and out of it.
   *
   * Events: `count` of `chat.archived` and `chat.unarchived`.
   *
   * @param options how many, and in which chats
   * @returns the first and the last sequence
   * @throws ValidationError when an argument is wrong or a rule is broken, and NotFoundError when something named is not there
   *
   * @example
   * await world.generate({ count: 1000 });
   */
  generate(options: GenerateOptions): Promise<Generated>;
  /**
   * All chats that there are, the archived ones and those that the account left included, in the order of their GUIDs.
   *
   * @returns what the emulator knows of each
   * @throws ValidationError of code `preconditionFailed` when the emulator is stopped
   *
   * @example
   * const [{ typing }] = await world.chats(); // whether a program types now
   */
  chats(): Promise<readonly WorldChat[]>;
}
