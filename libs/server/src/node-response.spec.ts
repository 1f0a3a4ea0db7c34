import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import type { ByteSink, FlowingBody } from "./flowing-body.ts";
import { writeResponse } from "./node-response.ts";
import { WriteAhead } from "./write-ahead.ts";

const EVENTS = 20;
const EVENT_BYTES = 200_000;
/** What others were given and have not taken. */
const OTHERS = { writableLength: 2 * 1024 * 1024 };

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** A body whose bytes flow, one event in a turn, while it is asked for the next. */
class Events implements FlowingBody {
  #sink: ByteSink | undefined;
  #left = EVENTS;

  flowTo(sink: ByteSink): void {
    this.#sink = sink;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => new Promise((resolve) => this.#tell(resolve)) };
  }

  #tell(answer: (result: IteratorResult<Uint8Array>) => void): void {
    setImmediate(() => {
      if (this.#left === 0) answer({ done: true, value: undefined });
      else if (this.#left-- > 0 && this.#sink?.take(new Uint8Array(EVENT_BYTES)) === true) this.#tell(answer);
      else answer({ done: false, value: new Uint8Array() });
    });
  }
}

describe("a response whose body flows", () => {
  it("reaches who reads it, although others leave no room for what is written ahead", async () => {
    const ahead = new WriteAhead(256 * 1024, 1024 * 1024);
    ahead.open(OTHERS).hasRoom();
    // Its clock stands still: who waits in vain does so for ever.
    const options = { clock: createVirtualClock(), stallMs: 1_000, ahead, onEnded: () => undefined };
    const server = createServer((_, response: ServerResponse) => {
      const outgoing = { status: 200, headers: new Headers(), body: new Events() };
      void writeResponse(response as never, outgoing as never, options as never);
    });
    closing.push(() => server.close());
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const bytes = await new Promise<number>((resolve, reject) => {
      get({ port, host: "127.0.0.1", agent: false }, (response) => {
        let count = 0;
        response.on("data", (chunk: Uint8Array) => void (count += chunk.byteLength));
        response.on("error", reject);
        response.on("close", () => resolve(count));
      });
    });
    expect(bytes).toBe(EVENTS * EVENT_BYTES);
  });
});
