import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { STORAGE_KIND } from "./command.ts";
import { decodeCommand, encodeCommand } from "./command-codec.ts";
import { put } from "./test-support/contents.ts";
import { command } from "./test-support/arbitraries.ts";

describe("a command in the log", () => {
  it("is read as it was written, behind the byte that says whose it is", () => {
    fc.assert(
      fc.property(command, (one) => {
        const entry = encodeCommand(one);
        expect(entry[0]).toBe(STORAGE_KIND);
        expect(decodeCommand(entry.subarray(1))).toEqual(one);
      }),
    );
  });

  it("tells a uid that is empty from one that is left out", () => {
    const preconditions = [{ kind: "exists", uid: "" }, { kind: "exists" }, { kind: "live" }] as const;
    const decoded = decodeCommand(
      encodeCommand({
        kind: "commit",
        request: undefined,
        operations: [put("a", "x", ...preconditions)],
      }).subarray(1),
    );
    expect(decoded).toMatchObject({ operations: [{ preconditions }] });
    expect(JSON.stringify(decoded)).toContain(JSON.stringify(preconditions));
  });

  it("shares no memory with what the caller holds", () => {
    const operation = put("a", "text");
    const entry = encodeCommand({ kind: "commit", request: undefined, operations: [operation] });
    const before = Uint8Array.from(entry);
    if (operation.kind === "put") operation.record.bytes.fill(0);
    expect(entry).toEqual(before);
  });
});
