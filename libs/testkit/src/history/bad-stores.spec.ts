import { describe, expect, it } from "@jest/globals";
import { type Backend, StorageError, type StoredRecord, toVersion } from "@trellis/storage";

import { judged, keyOf, onCommit, onRead } from "./test-support/bad-store.ts";

const PHANTOM: StoredRecord = {
  key: keyOf("c"),
  uid: "nobody",
  groupVersion: "v1",
  generation: "none",
  marked: false,
  bytes: new Uint8Array(),
  version: toVersion(1),
};

/** What a bad store does, what the judge says of it. */
const BAD: readonly (readonly [string, (good: Backend) => Partial<Backend>, RegExp])[] = [
  [
    "loses a write that it acknowledged",
    (good) =>
      onCommit(good, "last", async () => ({
        outcome: "applied",
        version: toVersion(good.position().version + 1),
      })),
    /a read of version \d+ began after a commit of version \d+ had ended/,
  ],
  [
    "applies half of a commit",
    (good) => onCommit(good, "three", (operations) => good.commit(operations.slice(0, 1))),
    /a read of .*\/a|events of version|a list at version/,
  ],
  [
    "applies a commit twice",
    (good) =>
      onCommit(good, "last", async (operations) => {
        const first = await good.commit(operations);
        await good.commit(operations);
        return first;
      }),
    /was seen, and no commit explains it/,
  ],
  [
    "applies what it said was not applied",
    (good) =>
      onCommit(good, "failed", async (operations) => {
        await good.commit(operations);
        throw new StorageError("unavailable", "no leader; nothing was applied");
      }),
    /was seen, and no commit explains it/,
  ],
  [
    "stores what was only asked",
    (good) => onCommit(good, "asked", (operations) => good.commit(operations)),
    /was seen, and no commit explains it|changes something/,
  ],
  [
    "refuses what nothing forbids",
    (good) =>
      onCommit(good, "last", async () => ({
        outcome: "refused",
        operationIndex: 0,
        precondition: { kind: "absent" },
        current: undefined,
        version: good.position().version,
      })),
    /was refused, and nothing forbids it/,
  ],
  [
    "acknowledges with a version from before",
    (good) =>
      onCommit(good, "last", async (operations) => {
        await good.commit(operations);
        return { outcome: "applied", version: toVersion(good.position().version - 2) };
      }),
    /was given to 2 commits|no commit explains it/,
  ],
  [
    "shows a reader less than it showed him before",
    (good) => {
      let old: Awaited<ReturnType<Backend["read"]>> | undefined;
      return {
        async commit(operations, options) {
          const result = await good.commit(operations, options);
          old ??= await good.read(keyOf("e"));
          return result;
        },
        read: async (key, options) =>
          key.name === "e" &&
          options?.consistency !== "strong" &&
          options?.minimum === undefined &&
          old !== undefined
            ? old
            : await good.read(key, options),
      };
    },
    /a read of version \d+ began after a read/,
  ],
  [
    "answers a strong read from the past",
    (good) => {
      let old: Awaited<ReturnType<Backend["read"]>> | undefined;
      return {
        async commit(operations, options) {
          const result = await good.commit(operations, options);
          old ??= await good.read(keyOf("a"));
          return result;
        },
        read: async (key, options) =>
          key.name === "a" && options?.consistency === "strong" && old !== undefined
            ? old
            : await good.read(key, options),
      };
    },
    /a read of version \d+ began after/,
  ],
  [
    "does not wait for the version that was asked for",
    (good) => ({
      async read(key, options) {
        const { minimum, ...others } = options ?? {};
        const found = await good.read(key, others);
        if (minimum === undefined || key.name !== "d") return found;
        return { ...found, position: { ...found.position, version: toVersion(minimum.version - 1) } };
      },
    }),
    /at least \d+ was asked for/,
  ],
  [
    "shows what nobody wrote",
    (good) => onRead(good, "c", (_, version) => ({ record: { ...PHANTOM, version } })),
    /a read of .* gave .*; stored was nothing/,
  ],
  [
    "shows again what was deleted",
    (good) => {
      let deleted: StoredRecord | undefined;
      return {
        async commit(operations, options) {
          deleted ??= (await good.read(keyOf("b"))).record;
          return await good.commit(operations, options);
        },
        ...onRead(good, "b", (record) => ({ record: record ?? deleted })),
      };
    },
    /a read of .*; stored was nothing/,
  ],
  [
    "lists records of two versions",
    (good) => ({
      async list(query, options) {
        const { records, ...rest } = await good.list(query, options);
        const present = await good.list(query);
        return { ...rest, records: [...present.records.slice(0, 1), ...records.slice(1)] };
      },
    }),
    /a list at version/,
  ],
  [
    "lists the present where a version was asked for",
    (good) => ({
      list: (query, options) => good.list(query, options?.atVersion === undefined ? options : {}),
    }),
    /a list at version \d+ shows version/,
  ],
];

describe("the judge of a store", () => {
  it("finds nothing wrong with a good one", async () => {
    const failing = (good: Backend) =>
      onCommit(good, "failed", () => Promise.reject(new StorageError("unavailable", "no leader")));
    expect(await judged(failing)).toBe("");
  });

  it.each(BAD)("finds one that %s", async (_, spoil, finding) => {
    expect(await judged(spoil)).toMatch(finding);
  });
});
