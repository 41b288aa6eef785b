// Takes a wasm module with a name section apart: how many bytes each function and each data segment has.

class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    Object.assign(this, { bytes, at, end });
  }
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
  part(length) {
    const part = new Reader(this.bytes, this.at, this.at + length);
    this.at += length;
    return part;
  }
  text() {
    const { at, end } = this.part(this.number());
    return new TextDecoder().decode(this.bytes.subarray(at, end));
  }
}

const IMPORT = 2;
const CODE = 10;
const DATA = 11;

/** The parts of a module as `{ name, at, end }`: functions by name, data segments as `data`, sections as `section N`. */
export function parts(bytes) {
  const module = new Reader(bytes, 8);
  const functions = [];
  const others = [];
  let names = new Map();
  let imported = 0;
  while (module.at < module.end) {
    const begin = module.at;
    const id = module.number();
    const section = module.part(module.number());
    if (id === 0) {
      if (section.text() === "name") names = functionNames(section);
      continue;
    }
    if (id === IMPORT) imported = countFunctionImports(new Reader(bytes, section.at, section.end));
    if (id !== CODE && id !== DATA) {
      others.push({ name: `section ${id}`, at: begin, end: section.end });
      continue;
    }
    for (let left = section.number(); left > 0; left--) {
      const at = section.at;
      if (id === CODE) section.part(section.number());
      else skipSegment(section);
      (id === CODE ? functions : others).push({ name: "data", at, end: section.at });
    }
  }
  functions.forEach((each, index) => (each.name = names.get(imported + index) ?? "unnamed"));
  return [...functions, ...others];
}

function functionNames(section) {
  const names = new Map();
  while (section.at < section.end) {
    const kind = section.number();
    const part = section.part(section.number());
    if (kind !== 1) continue;
    for (let left = part.number(); left > 0; left--) names.set(part.number(), part.text());
  }
  return names;
}

function countFunctionImports(section) {
  let functions = 0;
  for (let left = section.number(); left > 0; left--) {
    section.text();
    section.text();
    const kind = section.number();
    if (kind === 0) functions += 1;
    // Our modules import functions only; anything else would need its own way to be skipped.
    if (kind !== 0) throw new Error(`an import of kind ${kind}`);
    section.number();
  }
  return functions;
}

function skipSegment(section) {
  if (section.number() === 0) while (section.bytes[section.at++] !== 0x0b);
  section.part(section.number());
}
