import type { OutgoingSnapshot } from "@trellis/raft-node";

import type { Links } from "./links.ts";
import type { Port } from "./port.ts";

/** Bytes of one piece. */
const PIECE_BYTES = 4 * 1024;

/** What a stream goes over. */
export interface Way {
  readonly links: Links;
  /** Asked before each piece. */
  readonly breaksOff: () => boolean;
}

/** One snapshot on its way from one replica to another, piece by piece; it breaks off when either end, or the way, is gone. */
export class SnapshotStream {
  readonly #way: Way;
  readonly #from: Port;
  readonly #to: Port;
  #failure: Error | undefined;
  #isOver = false;
  readonly #arrived: Uint8Array[] = [];
  #isComplete = false;
  #wakeReceiver: () => void = () => undefined;
  #wakeSender: () => void = () => undefined;
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(way: Way, from: Port, to: Port) {
    this.#way = way;
    this.#from = from;
    this.#to = to;
  }

  /** Resolves when the receiver has made it durable. */
  async send(snapshot: OutgoingSnapshot, signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#break("the sender gave it up");
    const onClose = (): void => this.#break("one end is gone");
    signal.addEventListener("abort", onAbort, { once: true });
    this.#from.atClose.add(onClose);
    this.#to.atClose.add(onClose);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#toReceiver(() => this.#receive(snapshot));
        this.#pump(snapshot).catch((error: unknown) => this.#break(String(error)));
      });
    } finally {
      this.#isOver = true;
      signal.removeEventListener("abort", onAbort);
      this.#from.atClose.delete(onClose);
      this.#to.atClose.delete(onClose);
    }
  }

  #receive({ message, bytes }: OutgoingSnapshot): void {
    const { receiver } = this.#to;
    if (receiver === undefined) {
      this.#break("nobody listens");
      return;
    }
    receiver.receiveSnapshot(this.#from.id, { message, bytes, chunks: this.#chunks() }).then(
      () => this.#toSender(() => this.#settle?.resolve()),
      (error: unknown) => this.#toSender(() => this.#settle?.reject(error as Error)),
    );
  }

  /** One piece after the other: the next one is read when the one before has arrived. */
  async #pump(snapshot: OutgoingSnapshot): Promise<void> {
    for await (const chunk of snapshot.chunks()) {
      for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
        const piece = chunk.slice(from, from + PIECE_BYTES);
        await this.#arrival(() => this.#arrived.push(piece));
        if (this.#failure !== undefined || this.#isOver) return;
      }
    }
    await this.#arrival(() => {
      this.#isComplete = true;
    });
  }

  #arrival(take: () => void): Promise<void> {
    return new Promise((resolve) => {
      if (this.#way.breaksOff()) this.#break("the connection broke");
      if (this.#failure !== undefined) {
        resolve();
        return;
      }
      this.#wakeSender = resolve;
      this.#toReceiver(() => {
        take();
        this.#wakeReceiver();
        this.#toSender(resolve);
      });
    });
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const next = this.#arrived.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      if (this.#isComplete) return;
      await new Promise<void>((resolve) => {
        this.#wakeReceiver = resolve;
      });
    }
  }

  #toReceiver(arrive: () => void): void {
    const { host } = this.#to;
    this.#way.links.stream(this.#from.host, host, () => this.#to.process.input(0, arrive), this.#broken);
  }

  #toSender(arrive: () => void): void {
    const { host } = this.#from;
    this.#way.links.stream(this.#to.host, host, () => this.#from.process.input(0, arrive), this.#broken);
  }

  readonly #broken = (): void => this.#break("the connection broke");

  /** Both ends are told, each in its own time. */
  #break(why: string): void {
    if (this.#failure !== undefined || this.#isOver) return;
    const failure = new Error(`the snapshot broke off: ${why}`);
    this.#failure = failure;
    this.#to.process.input(0, () => this.#wakeReceiver());
    this.#from.process.input(0, () => {
      this.#wakeSender();
      this.#settle?.reject(failure);
    });
  }
}
