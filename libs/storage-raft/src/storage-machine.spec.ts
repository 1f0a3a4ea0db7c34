import { create, toBinary } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { StorageCommandSchema } from "@trellis/protos/trellis/storage/v1/log_pb.js";
import { toVersion } from "@trellis/storage";
import { createVirtualClock } from "@trellis/testing";

import type { Command } from "./command.ts";
import { encodeCommand } from "./command-codec.ts";
import { emptyContent } from "./snapshot/first-content.ts";
import { StorageMachine } from "./storage-machine.ts";
import { STORE_ID } from "./test-support/cluster.ts";
import { absent, exists, keyOf, put, remove } from "./test-support/contents.ts";
import { nextTurn } from "./test-support/turns.ts";

let machine: StorageMachine;

/** A machine at entry 10. */
async function formed(): Promise<StorageMachine> {
  const made = new StorageMachine({ clock: createVirtualClock(), nextTurn });
  (await made.restore(emptyContent(STORE_ID), 10)).install();
  return made;
}

beforeEach(async () => {
  machine = await formed();
});

const bytesOf = (command: Command) => encodeCommand(command).subarray(1);
const commit = (...operations: Extract<Command, { kind: "commit" }>["operations"]) =>
  bytesOf({ kind: "commit", request: undefined, operations });

describe("applying", () => {
  it("gives a commit the index of its entry as version", async () => {
    expect(machine.apply(commit(put("a", "x"), put("b", "y")), 42)).toEqual({
      outcome: "applied",
      version: 42,
    });
    const { records } = await machine.served.list({ ...keyOf("a"), name: undefined });
    expect(records.map(({ key, version }) => [key.name, version])).toEqual([
      ["a", 42],
      ["b", 42],
    ]);
  });

  it("answers alike however many entries are applied before the store is told how far the log got", async () => {
    const entries = [
      commit(put("a", "x")),
      commit(put("a", "y", absent)),
      commit(remove("b")),
      commit(put("b", "z", exists)),
    ];
    const other = await formed();
    const together = entries.map((entry, position) => machine.apply(entry, 11 + position));
    const oneByOne = entries.map((entry, position) => {
      other.reached(10 + position);
      return other.apply(entry, 11 + position);
    });
    expect(together).toEqual(oneByOne);
    expect(together.map((answer) => "version" in answer && answer.version)).toEqual([11, 12, 13, 14]);
  });

  it("tells those who wait how far the log got, also by entries of others", async () => {
    let isThere = false;
    const waiting = machine.served.read(keyOf("a"), { minimum: { version: toVersion(20) } }).then(() => {
      isThere = true;
    });
    machine.reached(19);
    await nextTurn();
    expect(isThere).toBe(false);
    machine.reached(20);
    await waiting;
    expect(machine.position).toEqual({ storeId: STORE_ID, version: 20 });
  });

  it("keeps records that nobody can change: not by the entry, not by the record", async () => {
    const entry = commit(put("a", "x"));
    machine.apply(entry, 11);
    entry.fill(0);
    const { record } = await machine.served.read(keyOf("a"));
    expect(new TextDecoder().decode(record?.bytes)).toBe("x");
    expect(Object.isFrozen(record)).toBe(true);
    expect(Object.isFrozen(record?.key)).toBe(true);
  });

  it("answers a commit that breaks a rule instead of stopping all replicas for it", () => {
    const twice = commit(put("a", "x"), put("a", "y"));
    expect(machine.apply(twice, 11)).toEqual({
      outcome: "invalid",
      message: expect.stringContaining("at most once"),
    });
    expect(machine.served.figures().records).toBe(0);
  });

  it("goes on behind a closed face", () => {
    machine.served.close();
    expect(machine.apply(commit(put("a", "x")), 11)).toMatchObject({ outcome: "applied" });
    machine.reached(12);
    expect(machine.position.version).toBe(12);
  });

  it("needs a snapshot first", () => {
    const unformed = new StorageMachine({ clock: createVirtualClock(), nextTurn });
    expect(unformed.hasStore).toBe(false);
    unformed.reached(5);
    expect(() => unformed.apply(commit(put("a", "x")), 11)).toThrow("begins with a snapshot");
    expect(() => unformed.capture()).toThrow("begins with a snapshot");
  });
});

describe("a command that this version does not know to its last field stops the node", () => {
  const unknown = [{ no: 99, wireType: 0, data: Uint8Array.of(1) }];
  const operation = { key: keyOf("a"), preconditions: [], action: { case: "check" as const, value: {} } };
  const known = () =>
    create(StorageCommandSchema, { command: { case: "commit", value: { operations: [operation] } } });
  const messages = {
    "no command": create(StorageCommandSchema, {}),
    "a command of a later version": Object.assign(create(StorageCommandSchema, {}), { $unknown: unknown }),
    "an unknown field beside a known command": Object.assign(known(), { $unknown: unknown }),
    "an operation without an action": create(StorageCommandSchema, {
      command: { case: "commit", value: { operations: [{ key: keyOf("a") }] } },
    }),
    "an operation without a key": create(StorageCommandSchema, {
      command: { case: "commit", value: { operations: [{ action: operation.action }] } },
    }),
    "a precondition of a later version": create(StorageCommandSchema, {
      command: { case: "commit", value: { operations: [{ ...operation, preconditions: [{}] }] } },
    }),
    "a number beyond 2^53": create(StorageCommandSchema, {
      command: { case: "closeSessions", value: { sessions: [{ id: "s", lastUsed: 2n ** 60n }] } },
    }),
    "a sign of life of no session": create(StorageCommandSchema, {
      command: { case: "keepAlive", value: {} },
    }),
  };

  it.each(Object.entries(messages))("%s", (_, message) => {
    const bytes = toBinary(StorageCommandSchema, message);
    expect(() => machine.apply(bytes, 11)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  it("an unknown field in an operation", () => {
    const message = known();
    if (message.command.case !== "commit") throw new Error("expected a commit");
    const [first] = message.command.value.operations;
    Object.assign(first ?? {}, { $unknown: unknown });
    expect(() => machine.apply(toBinary(StorageCommandSchema, message), 11)).toThrow("has a field 99");
  });

  it("bytes that are no message", () => {
    expect(() => machine.apply(Uint8Array.of(0xff, 0xff, 0xff), 11)).toThrow(
      expect.objectContaining({ code: "unsupported", message: expect.stringContaining("start the version") }),
    );
  });
});
