// The works that are measured, the same in every runtime. Each takes an opened subject and gives a function that does so many of them.

const WIDTH = 32;

/** Reads a stream for good; each call of what it gives resolves when so many more events have come. `first` was pulled already. */
export function follow(stream, first) {
  let left = 0;
  let last = 0;
  let waiting;
  const handle = ({ sequence }) => {
    if (!(sequence > last)) waiting.reject(new Error(`${sequence} came after ${last}`));
    last = sequence;
    left -= 1;
    if (left === 0) waiting.resolve();
  };
  const loop = async () => {
    if (first) handle((await first).value);
    for await (const event of stream) handle(event);
    throw new Error("the stream ended");
  };
  loop().catch((error) => waiting.reject(error));
  return (count) =>
    new Promise((resolve, reject) => {
      left = count;
      waiting = { resolve, reject };
    });
}

export const WORKS = {
  /** Events through `for await`, as `generate` makes them happen. */
  async live(subject, { generate }) {
    const { first, stream } = await subject.live();
    const seen = follow(stream, first);
    return (count) => {
      const all = seen(count);
      generate(count);
      return all;
    };
  },

  /** The last `count` events of the log. */
  async replay(subject, { head }) {
    return async (count) => {
      let seen = 0;
      for await (const event of subject.replay(head - count)) seen += event.sequence === undefined ? 0 : 1;
      if (seen !== count) throw new Error(`${seen} events of ${count}`);
    };
  },

  async sequence(subject, { chat }) {
    return async (count) => {
      for (let left = count; left > 0; left -= 2) {
        await subject.get(chat);
        await subject.markRead(chat);
      }
    };
  },

  async parallel(subject, { chat }) {
    return async (count) => {
      for (let left = count; left > 0; left -= WIDTH) {
        await Promise.all(Array.from({ length: WIDTH }, (_, index) => (index % 2 ? subject.get(chat) : subject.markRead(chat))));
      }
    };
  },

  async background(subject, { chat, bytes }) {
    const image = new Uint8Array(bytes).fill(0x5a);
    // What a JPEG begins with.
    image.set([0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00]);
    return async (count) => {
      for (let left = count; left > 0; left -= 1) await subject.setBackground(chat, image);
    };
  },
};
