// What the gateway's OpenAPI document says about requests; the suite has no list of paths or fields of its own.

import assert from "node:assert/strict";

/** Reads the document of the gateway at this address. */
export async function readDocument(address) {
  const response = await fetch(`${address}/openapi.json`);
  return new Described(await response.json());
}

class Described {
  #paths;
  #schemas;

  constructor({ paths, components }) {
    this.#paths = paths;
    this.#schemas = components.schemas;
  }

  /** The documented calls on chats, each as `method path`, without those that are the gateway's own. */
  get calls() {
    const all = Object.entries(this.#paths).flatMap(([path, item]) => {
      const theirs = Object.keys(item).filter((method) => !item[method]["x-im-chats-extension"]);
      return theirs.map((method) => `${method} ${path}`);
    });
    return all.filter((call) => / \/v1\/chats/.test(call)).sort();
  }

  /** Fails unless a recorded request is one of the documented calls, with documented fields only and all required ones. Gives its name. */
  check({ method, path, query, headers, body }) {
    const call = `${method.toLowerCase()} ${path}`;
    const operation = this.#paths[path]?.[method.toLowerCase()];
    assert.ok(operation, `the document has no ${call}`);
    const parameters = (place) => operation.parameters.filter((parameter) => parameter.in === place);
    const names = (place) => parameters(place).map(({ name }) => name);
    for (const name of Object.keys(query)) assert.ok(names("query").includes(name), `${call} has no parameter ${name}`);
    for (const { name, required } of parameters("query")) assert.ok(!required || name in query, `${call} needs the parameter ${name}`);
    if ("x-idempotency-key" in headers) assert.ok(names("header").includes("x-idempotency-key"), `${call} takes no idempotency key`);
    assert.equal(body !== undefined, operation.requestBody !== undefined, `the body of ${call}`);
    if (body) this.#checkFields(body, operation.requestBody.content["application/json"].schema, call);
    return call;
  }

  #checkFields(value, { $ref, ...inline }, place) {
    const schema = $ref ? this.#schemas[$ref.split("/").at(-1)] : inline;
    if (!schema.properties) return;
    for (const [name, field] of Object.entries(value)) {
      assert.ok(schema.properties[name], `${place} has no field ${name}`);
      this.#checkFields(field, schema.properties[name], `${place}.${name}`);
    }
    for (const name of schema.required ?? []) assert.ok(name in value, `${place} needs the field ${name}`);
  }
}
