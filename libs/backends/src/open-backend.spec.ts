import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";
import type { Operation } from "@trellis/storage";

import { BackendUrlError } from "./backend-url-error.ts";
import { openBackend, type OpenedBackend } from "./open-backend.ts";

const deps = { clock: systemClock, random: () => 0.5 };

async function failureOf(url: string): Promise<string> {
  try {
    const backend = await openBackend(url, deps);
    await backend.close();
  } catch (error) {
    if (BackendUrlError.is(error)) return error.message;
    throw error;
  }
  return "opened";
}

const keyOf = (name: string) => ({ group: "g", kind: "k", partition: "p", namespace: "n", name });

function put(name: string): Operation {
  const record = { uid: "u", groupVersion: "v1", generation: "g", marked: false, bytes: new Uint8Array() };
  return { kind: "put", key: keyOf(name), record, preconditions: [] };
}

describe("openBackend", () => {
  it("opens a memory backend", async () => {
    const backend = await openBackend("memory:", deps);
    expect(backend.capabilities).toMatchObject({ durable: false, strongReads: true });
    await backend.close();
  });

  it("passes the options of the URL on", async () => {
    const backend = await openBackend(
      "memory:?history-commits=2&history-age-ms=1000&history-bytes=4096&watches=1",
      deps,
    );
    const query = { group: "g", kind: "k", partition: "*", namespace: "*" };
    const since = backend.position();
    for (const name of ["a", "b", "c"]) await backend.commit([put(name)]);
    await expect(backend.watch(query, { since }).next()).rejects.toMatchObject({ code: "history-gone" });
    backend.watch(query);
    expect(() => backend.watch(query)).toThrow("at most 1 watches");
    await backend.close();
  });

  it("names the schemes that it knows when it does not know one", async () => {
    expect(await failureOf("redis://localhost")).toBe(
      "no backend has the scheme redis:; expected memory: or raft: or trellis:",
    );
    expect(await failureOf("nonsense")).toBe(
      '"nonsense" is not a backend URL; expected memory: or raft: or trellis:',
    );
  });

  it("says of planned backends that they come later", async () => {
    expect(await failureOf("trellis+tls://host:7520")).toContain(
      "come with a later version; expected memory: or raft: or trellis:",
    );
  });

  it("names an option that memory: does not have, and those it has", async () => {
    expect(await failureOf("memory:?size=3")).toMatch(
      /^memory: has no option size; it has history-commits, /,
    );
  });

  it("refuses an option's value that is not a whole number above 0", async () => {
    for (const value of ["0", "-1", "many", "1.5", ""]) {
      expect(await failureOf(`memory:?watches=${value}`)).toContain(`found "${value}"`);
    }
  });

  it("refuses a path", async () => {
    expect(await failureOf("memory:data")).toContain("memory: takes no path");
    expect(await failureOf("memory://host")).toContain("memory: takes no path");
  });
});

describe("openBackend of trellis:", () => {
  it("opens at once, whether anybody is there or not, and says what it waits for", async () => {
    const backend = await openBackend("trellis://127.0.0.1:9?node=127.0.0.1:8", deps);
    expect(backend.waitsFor?.()).toBe(
      "a storage server to answer: 127.0.0.1:9 (not reached yet), 127.0.0.1:8 (not reached yet)",
    );
    await backend.close();
  });

  it.each([
    ["trellis:host", /expected trellis:\/\/HOST:PORT, found "trellis:host"/],
    ["trellis://host", /expected trellis:\/\/HOST:PORT, found "trellis:\/\/host"; name the port/],
    ["trellis://host:7520/path", /has no path, found "\/path"/],
    ["trellis://user@host:7520", /takes no user/],
    ["trellis://host:7520?node=other", /node takes HOST:PORT, found "other"/],
    ["trellis://host:7520?node=http://other:1", /node takes HOST:PORT, found "http:\/\/other:1"/],
    ["trellis://host:7520?server=other:1", /^trellis: has no option server; it has node/],
  ])("says what is wrong with %s, in one line", async (url, words) => {
    const failure = await failureOf(url);
    expect(failure).toMatch(words);
    expect(failure).not.toContain("\n");
  });

  it("takes a bounded number of servers", async () => {
    const nodes = Array.from({ length: 16 }, (_, at) => `node=h:${at + 1}`).join("&");
    expect(await failureOf(`trellis://host:7520?${nodes}`)).toMatch(/takes at most 16 servers, found 17/);
  });
});

describe("openBackend of raft:", () => {
  let root: string;
  let open: OpenedBackend[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "trellis-backends-"));
  });
  afterEach(async () => {
    for (const backend of open) await backend.close();
    open = [];
    await rm(root, { recursive: true });
  });

  async function opened(url: string): Promise<OpenedBackend> {
    const backend = await openBackend(url, { clock: systemClock, random: Math.random });
    open.push(backend);
    return backend;
  }

  it("opens a store in a directory, which it makes, and has something for operators", async () => {
    const backend = await opened(`raft:${root}/below/data`);
    expect(backend.capabilities).toMatchObject({ durable: true, strongReads: true });
    expect(backend.operatorRoutes).toBeDefined();
    expect(existsSync(join(root, "below/data/node.json"))).toBe(true);
    await backend.commit([put("a")]);
    expect((await backend.read(keyOf("a"))).record).toBeDefined();
  });

  it("opens the same store again, with what is in it", async () => {
    const first = await opened(`raft:${root}/data`);
    const { version } = await first.commit([put("a")]);
    const { storeId } = first.position();
    await first.close();
    open = [];
    const again = await opened(`raft:${root}/data`);
    expect(again.position().storeId).toBe(storeId);
    expect((await again.read(keyOf("a"))).record).toMatchObject({ version });
  });

  it("takes a path as URLs write it, with spaces and signs that mean something in URLs", async () => {
    for (const name of ["with space", "what?", "number #1", "100%", "ümlaut"]) {
      const { pathname } = pathToFileURL(join(root, name));
      await opened(`raft:${pathname}`);
      expect(await readdir(root)).toContain(name);
    }
    expect(await readdir(root)).toHaveLength(5);
  });

  it("says what is no path", async () => {
    expect(await failureOf("raft:")).toMatch(
      /^raft: takes the path of a directory, found "raft:"; write raft:data/,
    );
    expect(await failureOf("raft://host/data")).toContain("raft: takes the path of a directory");
    expect(await failureOf(`raft:${root}/100%`)).toBe(
      `raft: takes the path of a directory as URLs write it, found "${root}/100%"; write % as %25`,
    );
    expect(await readdir(root)).toEqual([]);
  });

  it("passes the options of the URL on, and refuses others", async () => {
    const backend = await opened(`raft:${root}/data?watches=1`);
    const query = { group: "g", kind: "k", partition: "*", namespace: "*" };
    backend.watch(query);
    expect(() => backend.watch(query)).toThrow("at most 1 watches");
    expect(await failureOf(`raft:${root}/other?sync=off`)).toMatch(/^raft: has no option sync; it has /);
    expect(await readdir(root)).toEqual(["data"]);
  });

  it("refuses what is no directory, and what is below a file", async () => {
    await writeFile(join(root, "file"), "");
    expect(await failureOf(`raft:${root}/file`)).toMatch(/file is no directory; name one/);
    expect(await failureOf(`raft:${root}/file/data`)).toMatch(/data is below a file; name a directory/);
  });

  it("refuses a directory that is open already, and says who has it", async () => {
    const backend = await opened(`raft:${root}/data`);
    const who = existsSync("/proc/locks") ? `, process ${process.pid}` : "";
    expect(await failureOf(`raft:${root}/data`)).toBe(
      `${root}/data is in use by another server${who}; stop that one first, or give this one another directory`,
    );
    await backend.commit([put("a")]);
  });

  it("names a damaged file of the log with its path", async () => {
    const backend = await opened(`raft:${root}/data`);
    await backend.close();
    open = [];
    const segment = join(root, "data/wal/0000000000000001.wal");
    await writeFile(segment, Buffer.alloc(16 * 1024 * 1024, 1));
    expect(await failureOf(`raft:${root}/data`)).toMatch(
      new RegExp(
        `^${root}/data cannot be opened: ${segment} is damaged at byte 0: .*restore a snapshot into it`,
      ),
    );
  });
});
