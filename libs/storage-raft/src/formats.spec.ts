import { describe, expect, it } from "@jest/globals";
import { toVersion } from "@trellis/storage";
import { createVirtualClock } from "@trellis/testing";

import type { Command } from "./command.ts";
import { decodeCommand, encodeCommand } from "./command-codec.ts";
import { StorageMachine } from "./storage-machine.ts";
import { STORE_ID } from "./test-support/cluster.ts";
import { keyOf, put, recordOf, remove } from "./test-support/contents.ts";
import { nextTurn } from "./test-support/turns.ts";

// What is recorded here stands on disks: it is never changed, only added to.

const session = { id: "session-1", openedAt: 4 };
const owned = recordOf("text", { owner: { key: keyOf("owner"), uid: "u1" }, marked: true });

const COMMANDS: readonly (readonly [string, Command, string])[] = [
  [
    "a commit",
    {
      kind: "commit",
      request: undefined,
      operations: [
        { kind: "put", key: keyOf("a"), record: owned, preconditions: [{ kind: "absent" }] },
        remove("b", { kind: "exists", uid: "u2" }, { kind: "version", version: toVersion(7) }),
        {
          kind: "check",
          key: keyOf("c"),
          preconditions: [{ kind: "live" }, { kind: "generation", generation: "g2" }],
        },
      ],
    },
    "AgrVARJtCiIKBHRlc3QSBVRoaW5nGgdkZWZhdWx0IgdkZWZhdWx0KgFhEgIKABpDCgN1aWQSAnYxGgJnMSIsCiYKBHRlc3QSBVRoaW5nGgdkZWZhdWx0IgdkZWZhdWx0KgVvd25lchICdTEoATIEdGV4dBIyCiIKBHRlc3QSBVRoaW5nGgdkZWZhdWx0IgdkZWZhdWx0KgFiEgYSBAoCdTISAiAHIgASMAoiCgR0ZXN0EgVUaGluZxoHZGVmYXVsdCIHZGVmYXVsdCoBYxICGgASBCoCZzIqAA==",
  ],
  [
    "a commit of a session",
    {
      kind: "commit",
      request: { session, sequence: 300, lowestUnanswered: 299 },
      operations: [put("a", "text")],
    },
    "AgpSChUKDQoJc2Vzc2lvbi0xEAQQrAIYqwISOQoiCgR0ZXN0EgVUaGluZxoHZGVmYXVsdCIHZGVmYXVsdCoBYRoTCgN1aWQSAnYxGgJnMTIEdGV4dA==",
  ],
  ["an opening", { kind: "open-session", id: "session-1" }, "AhILCglzZXNzaW9uLTE="],
  [
    "an end of sessions",
    { kind: "close-sessions", sessions: [{ id: "session-1", lastUsed: 2 ** 40 }] },
    "AhoUChIKCXNlc3Npb24tMRCAgICAgCA=",
  ],
  ["a sign of life", { kind: "keep-alive", session }, "AiIPCg0KCXNlc3Npb24tMRAE"],
];

describe("the format of entries", () => {
  it.each(COMMANDS)("has not changed for %s", (_, command, recorded) => {
    expect(Buffer.from(encodeCommand(command)).toString("base64")).toBe(recorded);
    expect(decodeCommand(Buffer.from(recorded, "base64").subarray(1))).toEqual(command);
  });
});

describe("the format of snapshots", () => {
  const RECORDED =
    "IgogChowMUpaMDAwMDAwMDAwMDAwMDAwMDAwMDAwMBABGAElEiMKCXNlc3Npb24tMRAEGAggAioECAMQByoKCAIQCBoECAEQAm0aawoiCgR0ZXN0EgVUaGluZxoHZGVmYXVsdCIHZGVmYXVsdCoBYRAFGkMKA3VpZBICdjEaAmcxIiwKJgoEdGVzdBIFVGhpbmcaB2RlZmF1bHQiB2RlZmF1bHQqBW93bmVyEgJ1MSgBMgR0ZXh0";

  it("has not changed", async () => {
    const machine = new StorageMachine({ clock: createVirtualClock(), nextTurn });
    (await machine.restore(chunksOf(RECORDED), 9)).install();
    expect(machine.position).toEqual({ storeId: STORE_ID, version: 9 });
    const { records } = await machine.served.list({ ...keyOf(""), name: undefined });
    expect(records).toEqual([{ ...owned, key: keyOf("a"), version: 5 }]);
    expect(machine.sessions.capture()).toMatchObject([
      {
        ...session,
        lastUsed: 8,
        lowestUnanswered: 2,
        results: new Map([
          [3, { version: 7 }],
          [2, { version: 8, refusal: { operationIndex: 1, preconditionIndex: 2 } }],
        ]),
      },
    ]);
    const chunks: Uint8Array[] = [];
    for await (const chunk of machine.capture().chunks()) chunks.push(chunk.slice());
    expect(Buffer.concat(chunks).toString("base64")).toBe(RECORDED);
  });
});

async function* chunksOf(recorded: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(recorded, "base64");
}
