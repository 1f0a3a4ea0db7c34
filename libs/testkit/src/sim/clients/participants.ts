import { type TypeQuery, WILDCARD } from "@trellis/storage";

import type { History } from "../../history/history.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Routers } from "../routers/routers.ts";
import { createDice } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";
import type { World } from "../world/world.ts";
import { Calls } from "./calls.ts";
import { RoutedClient } from "./routed-client.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { SimulatedWatcher, type WatchedHost } from "./simulated-watcher.ts";

/** All of a kind. */
export function everywhere(kind: string): TypeQuery {
  return { group: "g", kind, partition: WILDCARD, namespace: WILDCARD };
}

/** Kinds that are watched whole. */
export const WATCHED_KINDS = ["k", "l"];

export interface ParticipantsParts {
  readonly seed: number;
  readonly world: World;
  readonly trace: Trace;
  readonly cluster: Cluster;
  readonly history: History;
  /** Where some of them enter; undefined when all go to the replicas themselves. */
  readonly routers: Routers | undefined;
}

/** Who works with the cluster. */
export interface Participants {
  /** The first of those who call replicas themselves: there is one always. */
  readonly first: SimulatedClient;
  readonly clients: readonly (SimulatedClient | RoutedClient)[];
  readonly watchers: readonly SimulatedWatcher[];
}

const CLIENTS = 6;
/** Those who enter by gateways of all kinds where some are in the processes of storage nodes, beside the rest. */
const ROAMING = 2;
/** Those who call replicas themselves though there are routers: one with a session, one without. */
const DIRECT = 2;

const QUERIES: readonly TypeQuery[] = [
  ...WATCHED_KINDS.map(everywhere),
  { group: "g", kind: "k", partition: "p", namespace: "x", namePrefix: "a" },
];
/** At a gateway there are two of a scope at least: they share what happens there. */
const GATEWAY_QUERIES: readonly TypeQuery[] = [...QUERIES, { ...everywhere("k"), namePrefix: "a" }];

/** How often a watcher at a gateway falls behind what it shares with others. */
const REST_RATE = 0.01;

/**
 * Clients and watchers; where there are routers, two thirds of the clients enter by them, and watchers of their own stand at each. Where storage nodes have gateways,
 * more clients and watchers go from one gateway to the next.
 */
export function createParticipants(parts: ParticipantsParts): Participants {
  const { seed, world, trace, cluster, history, routers } = parts;
  const dice = createDice(seed, "calls");
  const chance = (probability: number): boolean => dice.chance(probability);
  const calls = new Calls({ world, links: cluster.links, chance });
  const first = directClient(parts, calls, 0);
  const { links, safety } = cluster;
  const shared = { world, safety, links, history, trace };
  const gateways = routers?.gateways ?? [];
  const members = routers?.memberGateways ?? [];
  const count = members.length === 0 ? CLIENTS : CLIENTS + ROAMING;
  const others = Array.from({ length: count - 1 }, (_, before) => {
    const at = before + 1;
    const gateway = at < DIRECT ? undefined : gateways[at % 2];
    if (gateway === undefined) return directClient(parts, calls, at);
    const name = `c${at + 1}`;
    const entries = { gateway, others: at < CLIENTS ? [] : members };
    return new RoutedClient({ ...shared, ...entries, name, dice: createDice(seed, name), calls });
  });
  const watcher = (
    name: string,
    hosts: readonly WatchedHost[],
    query: TypeQuery,
    restRate = 0,
  ): SimulatedWatcher =>
    new SimulatedWatcher({ ...shared, name, dice: createDice(seed, name), hosts, query, restRate });
  const watchers = [
    ...QUERIES.map((query, at) => watcher(`w${at + 1}`, cluster.machines, query)),
    ...gateways.flatMap((gateway) =>
      GATEWAY_QUERIES.map((query, at) => watcher(`w${at + 1}@${gateway.name}`, [gateway], query, REST_RATE)),
    ),
    ...(routers === undefined || members.length === 0
      ? []
      : GATEWAY_QUERIES.map((query, at) => watcher(`w${at + 1}@any`, routers.entries, query, REST_RATE))),
  ];
  return { first, clients: [first, ...others], watchers };
}

function directClient(
  { seed, world, trace, cluster, history }: ParticipantsParts,
  calls: Calls,
  at: number,
): SimulatedClient {
  const name = `c${at + 1}`;
  const dice = createDice(seed, name);
  return new SimulatedClient({ name, dice, hasSession: at % 2 === 0, world, cluster, calls, history, trace });
}
