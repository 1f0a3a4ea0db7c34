import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";

import type { SimulatedProcess } from "../world/simulated-process.ts";

/** A process that listens, and what it serves: the implementation of each service by its name. */
export interface Listener {
  readonly process: SimulatedProcess;
  readonly services: ReadonlyMap<string, Partial<ServiceImpl<DescService>>>;
}

/** Who listens where. */
export class Listeners {
  readonly #listeners = new Map<string, Listener>();
  readonly #open = new Set<{ cancel(): void }>();

  /** A call has begun to be served; the answer says that it is over. */
  opened(call: { cancel(): void }): () => void {
    this.#open.add(call);
    return () => void this.#open.delete(call);
  }

  /** Cancels all calls, also those of processes that were killed: Node keeps a signal that follows others, and all behind it, until one is aborted. */
  end(): void {
    for (const call of this.#open) call.cancel();
  }

  at(address: string): Listener | undefined {
    return this.#listeners.get(address);
  }

  /** Listens at `host:port` until the process ends. */
  listen(address: string, process: SimulatedProcess, routes: (router: ConnectRouter) => void): void {
    const listener = { process, services: servicesOf(routes) };
    this.#listeners.set(address, listener);
    process.onExit(() => {
      if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
    });
  }
}

/** What a part would give to a router. */
function servicesOf(routes: (router: ConnectRouter) => void): Listener["services"] {
  const services = new Map<string, Partial<ServiceImpl<DescService>>>();
  const router: ConnectRouter = {
    handlers: [],
    service(service, implementation) {
      services.set(service.typeName, implementation as Partial<ServiceImpl<DescService>>);
      return router;
    },
    rpc() {
      throw new Error("expected whole services, found a single method");
    },
  };
  routes(router);
  return services;
}
