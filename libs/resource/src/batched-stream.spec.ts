import { describe, expect, it } from "@jest/globals";

import { type BatchedStream, batchedStream, type BatchSink, isBatched } from "./batched-stream.ts";

function streamOf(...batches: readonly (readonly string[])[]): BatchedStream<string> & { ended: boolean } {
  const left = [...batches];
  const stream = batchedStream({
    next: async () => left.shift(),
    return: async () => void Object.assign(stream, { ended: true }),
  });
  return Object.assign(stream, { ended: false });
}

async function all(stream: AsyncIterable<string>): Promise<readonly string[]> {
  const messages: string[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

describe("a batched stream", () => {
  it("gives its messages one by one", async () => {
    expect(await all(streamOf(["a", "b"], ["c"]))).toEqual(["a", "b", "c"]);
    expect(await all(streamOf())).toEqual([]);
  });

  it("gives them as they come", async () => {
    const stream = streamOf(["a", "b"], ["c"]);
    expect([await stream.nextBatch(), await stream.nextBatch(), await stream.nextBatch()]).toEqual([
      ["a", "b"],
      ["c"],
      undefined,
    ]);
  });

  it("gives what is left of a batch that was begun one by one", async () => {
    const stream = streamOf(["a", "b", "c"], ["d"]);
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await stream.nextBatch()).toEqual(["b", "c"]);
    expect(await all(stream)).toEqual(["d"]);
  });

  it("tells its source that it is left, and gives nothing of what it still had", async () => {
    const stream = streamOf(["a", "b"]);
    for await (const message of stream) {
      expect(message).toBe("a");
      break;
    }
    expect(stream.ended).toBe(true);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it("passes over batches of nothing", async () => {
    expect(await all(streamOf([], ["a"], [], []))).toEqual(["a"]);
    expect(await streamOf([], ["a"]).nextBatch()).toEqual(["a"]);
  });

  it("has one consumer, and loses nothing to a second", async () => {
    const stream = streamOf(["a", "b"], ["c"]);
    const [first, second] = [stream.next(), stream.next()];
    await expect(second).rejects.toThrow("one consumer");
    expect(await first).toEqual({ done: false, value: "a" });
    expect(await all(stream)).toEqual(["b", "c"]);
  });

  it("hands its sink to its source, and says with no messages that the sink has enough", async () => {
    const taken: string[] = [];
    let sink: BatchSink<string> | undefined;
    const left = [["a"], ["b", "c"], ["d"]];
    const stream = batchedStream<string>({
      async next() {
        for (let batch = left.shift(); batch !== undefined; batch = left.shift())
          if (sink?.(batch) !== true) return sink === undefined ? batch : [];
        return undefined;
      },
      return: async () => undefined,
      flowTo: (given) => void (sink = given),
    });
    expect(await stream.nextBatch()).toEqual(["a"]);
    stream.flowTo((batch) => taken.push(...batch) < 2);
    expect([await stream.nextBatch(), taken]).toEqual([[], ["b", "c"]]);
    expect([await stream.nextBatch(), taken]).toEqual([[], ["b", "c", "d"]]);
    expect(await stream.nextBatch()).toBeUndefined();
    await expect(stream.next()).rejects.toThrow("asked for batches");
  });

  it("answers as ever where its source gives nothing to a sink", async () => {
    const stream = streamOf(["a"], ["b"]);
    stream.flowTo(() => true);
    expect([await stream.nextBatch(), await stream.nextBatch()]).toEqual([["a"], ["b"]]);
  });

  it("is known from others", () => {
    expect(isBatched(streamOf())).toBe(true);
    expect(isBatched((async function* () {})())).toBe(false);
  });
});
