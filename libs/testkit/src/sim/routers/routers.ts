import type { RoutingDeps, RoutingEvent } from "@trellis/routing";
import type { NextTurn } from "@trellis/storage/wire";
import { storageLinks } from "@trellis/storage/wire";

import type { Cluster } from "../cluster/cluster.ts";
import type { ConnectionParts } from "../network/connection.ts";
import { dialer } from "../network/dial.ts";
import { Listeners } from "../network/listeners.ts";
import { createDice, type Dice } from "../world/dice.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import { runForwarding } from "./forwarding.ts";
import { type Gateway, runGateway } from "./gateway.ts";
import { RouterMachine } from "./router-machine.ts";
import { Submissions } from "./submissions.ts";

/** How often what happened to routers. */
export interface RouterCounts {
  /** One for a run that has routers. */
  routedRuns: number;
  /** Gateways and forwarders that were killed, or stopped and started again. */
  routersCrashed: number;
  /** Watches of gateways that went on at another server. */
  replicasChanged: number;
  /** Commits that their origin sent once more, under the same sequence. */
  commitsRepeated: number;
}

export interface RoutersParts {
  readonly seed: number;
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  /** Told of every gateway that has started, in its process. */
  readonly onGateway: (gateway: Gateway, process: SimulatedProcess) => void;
}

/** What is counted where there are none. */
export const NO_ROUTERS: RouterCounts = {
  routedRuns: 0,
  routersCrashed: 0,
  replicasChanged: 0,
  commitsRepeated: 0,
};

const GATEWAY_PORT = 7500;
const FORWARDER_PORT = 7520;
/** Servers that a router is configured with; others it learns of. */
const CONFIGURED = 2;

/** Two gateways: one goes to the nodes itself, the other through forwarders. */
export class Routers {
  readonly listeners = new Listeners();
  readonly gateways: readonly RouterMachine<Gateway>[];
  readonly forwarders: readonly RouterMachine<never>[];
  readonly #submissions: Submissions;
  readonly #parts: RoutersParts;
  readonly connections: ConnectionParts;
  #replicasChanged = 0;
  routersCrashed = 0;

  constructor(parts: RoutersParts) {
    const { seed, world, cluster } = parts;
    this.#parts = parts;
    const dice = createDice(seed, "connections");
    this.connections = {
      world,
      links: cluster.links,
      listeners: this.listeners,
      chance: (probability) => dice.chance(probability),
    };
    this.#submissions = new Submissions((violation) => cluster.safety.report(violation));
    const forwarders = ["f1", "f2"];
    this.forwarders = forwarders.map((name) => this.#forwarder(name, this.#someNodes(name)));
    const g1 = this.#someNodes("g1");
    this.gateways = [
      this.#gateway("g1", () => this.#members(g1)),
      this.#gateway("g2", () => forwarders.map((name) => `${name}:${FORWARDER_PORT}`)),
    ];
  }

  get all(): readonly RouterMachine[] {
    return [...this.gateways, ...this.forwarders];
  }

  get counts(): RouterCounts {
    const { routersCrashed } = this;
    return {
      routedRuns: 1,
      routersCrashed,
      replicasChanged: this.#replicasChanged,
      commitsRepeated: this.#submissions.repeated,
    };
  }

  /** Where the resource service is served. */
  get addresses(): readonly string[] {
    return this.gateways.map(({ name }) => `${name}:${GATEWAY_PORT}`);
  }

  start(): void {
    for (const router of this.all) router.start();
  }

  /** Ends all of them. */
  end(): void {
    for (const router of this.all) router.crash();
  }

  #someNodes(name: string): readonly string[] {
    const dice = createDice(this.#parts.seed, `servers of ${name}`);
    const names = this.#parts.cluster.machines
      .slice(0, CONFIGURED + 1)
      .map((machine) => `${machine.name}:7511`);
    const first = dice.below(names.length);
    return [...names.slice(first), ...names.slice(0, first)].slice(0, CONFIGURED);
  }

  /**
   * What a router is started with: its servers but for those that are no members any more, for which others stand. Whoever starts one again puts that right; else it
   * would know of nobody that there is.
   */
  #members(servers: readonly string[]): readonly string[] {
    const statuses = this.#parts.cluster.machines.flatMap(
      (machine) => (machine.isUp ? machine.replica?.node.status() : undefined) ?? [],
    );
    const informed = statuses.toSorted((a, b) => b.applied - a.applied)[0];
    if (informed === undefined) return servers;
    const members = informed.members.map(({ address }) => address);
    const staying = servers.filter((address) => members.includes(address));
    return [...new Set([...staying, ...members])].slice(0, servers.length);
  }

  #gateway(name: string, servers: () => readonly string[]): RouterMachine<Gateway> {
    const run = (process: SimulatedProcess, dice: Dice) => {
      const gateway = runGateway({
        deps: this.#deps(name, process, dice),
        servers: servers(),
        submissions: this.#submissions,
        onReplicaChanged: () => void this.#replicasChanged++,
        listen: (routes) => this.listeners.listen(`${name}:${GATEWAY_PORT}`, process, routes),
      });
      this.#parts.onGateway(gateway.service, process);
      return gateway;
    };
    return new RouterMachine(name, { ...this.#parts, run });
  }

  #forwarder(name: string, servers: readonly string[]): RouterMachine<never> {
    const run = (process: SimulatedProcess, dice: Dice) =>
      runForwarding({
        deps: this.#deps(name, process, dice),
        name: process.name,
        servers: this.#members(servers),
        submissions: this.#submissions,
        listen: (routes) => this.listeners.listen(`${name}:${FORWARDER_PORT}`, process, routes),
      });
    return new RouterMachine(name, { ...this.#parts, run });
  }

  #deps(name: string, process: SimulatedProcess, dice: Dice): RoutingDeps & { readonly nextTurn: NextTurn } {
    const nextTurn: NextTurn = (callback) => process.nextTurn(callback);
    const connect = dialer(this.connections, { host: name, process });
    const { trace } = this.#parts;
    return {
      openLink: storageLinks({ clock: process, nextTurn, connect }, { client: process.name }),
      clock: process,
      random: dice.next,
      nextTurn,
      onEvent: (event) => trace.note(name, textOf(event)),
    };
  }
}

function textOf({ kind, ...rest }: RoutingEvent): string {
  return `${kind} ${JSON.stringify(rest)}`;
}
