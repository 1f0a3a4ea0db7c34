import type { LogIndex } from "@trellis/raft";

import { FIRST_MACHINE_KIND, LAST_MACHINE_KIND } from "./entry-codec.ts";
import { RaftNodeError } from "./errors.ts";
import type { StateChunk } from "./snapshots/snapshot-store.ts";
import type { PreparedState, StateMachine } from "./state-machine.ts";

/** The state machines that share a log, by their type byte. */
export class Machines {
  readonly #byKind: ReadonlyMap<number, StateMachine>;

  /** Throws `invalid` for type bytes that are out of range or given twice. */
  constructor(machines: readonly StateMachine[]) {
    this.#byKind = new Map(machines.map((machine) => [machine.kind, machine]));
    for (const { kind } of machines) {
      if (!(Number.isSafeInteger(kind) && kind >= FIRST_MACHINE_KIND && kind <= LAST_MACHINE_KIND)) {
        throw new RaftNodeError(
          "invalid",
          `expected the kind of a state machine to be ${FIRST_MACHINE_KIND} to ${LAST_MACHINE_KIND}, found ${kind}`,
        );
      }
    }
    if (this.#byKind.size !== machines.length) {
      throw new RaftNodeError(
        "invalid",
        "expected every state machine to have a kind of its own, found one twice",
      );
    }
  }

  has(kind: number | undefined): boolean {
    return kind !== undefined && this.#byKind.has(kind);
  }

  /** Applies an entry of one of the machines, with what its proposer said of it. Throws for one that none of them knows. */
  apply(entry: Uint8Array, index: LogIndex, own?: unknown): unknown {
    const kind = entry[0] ?? 0;
    const machine = this.#byKind.get(kind);
    if (machine === undefined) {
      throw new RaftNodeError(
        "unsupported",
        `entry ${index} of the log is for a state machine of kind ${kind}, which this version does not have; start the version that wrote it`,
      );
    }
    return machine.apply(entry.subarray(1), index, own);
  }

  reached(index: LogIndex): void {
    for (const machine of this.#byKind.values()) machine.reached(index);
  }

  /** About how many bytes a snapshot of the states as they are now has. */
  get approximateBytes(): number {
    let bytes = 0;
    for (const machine of this.#byKind.values()) bytes += machine.approximateBytes;
    return bytes;
  }

  /** Takes hold of the states of all as they are now. */
  capture(): { chunks(): AsyncIterable<StateChunk> } {
    const taken = this.#inOrder().map((machine) => ({ kind: machine.kind, capture: machine.capture() }));
    return {
      async *chunks() {
        for (const { kind, capture } of taken)
          for await (const bytes of capture.chunks()) yield { kind, bytes };
      },
    };
  }

  /** Builds the states of a snapshot aside: of every machine, from its part, which may be empty. Rejects with `unsupported` for a part that is nobody's. */
  async restore(chunks: AsyncIterable<StateChunk>, index: LogIndex): Promise<PreparedState> {
    const source = chunks[Symbol.asyncIterator]();
    const prepared: PreparedState[] = [];
    let next = await source.next();
    try {
      for (const machine of this.#inOrder()) {
        const part = async function* (): AsyncGenerator<Uint8Array> {
          for (; next.done !== true && next.value.kind === machine.kind; next = await source.next())
            yield next.value.bytes;
        };
        prepared.push(await machine.restore(part(), index));
      }
    } finally {
      if (next.done !== true) await source.return?.();
    }
    if (next.done !== true) {
      throw new RaftNodeError(
        "unsupported",
        `the snapshot of entry ${index} has a part of kind ${next.value.kind}, which this version does not have, or which is out of order`,
      );
    }
    return {
      install: () => {
        for (const state of prepared) state.install();
      },
    };
  }

  #inOrder(): readonly StateMachine[] {
    return [...this.#byKind.values()].sort((a, b) => a.kind - b.kind);
  }
}
