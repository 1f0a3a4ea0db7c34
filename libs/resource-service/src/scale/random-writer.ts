import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OperationSchema } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Random } from "@trellis/resource";

import { Artist, id, resource, type Rpc } from "../test-support/fixture.ts";

/** Artists that are written: few enough that most writes change or end one that is there. */
const NAMES = 2_000;
/** Operations of the largest batch. */
const MAX_BATCH = 100;
/** Operations of the largest transaction. */
const MAX_TRANSACTION = 8;
/** Shares of what is done. */
const TRANSACTIONS = 0.2;
const SINGLE = 0.1;
const DELETES = 0.15;

type Operation = MessageInitShape<typeof OperationSchema>;

/** Creates, changes and deletes artists by every method that writes: one by one, in batches, in transactions. What it does follows from its randomness. */
export class RandomWriter {
  readonly #rpc: Rpc;
  readonly #random: Random;
  #serial = 0;

  constructor(rpc: Rpc, random: Random) {
    this.#rpc = rpc;
    this.#random = random;
  }

  /** Does one thing, with 1 to 100 operations. Throws when one of them fails. */
  async step(): Promise<void> {
    const draw = this.#random();
    if (draw < SINGLE) {
      const [operation] = this.#operations(1);
      if (operation?.operation.case === "write") await this.#rpc.write(operation.operation.value);
      else if (operation !== undefined) await this.#rpc.delete(operation.operation.value);
      return;
    }
    if (draw < SINGLE + TRANSACTIONS) {
      await this.#rpc.transact({ operations: this.#operations(1 + this.#below(MAX_TRANSACTION)) });
      return;
    }
    const { results } = await this.#rpc.batchWrite({
      operations: this.#operations(1 + this.#below(MAX_BATCH)),
    });
    for (const { result } of results) {
      if (result.case === "error") throw new Error(result.value.message);
    }
  }

  /** Operations on as many artists, each another one. */
  #operations(count: number) {
    const first = this.#below(NAMES);
    return Array.from({ length: count }, (_, index) =>
      this.#operation(`artist-${(first + index * 7) % NAMES}`),
    );
  }

  #operation(name: string) {
    if (this.#random() < DELETES)
      return { operation: { case: "delete", value: { id: id(Artist, name) } } } as const satisfies Operation;
    this.#serial += 1;
    const next = resource(Artist, name, { name: `title ${this.#serial}` });
    return { operation: { case: "write", value: { resource: next } } } as const satisfies Operation;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}
