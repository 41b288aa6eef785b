// The size of the package's wasm memory. The package does not export the memory, so this catches it where it is made: import
// this file before `im-chats`.

let memory;
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...input) => {
  const result = await instantiate(...input);
  memory = (result.instance ?? result).exports.memory;
  return result;
};

/** In bytes. There is none before the package has started its wasm. */
export const wasmBytes = () => memory.buffer.byteLength;
