import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { Artist, artist, granting, id, stored } from "../test-support/fixture.ts";
import { createRest, type Rest } from "../test-support/rest.ts";

let rest: Rest;
let clients: AbortController[] = [];
beforeEach(() => {
  rest = createRest();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.abort();
  clients = [];
  await rest.close();
});

const write = (name: string, metadata: Record<string, string> = {}) =>
  rest.rpc.write({ resource: artist(name, { metadata }) });

/** Opens a watch whose lines a test takes one by one. */
async function watch(query: string, headers: Record<string, string> = {}) {
  const client = new AbortController();
  clients.push(client);
  const answer = await rest.stream(`GET /v2/artist?watch${query}`, { headers, signal: client.signal });
  const { body } = answer;
  if (typeof body !== "object" || !(Symbol.asyncIterator in body))
    throw new Error(`no stream: ${String(body)}`);
  const lines = body[Symbol.asyncIterator]();
  return {
    answer,
    next: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("the watch ended");
      expect(String(value)).toMatch(/^[^\n]+\n$/);
      return JSON.parse(String(value));
    },
  };
}

describe("GET of a type with ?watch", () => {
  it("streams one JSON object a line: what is there, that this was all, and what happens", async () => {
    await write("a");
    const { answer, next } = await watch("");
    expect([answer.status, answer.headers?.["content-type"]]).toEqual([200, "application/x-ndjson"]);
    expect(answer.headers?.["trellis-store"]).toBe(rest.backend.position().storeId);
    expect(await next()).toEqual({ upsert: { resource: (await rest.send("GET /v2/artist/a")).json } });
    expect(await next()).toEqual({ endOfSnapshot: {}, version: String(rest.backend.position().version) });
    const { version } = await stored(write("b"));
    expect(await next()).toMatchObject({ upsert: { resource: { id: { name: "b" } } }, version });
    await rest.rpc.delete({ id: id(Artist, "b") });
    expect(await next()).toMatchObject({
      delete: { resource: { id: { name: "b" }, data: { name: "Korn" } }, reason: "REASON_DELETED" },
    });
  });

  it("resumes with ?since", async () => {
    const { version } = await stored(write("a"));
    await write("b");
    const { next } = await watch(`&since=${version}`);
    expect(await next()).toMatchObject({ upsert: { resource: { id: { name: "b" } } } });
    expect(await next()).toMatchObject({ endOfSnapshot: {} });
  });

  it.each([
    ["&name_prefix=b", { a: {}, b: {} }],
    ["&name=b", { a: {}, b: {} }],
    ["&selector=team%3Dweb", { a: {}, b: { team: "web" } }],
    ["&partition=default&namespace=*", { b: {} }],
    ["&ns=default&name_prefix=b", { a: {}, b: {} }],
  ])("watches only what is asked: %s", async (query, resources) => {
    const { next } = await watch(query);
    await next();
    for (const [name, metadata] of Object.entries(resources)) await write(name, metadata);
    expect(await next()).toMatchObject({ upsert: { resource: { id: { name: "b" } } } });
  });

  it("that is refused has the status of its error", async () => {
    for (const [query, status, reason] of [
      ["&since=x", 400, "INVALID_REQUEST"],
      ["&selector=a=(", 400, "INVALID_REQUEST"],
      ["&partition=Default", 400, "INVALID_REQUEST"],
      ["&since=1", 410, "HISTORY_GONE"],
    ]) {
      const { status: answered, json } = await rest.send(`GET /v2/artist?watch${query}`);
      expect([query, answered, json.reason]).toEqual([query, status, reason]);
    }
    const headers = { "trellis-store": "01JDE6XJ4Z8Q6Z0000000000AA" };
    const other = await rest.send("GET /v2/artist?watch&since=5", { headers });
    expect([other.status, other.json.reason]).toEqual([410, "STORE_CHANGED"]);
    const some = createRest({ authorizer: granting() });
    expect((await some.send("GET /v2/artist?watch")).status).toBe(403);
    await some.close();
  });

  it.each(["abc", "-1", "1.5", "9007199254740992"])(
    "since what is no version is refused under the name that the query gave it: %s",
    async (since) => {
      const { json } = await rest.send(`GET /v2/artist?watch&since=${since}`);
      expect(json.violations).toEqual([
        { field: "query.since", description: expect.stringContaining(`found "${since}"`) },
      ]);
      expect(json.detail).not.toContain("since_version");
    },
  );

  it("that its deadline ends has the problem on its last line", async () => {
    const { body } = await rest.stream("GET /v2/artist?watch", { headers: { "trellis-timeout-ms": "20" } });
    const lines: unknown[] = [];
    for await (const line of body as AsyncIterable<string>) lines.push(JSON.parse(line));
    expect(lines).toMatchObject([
      { endOfSnapshot: {} },
      { error: { status: 504, code: "deadline_exceeded", reason: "DEADLINE_EXCEEDED" } },
    ]);
  });

  it("that waits for its ?since in vain is told so by its status", async () => {
    const since = rest.backend.position().version + 1_000;
    const headers = { "trellis-timeout-ms": "20" };
    const { status, json } = await rest.send(`GET /v2/artist?watch&since=${since}`, { headers });
    expect([status, json.reason]).toEqual([504, "DEADLINE_EXCEEDED"]);
  });

  it("that the server ends has the problem on its last line", async () => {
    const { next } = await watch("&bookmarks");
    const { version } = await next();
    const bookmark = next();
    await rest.close();
    expect(await bookmark).toEqual({ bookmark: {}, version });
    expect(await next()).toMatchObject({ error: { status: 503, reason: "SHUTTING_DOWN" } });
    await expect(next()).rejects.toThrow("the watch ended");
  });
});
