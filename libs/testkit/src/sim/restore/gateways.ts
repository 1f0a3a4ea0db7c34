import {
  type Position,
  readNowOrWait,
  StorageError,
  type StorageErrorCode,
  type Version,
} from "@trellis/storage";
import type { RestoredStore } from "@trellis/storage-raft";

import { within } from "../clients/answers.ts";
import type { Host } from "../clients/host.ts";
import type { Gateway } from "../routers/gateway.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";
import { type Holdings, putOf, type Report } from "./straddlers.ts";

export interface StraddlingGatewaysParts {
  readonly world: World;
  readonly gateways: readonly Host<Gateway>[];
  readonly holdings: Holdings;
  readonly report: Report;
}

/** How long a gateway is given for one thing, and how long it is left alone in between, in virtual milliseconds. */
const CALL_MS = 3_000;
const PAUSE_MS = 100;

/**
 * Gateways that serve on while the store behind them is restored: with the marks, sessions and watches that they have of the former one. Those in the processes of
 * storage nodes end with these, and begin anew.
 */
export class StraddlingGateways {
  readonly #parts: StraddlingGatewaysParts;
  #isOver = false;

  constructor(parts: StraddlingGatewaysParts) {
    this.#parts = parts;
    for (const gateway of parts.gateways)
      this.#readOn(gateway).catch((error: unknown) =>
        parts.report(`a read through ${gateway.name} fails: ${String(error)}`),
      );
  }

  /** The restored cluster is well: each gateway shows what that holds, takes commits for it, and says of positions of the former one that they are no more. */
  async arrive(restored: RestoredStore, last: Version): Promise<void> {
    const { gateways } = this.#parts;
    for (const gateway of gateways) {
      // Of those in storage nodes, some are on machines that did not join.
      if (gateway.process?.isAlive !== true) continue;
      await this.#showsRestored(gateway, restored, last);
      await this.#commits(gateway, restored);
      await this.#refusesFormer(gateway);
    }
    this.#isOver = true;
  }

  /** Reads all the while: once the restored store was shown the former one is not, and of neither anything older than before. */
  async #readOn(gateway: Host<Gateway>): Promise<void> {
    const { world, holdings, report } = this.#parts;
    let shown: Position | undefined;
    while (!this.#isOver) {
      const found = await this.#ask(gateway, async ({ backend }, signal) =>
        readNowOrWait(backend, holdings.key, { signal }),
      );
      if (typeof found === "object") {
        const { position } = found;
        if (shown?.storeId === position.storeId && position.version < shown.version)
          report(`${gateway.name} shows version ${position.version} after version ${shown.version}`);
        const isFormer = position.storeId === holdings.position.storeId;
        if (isFormer && shown !== undefined && shown.storeId !== position.storeId)
          report(`${gateway.name} shows the former store after the one that took its place`);
        shown = position;
      }
      await world.sleep(PAUSE_MS);
    }
  }

  /** Whoever asks for no version gets the restored store, however far the former one was. */
  async #showsRestored(gateway: Host<Gateway>, { storeId }: RestoredStore, last: Version): Promise<void> {
    const { world, holdings } = this.#parts;
    for (;;) {
      const found = await this.#ask(gateway, ({ backend }, signal) => backend.read(holdings.key, { signal }));
      if (typeof found === "object" && found.position.storeId === storeId && found.position.version >= last)
        return;
      await world.sleep(PAUSE_MS);
    }
  }

  /** Its session was of the former store: it needs another, and what was sent in the former one was not applied. */
  async #commits(gateway: Host<Gateway>, { version }: RestoredStore): Promise<void> {
    const { world, holdings, report } = this.#parts;
    const content = `through ${gateway.name}`;
    for (;;) {
      const result = await this.#ask(gateway, ({ backend }, signal) =>
        backend.commit([putOf(holdings.key, content)], { signal }),
      );
      if (typeof result === "object" && result.version <= version)
        report(`${gateway.name} commits version ${result.version}, the restored store began with ${version}`);
      if (typeof result === "object") break;
      await world.sleep(PAUSE_MS);
    }
    const found = await this.#ask(gateway, async ({ backend }, signal) =>
      readNowOrWait(backend, holdings.key, { consistency: "strong", signal }),
    );
    if (typeof found === "object" && found.record?.generation !== content)
      report(`${gateway.name} shows ${found.record?.generation} after it committed ${content}`);
  }

  async #refusesFormer(gateway: Host<Gateway>): Promise<void> {
    const { report, holdings } = this.#parts;
    const { position, key } = holdings;
    const { group, kind, partition, namespace } = key;
    const read = await this.#ask(gateway, ({ backend }, signal) =>
      backend.read(key, { minimum: position, signal }),
    );
    const watch = await this.#ask(gateway, async ({ backend }, signal) => {
      const opened = backend.watch({ group, kind, partition, namespace }, { since: position, signal });
      return (await opened.next().finally(() => opened.close())) ?? "watch-closed";
    });
    for (const [what, answer] of Object.entries({ read, watch })) {
      if (typeof answer === "object")
        report(`${gateway.name} answers a ${what} that goes on from the former store`);
      else if (!TOLD.has(answer))
        report(`${gateway.name} refuses a ${what} that goes on from the former store with ${answer}`);
    }
  }

  /** What a gateway answers, or the code of its refusal; `unavailable` when its process is not there. */
  async #ask<T>(
    { process, service }: Host<Gateway>,
    work: (gateway: Gateway, signal: AbortSignal) => Promise<T>,
  ): Promise<T | StorageErrorCode> {
    if (process?.isAlive !== true || service === undefined) return "unavailable";
    return await inProcess(process, (signal) => work(service, signal));
  }
}

/** How a position of a store that is no more is refused. */
const TOLD: ReadonlySet<string> = new Set(["store-changed"]);

function inProcess<T>(
  process: SimulatedProcess,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | StorageErrorCode> {
  return new Promise((resolve, reject) => {
    process.input(0, () => {
      within(process, CALL_MS, work).then(resolve, (error: unknown) => {
        if (StorageError.is(error)) resolve(error.code);
        else reject(error as Error);
      });
    });
  });
}
