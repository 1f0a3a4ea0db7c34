import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runProgram, type ServerProcess, startGateway } from "@trellis/testkit";

import { ALBUMS_PATH } from "../test-support/album.ts";

let server: ServerProcess;
beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo"] });
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
  /** The body, read as JSON; undefined when there is none. */
  json(): Record<string, unknown>;
}

async function curl(...args: readonly string[]): Promise<Answer> {
  const { stdout, stderr, exitCode } = await runProgram("curl", ["-sS", "-i", ...args]);
  if (exitCode !== 0) throw new Error(`curl failed: ${stderr}`);
  const [headers = "", ...rest] = stdout.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  return {
    status: Number(headers.split(" ")[1]),
    headers: headers.toLowerCase(),
    body,
    json: () => JSON.parse(body) as Record<string, unknown>,
  };
}

const url = (path: string): string => server.url + ALBUMS_PATH + path;
const json = ["-H", "content-type: application/json"];

function put(name: string, title: string, ...more: readonly string[]): Promise<Answer> {
  const body = JSON.stringify({ metadata: { team: "rest" }, data: { title, tracks: ["one"] } });
  return curl("-X", "PUT", ...json, "-d", body, ...more, url(`/${name}`));
}

/** Reads a watch's lines until there are `count`; `seen` is told after each how many there are. */
async function watch(
  query: string,
  count: number,
  seen: (lines: number) => void = () => undefined,
): Promise<Record<string, unknown>[]> {
  let told = 0;
  const { stdout } = await runProgram("curl", ["-sS", "-N", url(query)], {
    endWhen(text) {
      const lines = text.split("\n").length - 1;
      while (told < lines) seen((told += 1));
      return lines >= count;
    },
  });
  const lines = stdout.split("\n").slice(0, count);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("REST, by curl", () => {
  it("T512: writes, answering the resource, and reads it back", async () => {
    const written = await put("korn", "Korn");
    expect(written.status).toBe(200);
    expect(written.json()).toMatchObject({ id: { name: "korn" }, data: { title: "Korn" } });
    expect(written.headers).toContain("trellis-outcome: created");
    const read = await curl(url("/korn"));
    expect(read.json()).toEqual(written.json());
    expect(read.headers).toContain(`etag: "${String(written.json()["version"])}"`);
  });

  it("answers 304 to a reader who has the version", async () => {
    await put("cached", "Cached");
    const etag = /etag: (".*")/.exec((await curl(url("/cached"))).headers)?.[1] ?? "";
    expect((await curl("-H", `if-none-match: ${etag}`, url("/cached"))).status).toBe(304);
  });

  it("creates only, with If-None-Match: *", async () => {
    expect((await put("once", "First", "-H", "if-none-match: *")).status).toBe(200);
    const second = await put("once", "Second", "-H", "if-none-match: *");
    expect(second.status).toBe(412);
    expect(second.json()).toMatchObject({ reason: "ALREADY_EXISTS" });
  });

  it("T513, T514: compares a version, by If-Match with 412 and by ?version= with 409", async () => {
    const version = String((await put("compared", "One")).json()["version"]);
    expect((await put("compared", "Two", "-H", `if-match: "${version}"`)).status).toBe(200);
    expect((await put("compared", "Three", "-H", `if-match: "${version}"`)).status).toBe(412);
    const body = JSON.stringify({ data: { title: "Four" } });
    const stale = await curl("-X", "PUT", ...json, "-d", body, url(`/compared?version=${version}`));
    expect(stale.status).toBe(409);
    expect(stale.json()).toMatchObject({ code: "aborted", reason: "VERSION_MISMATCH" });
  });

  it("T517: answers 404 for what is absent, as problem+json with the reason", async () => {
    const answer = await curl(url("/nobody"));
    expect(answer.status).toBe(404);
    expect(answer.headers).toContain("content-type: application/problem+json");
    expect(answer.json()).toMatchObject({ status: 404, code: "not_found", reason: "RESOURCE_NOT_FOUND" });
  });

  it("T520: deletes with 204", async () => {
    await put("gone", "Gone");
    expect((await curl("-X", "DELETE", url("/gone"))).status).toBe(204);
    expect((await curl(url("/gone"))).status).toBe(404);
  });

  it("T524, T527: lists, by prefix and page by page", async () => {
    for (const name of ["steve-1", "steve-2", "stephen-1"]) await put(name, name);
    const listed = await curl(url("?name_prefix=steve"));
    expect((listed.json()["resources"] as { id: { name: string } }[]).map(({ id }) => id.name)).toEqual([
      "steve-1",
      "steve-2",
    ]);
    const first = (await curl(url("?name_prefix=ste&page_size=2"))).json();
    const rest = (
      await curl(
        url(`?name_prefix=ste&page_size=2&page_token=${encodeURIComponent(String(first["nextPageToken"]))}`),
      )
    ).json();
    expect([...(first["resources"] as unknown[]), ...(rest["resources"] as unknown[])]).toHaveLength(3);
  });

  it("T525, T526: lists nothing as an empty list", async () => {
    expect((await curl(url("?name_prefix=no-such-name"))).json()).toMatchObject({ resources: [] });
  });

  it("lists what a resource owns, and writes a status", async () => {
    const owner = (await put("owner", "Owner")).json()["id"];
    const body = JSON.stringify({ owner, data: { title: "Owned" } });
    expect((await curl("-X", "PUT", ...json, "-d", body, url("/owned"))).status).toBe(200);
    const owned = (await curl(url("/owner/owned"))).json()["resources"] as { id: { name: string } }[];
    expect(owned.map(({ id }) => id.name)).toEqual(["owned"]);
    const { generation } = (await curl(url("/owner"))).json();
    const status = JSON.stringify({
      observedGeneration: generation,
      conditions: [{ type: "Ready", state: "STATE_TRUE" }],
    });
    const written = await curl("-X", "PUT", ...json, "-d", status, url("/owner/status/acme.dev%2Fshop"));
    expect(written.status).toBe(200);
    expect(written.json()).toMatchObject({
      status: { "acme.dev/shop": { conditions: [{ type: "Ready", state: "STATE_TRUE" }] } },
    });
  });

  it("watches as NDJSON: a snapshot, then what happens, and resumes", async () => {
    await put("streamed", "Before");
    let changed: Promise<unknown> = Promise.resolve();
    const [upsert, end, after] = await watch("?watch&name=streamed", 3, (lines) => {
      if (lines === 2) changed = put("streamed", "After");
    });
    await changed;
    expect(upsert).toMatchObject({
      upsert: { resource: { id: { name: "streamed" }, data: { title: "Before" } } },
    });
    expect(end).toMatchObject({ endOfSnapshot: {} });
    expect(after).toMatchObject({ upsert: { resource: { data: { title: "After" } } } });
    const resumed = await watch(`?watch&name=streamed&since=${String(end?.["version"])}`, 2);
    expect(resumed[0]).toEqual(after);
    expect(resumed[1]).toHaveProperty("endOfSnapshot");
  });

  it("answers a watch of what cannot be watched as an ordinary error", async () => {
    const answer = await curl("-N", url("?watch&name=a&name_prefix=b"));
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: "invalid_argument", reason: "INVALID_REQUEST" });
  });

  it("refuses other verbs with 405 and what it takes", async () => {
    const answer = await curl("-X", "PUT", ...json, "-d", "{}", url(""));
    expect(answer.status).toBe(405);
    expect(answer.headers).toContain("allow: get");
    expect(answer.json()).toMatchObject({ reason: "METHOD_NOT_ALLOWED" });
  });
});
