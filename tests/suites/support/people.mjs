// The other people of an emulator, played through its control plane.
//
//   const people = peopleOf(emulator);
//   const { guid } = await people.says(chat, "alice@example.com", "Hello");

/** What other people can do in an emulator; `call` is `call` of a gateway of `gateway.mjs`. Each resolves with the answer's body. */
export function peopleOf({ call }) {
  const post = async (path, body) => {
    const [status, answer] = await call("POST", `/emulator/v1/${path}`, body);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    post,
    /**
     * Somebody writes. `also` may have `replyTo`, or an `attachment` in place of the text: `{ fileName, data }`, the bytes in base64. Gives the
     * message.
     */
    says: async (chatGuid, from, text, { attachment, ...also } = {}) => {
      const written = attachment
        ? await post("messages:receiveAttachment", { chatGuid, from, ...attachment, ...also })
        : await post("messages:receive", { chatGuid, from, text, ...also });
      return written.message;
    },
    /** Somebody changes a message of theirs. */
    edits: (chatGuid, actor, messageGuid, text) => post("messages:edit", { chatGuid, actor, messageGuid, text }),
    /** Somebody takes a message of theirs back. */
    unsends: (chatGuid, actor, messageGuid) => post("messages:unsend", { chatGuid, actor, messageGuid }),
    /** Somebody puts a tapback on a message, `{ kind, emoji? }`, or takes it away. */
    reacts: (chatGuid, actor, messageGuid, reaction, isSet = true) => post("messages:react", { chatGuid, actor, messageGuid, ...reaction, isSet }),
    /** Somebody has read what the account wrote. */
    reads: (chatGuid, actor, messageGuid) => post("messages:read", { chatGuid, actor, messageGuid }),
    /** Somebody comes into a group. */
    joins: (chatGuid, address, actor) => post("groups:join", { chatGuid, address, actor }),
    /** Somebody leaves a group. */
    leaves: (chatGuid, actor) => post("groups:leave", { chatGuid, actor }),
    /** Somebody votes in a poll. */
    votes: (pollMessageGuid, actor, optionIdentifier) => post("polls:vote", { pollMessageGuid, actor, optionIdentifier }),
  };
}
