import type { Replica } from "@trellis/storage-raft";
import type { Machine } from "../cluster/machine.ts";
import type { Links } from "../network/links.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";

/** Why there is no answer. `refused`: nobody was there who could have done anything. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly kind: "refused" | "unknown";

  constructor(kind: "refused" | "unknown", why: string) {
    super(why);
    this.kind = kind;
  }
}

export interface CallParts {
  readonly world: World;
  readonly links: Links;
  readonly chance: (probability: number) => boolean;
}

/** Calls of clients to replicas, over a network that cuts them off. */
export class Calls {
  readonly #parts: CallParts;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** Has a replica do something. Rejects with its error, or with {@link NoAnswer}. */
  call<T>(
    host: string,
    machine: Machine,
    timeoutMs: number,
    execute: (replica: Replica, process: SimulatedProcess) => Promise<T>,
  ): Promise<T> {
    const { world, links, chance } = this.#parts;
    return new Promise<T>((resolve, reject) => {
      const cancel = world.in(timeoutMs, () => reject(new NoAnswer("unknown", "no answer in time")));
      const broken = (): void => reject(new NoAnswer("unknown", "the connection broke"));
      /** An answer goes back, if it gets there. */
      const back = (settle: () => void): void => {
        links.stream(
          machine.name,
          host,
          () => {
            cancel();
            settle();
          },
          broken,
        );
      };
      links.stream(
        host,
        machine.name,
        () => {
          const { process, replica } = machine;
          if (process?.isAlive !== true || replica === undefined) {
            back(() => reject(new NoAnswer("refused", `${machine.name} does not listen`)));
            return;
          }
          // Some connections end with the process; of others nothing is heard any more.
          const stayTuned = process.onExit(() => {
            if (chance(0.5)) world.in(links.delayMs(), broken);
          });
          process.input(0, () => {
            execute(replica, process)
              .then(
                (result) => back(() => resolve(result)),
                (error: unknown) => back(() => reject(error as Error)),
              )
              .finally(stayTuned);
          });
        },
        broken,
      );
    });
  }
}
