import { describe, expect, it } from "@jest/globals";

import { Machines } from "./machines.ts";
import type { StateChunk } from "./snapshots/snapshot-store.ts";
import { ListMachine, wordEntry } from "./test-support/list-machine.ts";

async function* chunksOf(...chunks: readonly StateChunk[]): AsyncGenerator<StateChunk> {
  yield* chunks;
}

const state = (word: string): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ words: [word], indexes: [1] }));

describe("state machines that share a log", () => {
  it("are told apart by the first byte of an entry, and all told how far the log was applied", () => {
    const [two, nine] = [new ListMachine(2), new ListMachine(9)];
    const machines = new Machines([two, nine]);
    machines.apply(wordEntry("two", 2), 5);
    machines.apply(wordEntry("nine", 9), 6);
    machines.reached(6);
    expect([two.words, nine.words]).toEqual([["two"], ["nine"]]);
    expect([two.reachedIndex, nine.reachedIndex]).toEqual([6, 6]);
    expect(() => machines.apply(wordEntry("three", 3), 7)).toThrow("kind 3");
    expect([machines.has(2), machines.has(3), machines.has(undefined)]).toEqual([true, false, false]);
  });

  it.each([[[new ListMachine(1)]], [[new ListMachine(128)]], [[new ListMachine(2), new ListMachine(2)]]])(
    "have a kind of their own from 2 to 127",
    (given) => {
      expect(() => new Machines(given)).toThrow("expected");
    },
  );

  it("are captured at one moment, in the order of their kinds, and restored from it", async () => {
    const [nine, two] = [new ListMachine(9), new ListMachine(2)];
    const machines = new Machines([nine, two]);
    machines.apply(wordEntry("a", 2), 5);
    machines.apply(wordEntry("b", 9), 6);
    const capture = machines.capture();
    const said = machines.approximateBytes;
    machines.apply(wordEntry("later", 2), 7);
    const chunks: StateChunk[] = [];
    for await (const chunk of capture.chunks()) chunks.push(chunk);
    expect(chunks.map(({ kind }) => kind)).toEqual([2, 9]);
    expect(said).toBe(chunks.reduce((sum, { bytes }) => sum + bytes.length, 0));
    const again = [new ListMachine(2), new ListMachine(9)] as const;
    const prepared = await new Machines(again).restore(chunksOf(...chunks), 6);
    expect(again[0].words).toEqual([]);
    prepared.install();
    expect(again.map(({ words }) => words)).toEqual([["a"], ["b"]]);
  });

  it("begin empty where a snapshot has nothing for them, and refuse one with a part that is nobody's", async () => {
    const machines = new Machines([new ListMachine(2), new ListMachine(9)]);
    const onlyNine = { kind: 9, bytes: state("nine") };
    await expect(machines.restore(chunksOf(onlyNine), 3)).resolves.toBeDefined();
    const three = { kind: 3, bytes: state("three") };
    await expect(machines.restore(chunksOf(three, onlyNine), 3)).rejects.toMatchObject({
      code: "unsupported",
    });
    const outOfOrder = chunksOf(onlyNine, { kind: 2, bytes: state("two") });
    await expect(machines.restore(outOfOrder, 3)).rejects.toMatchObject({ code: "unsupported" });
  });
});
