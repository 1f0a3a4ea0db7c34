import { LocalLink, type OpenStorageLink } from "@trellis/storage/wire";

import type { Host } from "../clients/host.ts";
import type { Machine } from "../cluster/machine.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { Gateway } from "./gateway.ts";
import type { ServedStorage } from "./serve-storage.ts";

/** A gateway in the process of a storage node: it is there once the replica beside it has started, and dies with it. */
export class MemberGateway implements Host<Gateway> {
  readonly machine: Machine;
  #service: Gateway | undefined;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  get name(): string {
    return this.machine.name;
  }

  get process(): SimulatedProcess | undefined {
    return this.machine.process;
  }

  get service(): Gateway | undefined {
    return this.#service;
  }

  /** It has started in the process that its machine has now. */
  started(service: Gateway, process: SimulatedProcess): void {
    this.#service = service;
    process.onExit(() => {
      this.#service = undefined;
    });
  }
}

/** Links of a node's own gateway: to what that node serves at its own address without a wire, to all others over the network. */
export function memberLinks(others: OpenStorageLink, { address, served }: ServedStorage): OpenStorageLink {
  return (server, signal) =>
    server === address ? Promise.resolve(new LocalLink(served)) : others(server, signal);
}
