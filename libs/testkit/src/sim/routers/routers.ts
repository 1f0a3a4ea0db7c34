import type { RoutingDeps, RoutingEvent } from "@trellis/routing";
import type { NextTurn } from "@trellis/storage/wire";
import { storageLinks } from "@trellis/storage/wire";

import type { Host } from "../clients/host.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { StartedReplica } from "../cluster/machine.ts";
import type { ConnectionParts } from "../network/connection.ts";
import { dialer } from "../network/dial.ts";
import { Listeners } from "../network/listeners.ts";
import { createDice, type Dice } from "../world/dice.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import { runForwarding } from "./forwarding.ts";
import { type Gateway, type GatewayParts, runGateway } from "./gateway.ts";
import { MemberGateway, memberLinks } from "./member-gateway.ts";
import { RouterMachine } from "./router-machine.ts";
import { serveStorage } from "./serve-storage.ts";
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
  /** Gateways that started in the process of a storage node. */
  memberGateways: number;
  /** Reads that such a gateway had answered at once, by the replica beside it. */
  readsAtOnce: number;
}

export interface RoutersParts {
  readonly seed: number;
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  /** How many of the machines, the first ones, have a gateway in the process of their storage node. */
  readonly memberGateways: number;
  /** Told of every gateway that has started, in its process, and of what it is called. */
  readonly onGateway: (gateway: Gateway, process: SimulatedProcess, name: string) => void;
}

/** What is counted where there are none. */
export const NO_ROUTERS: RouterCounts = {
  routedRuns: 0,
  routersCrashed: 0,
  replicasChanged: 0,
  commitsRepeated: 0,
  memberGateways: 0,
  readsAtOnce: 0,
};

const GATEWAY_PORT = 7500;
const FORWARDER_PORT = 7520;
/** Servers that a router is configured with; others it learns of. */
const CONFIGURED = 2;

/** Two gateways: one goes to the nodes itself, the other through forwarders. Others are in the processes of storage nodes. */
export class Routers {
  readonly listeners = new Listeners();
  readonly gateways: readonly RouterMachine<Gateway>[];
  readonly forwarders: readonly RouterMachine<never>[];
  readonly memberGateways: readonly MemberGateway[];
  readonly #submissions: Submissions;
  readonly #parts: RoutersParts;
  readonly connections: ConnectionParts;
  #replicasChanged = 0;
  #startedInNodes = 0;
  #readsAtOnce = 0;
  routersCrashed = 0;

  constructor(parts: RoutersParts) {
    const { seed, world, cluster, memberGateways } = parts;
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
    this.memberGateways = cluster.machines
      .slice(0, memberGateways)
      .map((machine) => new MemberGateway(machine));
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
      memberGateways: this.#startedInNodes,
      readsAtOnce: this.#readsAtOnce,
    };
  }

  /** Where clients may enter. */
  get entries(): readonly Host<Gateway>[] {
    return [...this.gateways, ...this.memberGateways];
  }

  /** Where the resource service is served. */
  get addresses(): readonly string[] {
    return this.entries.map(({ name }) => `${name}:${GATEWAY_PORT}`);
  }

  start(): void {
    for (const router of this.all) router.start();
  }

  /** A replica has started: its storage is served, and resources as well where its machine has a gateway. */
  started(started: StartedReplica): void {
    const storage = serveStorage(this.listeners, started);
    const member = this.memberGateways.find(({ machine }) => machine === started.machine);
    if (member === undefined) return;
    const { process } = started;
    const deps = this.#deps(member.name, process, createDice(this.#parts.seed, `gateway of ${process.name}`));
    const openLink = memberLinks(deps.openLink, storage);
    const { service } = this.#runGateway(member.name, process, {
      deps: { ...deps, openLink },
      servers: [storage.address],
      isMember: true,
    });
    member.started(service, process);
    this.#startedInNodes++;
    this.#parts.onGateway(service, process, `the gateway in ${process.name}`);
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
      const deps = this.#deps(name, process, dice);
      const gateway = this.#runGateway(name, process, { deps, servers: servers(), isMember: false });
      this.#parts.onGateway(gateway.service, process, process.name);
      return gateway;
    };
    return new RouterMachine(name, { ...this.#parts, run });
  }

  #runGateway(
    name: string,
    process: SimulatedProcess,
    parts: Pick<GatewayParts, "deps" | "servers" | "isMember">,
  ): ReturnType<typeof runGateway> {
    return runGateway({
      ...parts,
      submissions: this.#submissions,
      onReplicaChanged: () => void this.#replicasChanged++,
      onReadAtOnce: () => void this.#readsAtOnce++,
      listen: (routes) => this.listeners.listen(`${name}:${GATEWAY_PORT}`, process, routes),
    });
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
