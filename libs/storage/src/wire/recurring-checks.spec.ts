import { BackwardWriter, FieldScan } from "@trellis/resource/node";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";

import { keyFault } from "../check-key.ts";
import type { Key } from "../key.ts";
import type { Operation, Precondition } from "../operation.ts";
import { StandingCheck } from "../standing-check.ts";
import { commitIn } from "./read-commit.ts";
import * as drawn from "./test-support/arbitraries.ts";
import { CommitWriter } from "./write-commit.ts";

const writer = new BackwardWriter();
const commits = new CommitWriter(writer);

function bytesOf(operations: readonly Operation[]): Buffer<ArrayBuffer> {
  writer.clear();
  commits.commit({ request: undefined, operations });
  return Buffer.from(writer.finish());
}

/** What the bytes say; undefined for what is left to the library. */
function readOf(bytes: Uint8Array): readonly Operation[] | undefined {
  const scan = new FieldScan(bytes);
  const { operations } = commitIn(scan, bytes.length);
  return scan.isAsExpected ? operations : undefined;
}

let names = 0;
/** Of a key that no test had before. */
function check(preconditions: readonly Precondition[], parts: Partial<Key> = {}): Operation {
  const key = { group: "g", kind: "K", partition: "p", namespace: "n", name: `unheard-${names++}`, ...parts };
  return { kind: "check", key, preconditions };
}

describe("a check that is read again and again", () => {
  it("is the same from the second time on, wherever it stands", () => {
    const of = check([{ kind: "live" }]);
    const [first] = readOf(bytesOf([of])) ?? [];
    const [second] = readOf(bytesOf([of])) ?? [];
    const [, third] = readOf(bytesOf([check([]), of])) ?? [];
    expect([first, second, third]).toEqual([of, of, of]);
    expect(first).not.toBeInstanceOf(StandingCheck);
    expect(second).toBeInstanceOf(StandingCheck);
    expect(third).toBe(second);
  });

  it("is what the bytes say, also when the memory that they were in is used again", () => {
    const of = check([{ kind: "live" }], { name: "first" });
    const other = check([{ kind: "live" }], { name: "other" });
    const bytes = bytesOf([of]);
    for (let time = 0; time < 3; time++) expect(readOf(bytes)).toEqual([of]);
    const [kept] = readOf(bytes) ?? [];
    bytes.set(bytesOf([other]));
    for (let time = 0; time < 3; time++) expect(readOf(bytes)).toEqual([other]);
    expect(readOf(bytesOf([of]))).toEqual([of]);
    expect(readOf(bytesOf([of]))?.[0]).toBe(kept);
  });

  it("is none that is of one moment or one incarnation, or that no record can have", () => {
    const odd = [
      check([{ kind: "live", uid: "u" }]),
      check([{ kind: "exists" }]),
      check([{ kind: "version", version: 7 as never }]),
      check([]),
      check([{ kind: "live" }, { kind: "live" }]),
      check([{ kind: "live" }], { name: "a\0b" }),
      check([{ kind: "live" }], { namespace: "*" }),
      check([{ kind: "live" }], { name: "x".repeat(300) }),
      { ...check([{ kind: "live" }]), kind: "delete" } as Operation,
    ];
    for (const one of odd) {
      for (let time = 0; time < 3; time++) {
        const read = readOf(bytesOf([one]));
        expect(read).toEqual([one]);
        expect(read?.[0]).not.toBeInstanceOf(StandingCheck);
      }
    }
  });

  it("is what it would be if nothing were remembered", () => {
    const few = fc
      .record({
        partition: fc.constantFrom("p", "q"),
        namespace: fc.constantFrom("", "n"),
        name: fc.constantFrom("a", "b"),
      })
      .map((parts) => check([{ kind: "live" }], parts));
    const operation = fc.oneof(few, drawn.operation);
    fc.assert(
      fc.property(fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 20 }), (all) => {
        for (const operations of all) {
          const read = readOf(bytesOf(operations));
          if (read === undefined) continue;
          expect(read).toEqual(operations);
          for (const { key } of read.filter((one) => one instanceof StandingCheck))
            expect(keyFault(key)).toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is its own among more than there is room for", () => {
    const many = Array.from({ length: 2_000 }, (_, at) => check([{ kind: "live" }], { namespace: `n${at}` }));
    for (const one of many)
      for (let time = 0; time < 3; time++) expect(readOf(bytesOf([one]))).toEqual([one]);
    for (const one of many) expect(readOf(bytesOf([one]))).toEqual([one]);
  });
});
