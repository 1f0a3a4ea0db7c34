import { describe, expect, it } from "@jest/globals";
import { type Key, type Operation, StorageError, type Version, type Watch } from "@trellis/storage";

import type { StoreLimits } from "./limits.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { createManualClock, fixedRandom, START_MS } from "./test-support/manual-clock.ts";

const ALL = { group: "g", kind: "k", partition: "*", namespace: "*" };
const KILOBYTE = 1024;

function open(limits: Partial<StoreLimits> = {}) {
  const clock = createManualClock();
  const backend = createMemoryBackend({ clock, random: fixedRandom }, limits);
  const put = async (name: string, kind = "k", size = 10): Promise<Version> =>
    (await backend.commit([putOf(name, kind, size)])).version;
  return { clock, backend, put };
}

function putOf(name: string, kind = "k", size = 10): Operation {
  const key: Key = { group: "g", kind, partition: "p", namespace: "n", name };
  const record = {
    uid: "u",
    groupVersion: "v1",
    generation: "g",
    marked: false,
    bytes: new Uint8Array(size),
  };
  return { kind: "put", key, record, preconditions: [] };
}

async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
  } catch (error) {
    return StorageError.is(error) ? error.code : String(error);
  }
  return undefined;
}

async function toEnd(watch: Watch): Promise<Version> {
  for await (const batch of {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: await watch.next() }) as const,
    }),
  }) {
    if (batch?.kind === "endOfSnapshot") return batch.version;
  }
  throw new Error("the watch ended before its snapshot");
}

describe("the history", () => {
  it("begins at the wall clock's microseconds", () => {
    expect(open().backend.position().version).toBe(START_MS * 1000);
  });

  it("keeps so many commits, and resumes from exactly as far back", async () => {
    const { backend, put } = open({ historyCommits: 5 });
    const versions: Version[] = [];
    for (let count = 0; count < 8; count++) versions.push(await put(`x${count}`));
    const [, dropped, oldest] = versions;
    expect(backend.figures().historyCommits).toBe(5);
    const resume = (version: Version | undefined) =>
      backend.watch(ALL, version === undefined ? {} : { since: { version } }).next();
    expect(await resume(oldest)).toMatchObject({ kind: "commit", version: versions[3] });
    expect(await codeOf(resume(dropped))).toBe("history-gone");
    await backend.close();
  });

  it("keeps so many bytes", async () => {
    const { backend, put } = open({ historyBytes: 64 * KILOBYTE });
    for (let count = 0; count < 100; count++) await put("x", "k", 4 * KILOBYTE);
    const { historyBytes, historyCommits } = backend.figures();
    expect(historyBytes).toBeLessThanOrEqual(64 * KILOBYTE);
    expect(historyCommits).toBeGreaterThan(4);
    await backend.close();
  });

  it("keeps a single commit that is larger than its bytes", async () => {
    const { backend, put } = open({ historyBytes: KILOBYTE });
    await put("x", "k", 100 * KILOBYTE);
    expect(backend.figures().historyCommits).toBe(1);
    await backend.close();
  });

  it("keeps a commit so long and, a little later, no longer, also when nothing happens any more", async () => {
    const { backend, clock, put } = open({ historyAgeMs: 60_000 });
    const since = backend.position();
    await put("x");
    await clock.elapse(59_000);
    expect(backend.figures().historyCommits).toBe(1);
    expect(await codeOf(backend.watch(ALL, { since }).next())).toBeUndefined();
    await clock.elapse(600_000);
    expect(backend.figures().historyCommits).toBe(0);
    expect(await codeOf(backend.watch(ALL, { since }).next())).toBe("history-gone");
    await backend.close();
  });

  it("does not keep a commit longer for a watch that does not read", async () => {
    const { backend, clock, put } = open({ historyAgeMs: 6_400 });
    const watch = backend.watch(ALL);
    await toEnd(watch);
    for (const name of ["a", "b", "c"]) {
      await put(name);
      await clock.elapse(7_000);
    }
    expect(backend.figures().historyCommits).toBeLessThan(3);
    expect(await codeOf(watch.next())).toBe("slow-watcher");
    await backend.close();
  });
});

describe("a watch", () => {
  it("does not become slow by what others write while it waits", async () => {
    const { backend, put } = open({ historyCommits: 4 });
    const watch = backend.watch(ALL);
    await toEnd(watch);
    const waiting = watch.next();
    for (let count = 0; count < 20; count++) await put(`x${count}`, "another");
    const version = await put("mine");
    expect(await waiting).toMatchObject({ kind: "commit", version });
    await backend.close();
  });

  it("does not become slow by what others write while nobody reads it", async () => {
    const { backend, put } = open({ historyCommits: 4 });
    const watch = backend.watch(ALL);
    await toEnd(watch);
    for (let count = 0; count < 20; count++) await put(`x${count}`, "another");
    const waiting = watch.next();
    const version = await put("mine");
    expect(await waiting).toMatchObject({ kind: "commit", version });
    await backend.close();
  });

  it("names no resume point when it is slow before its snapshot is whole", async () => {
    const { backend, put } = open({ historyCommits: 4 });
    for (let count = 0; count < 600; count++) await put(`x${count}`);
    const watch = backend.watch(ALL);
    expect(await watch.next()).toMatchObject({ kind: "snapshot" });
    for (let count = 0; count < 10; count++) await put("y");
    const failure = await watch.next().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: "slow-watcher", resumeVersion: undefined });
    expect(await codeOf(watch.next())).toBe("slow-watcher");
    await backend.close();
  });

  it("gives a large snapshot of one version in slices while others write", async () => {
    const { backend, put } = open();
    for (let count = 0; count < 1500; count++) await put(`x${count}`);
    const { version } = backend.position();
    const watch = backend.watch(ALL);
    let seen = 0;
    for (;;) {
      const batch = await watch.next();
      await put("x7");
      if (batch?.kind !== "snapshot") break;
      expect(batch.records.every((record) => record.version <= version)).toBe(true);
      expect(batch.records.length).toBeLessThanOrEqual(512);
      seen += batch.records.length;
    }
    expect(seen).toBe(1500);
    await backend.close();
  });

  it("gets no bookmark while there is something to tell, and one for each silence", async () => {
    const { backend, clock, put } = open();
    const watch = backend.watch(ALL, { bookmarkIntervalMs: 1000 });
    await toEnd(watch);
    let waiting = watch.next();
    await clock.elapse(700);
    await put("x");
    expect(await waiting).toMatchObject({ kind: "commit" });
    let settled = false;
    waiting = watch.next().finally(() => {
      settled = true;
    });
    await clock.elapse(900);
    expect(settled).toBe(false);
    await clock.elapse(100);
    expect(await waiting).toMatchObject({ kind: "bookmark", version: backend.position().version });
    await backend.close();
  });

  it("gets the commit when its bookmark is due in the same turn", async () => {
    const { backend, clock, put } = open();
    const watch = backend.watch(ALL, { bookmarkIntervalMs: 1000 });
    await toEnd(watch);
    const waiting = watch.next();
    await clock.elapse(999);
    const committing = put("x");
    await clock.elapse(1);
    expect(await waiting).toMatchObject({ kind: "commit", version: await committing });
    await backend.close();
  });

  it("that sleeps is told of every commit of one turn", async () => {
    const { backend, put } = open();
    const watch = backend.watch(ALL);
    await toEnd(watch);
    const waiting = watch.next();
    const versions = await Promise.all(["a", "b", "c"].map((name) => put(name)));
    for (const [index, version] of versions.entries())
      expect(await (index === 0 ? waiting : watch.next())).toMatchObject({ kind: "commit", version });
    await backend.close();
  });

  it("that looks through a long history in turns misses nothing that happens meanwhile", async () => {
    const { backend, put } = open({ historyCommits: 20_000 });
    // By its beginning: of a name alone it would be told by that name's changes only.
    const watch = backend.watch({ ...ALL, namePrefix: "mine" });
    await toEnd(watch);
    const waiting = watch.next();
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    // All in one turn: more than one look goes through, and what is watched near their end.
    const commits = [...Array.from({ length: 9_000 }, (_, at) => `other-${at}`), "mine", "another"].map(
      (name) => put(name),
    );
    const version = (await Promise.all(commits)).at(-2);
    await turn();
    await put("late");
    expect(await waiting).toMatchObject({ kind: "commit", version });
    await backend.close();
  });

  it("that resumes ahead of the store does not wait for ever", async () => {
    const { backend, clock } = open();
    const since = { version: (backend.position().version + 10) as Version };
    const waiting = codeOf(backend.watch(ALL, { since }).next());
    await clock.elapse(5_000);
    expect(await waiting).toBe("version-not-reached");
    await backend.close();
  });

  it("is one of so many", async () => {
    const { backend } = open({ watches: 2 });
    const first = backend.watch(ALL);
    backend.watch(ALL);
    expect(() => backend.watch(ALL)).toThrow("at most 2 watches");
    first.close();
    expect(() => backend.watch(ALL)).not.toThrow();
    expect(backend.figures().watches).toBe(2);
    await backend.close();
  });

  it("has one consumer", async () => {
    const { backend } = open();
    const watch = backend.watch(ALL);
    await toEnd(watch);
    const waiting = watch.next();
    expect(await codeOf(watch.next())).toBe("invalid");
    watch.close();
    expect(await waiting).toBeUndefined();
    await backend.close();
  });
});

describe("pinned copies", () => {
  it("are shared by the pages of a version, and bounded in number and idle time", async () => {
    const { backend, clock, put } = open({ copies: 3, copyAgeMs: 1000 });
    const versions: Version[] = [];
    for (let count = 0; count < 10; count++) versions.push(await put(`x${count}`));
    for (const atVersion of [...versions, ...versions]) {
      const index = versions.indexOf(atVersion);
      expect((await backend.list(ALL, { atVersion, limit: 100 })).records).toHaveLength(index + 1);
      expect(backend.figures().copies).toBeLessThanOrEqual(3);
    }
    const [first] = versions;
    await Promise.all(Array.from({ length: 50 }, () => backend.list(ALL, { atVersion: first })));
    expect(backend.figures().copies).toBe(3);
    await clock.elapse(60_000);
    expect(backend.figures().copies).toBe(0);
    await backend.close();
  });

  it("are let go when what they hold outgrows their bytes", async () => {
    const { backend, put } = open({ copyBytes: 64 * KILOBYTE });
    await put("x");
    const { version } = backend.position();
    await put("y");
    await backend.list(ALL, { atVersion: version });
    expect(backend.figures().copies).toBe(1);
    for (let count = 0; count < 20; count++) await put("z", "k", 8 * KILOBYTE);
    expect(backend.figures().copies).toBe(0);
    expect((await backend.list(ALL, { atVersion: version })).records).toHaveLength(1);
    await backend.close();
  });

  it("serve a list of more than one slice as of the version at which it began", async () => {
    const { backend, put } = open();
    const names = Array.from({ length: 10_000 }, (_, index) => `x${index}`);
    for (let from = 0; from < names.length; from += 1000)
      await backend.commit(names.slice(from, from + 1000).map((name) => putOf(name)));
    const { version } = backend.position();
    const listing = backend.list(ALL);
    // A call that began later is answered once the list has read its first slice.
    await backend.list({ ...ALL, kind: "another" });
    await put("a-first");
    await put("x999", "k", 20);
    const { records, position } = await listing;
    expect(records.every((record) => record.bytes.length === 10)).toBe(true);
    expect(records).toHaveLength(10_000);
    expect(position.version).toBe(version);
    await backend.close();
  });

  it("are rebuilt in slices from far back", async () => {
    const { backend, put } = open();
    const version = await put("first");
    for (let count = 0; count < 3000; count++) await put(`x${count}`);
    expect((await backend.list(ALL, { atVersion: version })).records).toHaveLength(1);
    await backend.close();
  });
});

describe("a list", () => {
  it("shows exactly the version that it names, whenever a commit comes between", async () => {
    for (let pauses = 0; pauses < 10; pauses++) {
      const { backend, put } = open();
      const listing = backend.list(ALL);
      for (let pause = 0; pause < pauses; pause++) await Promise.resolve();
      const version = await put("x");
      const { records, position } = await listing;
      expect(records).toHaveLength(position.version >= version ? 1 : 0);
      await backend.close();
    }
  });
});

describe("waits and limits", () => {
  it("bounds the calls that wait for a version", async () => {
    const { backend } = open({ waiters: 1 });
    const minimum = { version: (backend.position().version + 1) as Version };
    const first = codeOf(backend.list(ALL, { minimum }));
    expect(await codeOf(backend.list(ALL, { minimum }))).toBe("resource-exhausted");
    await backend.close();
    expect(await first).toBe("unavailable");
  });

  it("lets nobody go on before the version that he waits for", async () => {
    const { backend, put } = open();
    const version = (backend.position().version + 2) as Version;
    const reading = backend.read(putOf("second").key, { minimum: { version } });
    await put("first");
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    await put("second");
    expect((await reading).record?.version).toBe(version);
    await backend.close();
  });

  it("applies no commit whose caller went before it began", async () => {
    const { backend } = open();
    const before = backend.position();
    const commit = backend.commit([putOf("x")], { signal: AbortSignal.abort() });
    expect(await codeOf(commit)).toBe("aborted");
    expect(backend.position()).toEqual(before);
    await backend.close();
  });

  it("refuses limits that are not positive whole numbers", () => {
    expect(() => open({ historyCommits: 0 })).toThrow("historyCommits is a whole number from 1, found 0");
  });

  it("says that more follows only when more follows", async () => {
    const { backend, put } = open();
    for (const name of ["a", "b", "c"]) await put(name);
    const more = async (limit: number) => (await backend.list(ALL, { limit })).more;
    expect([await more(2), await more(3), await more(4)]).toEqual([true, false, false]);
    await backend.close();
  });

  it("refuses a list of no records", async () => {
    const { backend } = open();
    expect(await codeOf(backend.list(ALL, { limit: 0 }))).toBe("invalid");
    await backend.close();
  });
});
