import type { Links } from "../network/links.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";
import type { Host } from "./host.ts";

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

/** Calls of clients to replicas and gateways, over a network that cuts them off. */
export class Calls {
  readonly #parts: CallParts;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** Has somebody do something. Rejects with its error, or with {@link NoAnswer}. */
  call<Service, T>(
    host: string,
    callee: Host<Service>,
    timeoutMs: number,
    execute: (service: Service, process: SimulatedProcess) => Promise<T>,
  ): Promise<T> {
    const { world, links, chance } = this.#parts;
    return new Promise<T>((resolve, reject) => {
      const cancel = world.in(timeoutMs, () => reject(new NoAnswer("unknown", "no answer in time")));
      const broken = (): void => reject(new NoAnswer("unknown", "the connection broke"));
      /** An answer goes back, if it gets there. */
      const back = (settle: () => void): void => {
        links.stream(
          callee.name,
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
        callee.name,
        () => {
          const { process, service } = callee;
          if (process?.isAlive !== true || service === undefined) {
            back(() => reject(new NoAnswer("refused", `${callee.name} does not listen`)));
            return;
          }
          // Some connections end with the process; of others nothing is heard any more.
          const stayTuned = process.onExit(() => {
            if (chance(0.5)) world.in(links.delayMs(), broken);
          });
          process.input(0, () => {
            execute(service, process)
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
