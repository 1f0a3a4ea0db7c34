import { describe, expect, it } from "@jest/globals";

import type { NodeResponse } from "./node-exchange.ts";
import { TurnWriter } from "./turn-writer.ts";

function setUp({ room = Infinity } = {}) {
  const written: string[] = [];
  const response = {
    destroyed: false,
    write(bytes: Uint8Array) {
      written.push(Buffer.from(bytes).toString());
      return written.length < room;
    },
  };
  return {
    written,
    response,
    writer: new TurnWriter(response as unknown as NodeResponse, {
      hasRoom: () => false,
      close: () => undefined,
    }),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const text = (content: string): Uint8Array => Buffer.from(content);

describe("a writer", () => {
  it("writes the first piece of a turn at once, and the others together at its end", async () => {
    const { written, writer } = setUp();
    for (const piece of ["a", "b", "c"]) writer.write(text(piece));
    expect(written).toEqual(["a"]);
    await turn();
    expect(written).toEqual(["a", "bc"]);
    await turn();
    for (const piece of ["d", "e"]) writer.write(text(piece));
    expect(written).toEqual(["a", "bc", "d"]);
    await turn();
    expect(written).toEqual(["a", "bc", "d", "e"]);
  });

  it("goes on gathering while there is something in each turn", async () => {
    const { written, writer } = setUp();
    for (const pieces of ["ab", "cd", "ef"]) {
      for (const piece of pieces) writer.write(text(piece));
      await turn();
    }
    expect(written).toEqual(["a", "b", "cd", "ef"]);
  });

  it("does not gather more than 64 KiB", () => {
    const { written, writer } = setUp();
    for (let at = 0; at < 10; at++) writer.write(Buffer.alloc(16 * 1024, String(at)));
    expect(written.map(({ length }) => length / 1024)).toEqual([16, 64, 64]);
  });

  it("writes what is left when it is told to, and says whether there is room", () => {
    const { written, writer } = setUp({ room: 2 });
    writer.write(text("a"));
    expect(writer.wantsPause).toBe(false);
    writer.write(text("b"));
    writer.flush();
    expect([written, writer.wantsPause]).toEqual([["a", "b"], true]);
    writer.flush();
    expect(written).toEqual(["a", "b"]);
  });

  it("drops what nobody is there to read", async () => {
    const { written, response, writer } = setUp();
    writer.write(text("a"));
    writer.write(text("b"));
    response.destroyed = true;
    await turn();
    expect(written).toEqual(["a"]);
  });
});
