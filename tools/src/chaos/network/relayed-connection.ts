import type { Socket } from "node:net";

import type { Gates, Way } from "./gates.ts";

/** A connection that passes through here: what either side sends reaches the other while the way is open, and waits while it is cut, the end of it too. */
export class RelayedConnection {
  /** Whoever opened it, and whom it goes to. */
  readonly way: Way;
  readonly #near: Socket;
  readonly #far: Socket;

  constructor(gates: Gates, way: Way, { near, far }: { readonly near: Socket; readonly far: Socket }) {
    this.way = way;
    this.#near = near;
    this.#far = far;
    relay(gates, way, near, far);
    relay(gates, { from: way.to, to: way.from }, far, near);
  }

  /** Whether it joins these two, whoever opened it. */
  joins({ from, to }: Way): boolean {
    return (this.way.from === from && this.way.to === to) || (this.way.from === to && this.way.to === from);
  }

  /** Breaks it, as when a machine on the way has forgotten it. */
  reset(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }
}

function relay(gates: Gates, way: Way, source: Socket, sink: Socket): void {
  let isWaiting = false;
  const goOn = (): void => {
    if (isWaiting) return;
    isWaiting = true;
    gates.whenOpen(way, () => {
      isWaiting = false;
      if (!sink.writableNeedDrain) source.resume();
    });
  };
  source.on("data", (piece: Buffer) => {
    const isFull = !sink.destroyed && !sink.write(piece);
    if (!isFull && gates.isOpen(way)) return;
    source.pause();
    if (!isFull) goOn();
  });
  sink.on("drain", goOn);
  source.on("end", () => gates.whenOpen(way, () => void sink.end()));
  source.on("error", () => undefined);
  // However it ended, the other side hears of it no sooner than of what was sent before.
  source.on("close", (hadError) =>
    gates.whenOpen(way, () => {
      if (hadError) sink.resetAndDestroy();
      else sink.end();
    }),
  );
  goOn();
}
