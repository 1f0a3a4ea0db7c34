import { RaftNodeError } from "@trellis/raft-node";
import { encodeCommand } from "@trellis/storage-raft";

import type { Machine } from "../cluster/machine.ts";
import type { RouterMachine } from "../routers/router-machine.ts";
import type { Routers } from "../routers/routers.ts";
import { crash } from "./crashes.ts";
import type { FaultContext } from "./fault.ts";

/** What goes wrong with routers. */
export interface RouterFaultContext extends FaultContext {
  readonly routers: Routers;
}

/** How long a router that crashed stays down, at most. */
const DOWN_MS = 2_500;
/** How long a cut lasts, at most. */
const CUT_MS = 6_000;
/** Sessions that are ended at once. */
const MAX_ENDED = 1_000;
/** How long the next leader is waited for, and how often it is looked for, in virtual milliseconds. */
const ELECTION_MS = 4_000;
const LOOK_MS = 1;
/** Between two faults, in virtual milliseconds. */
const PAUSE_MS = { least: 300, mean: 2_500 };

type RouterFault = (context: RouterFaultContext, router: RouterMachine) => void | Promise<void>;

const ALL: readonly { readonly name: string; readonly weight: number; readonly fault: RouterFault }[] = [
  { name: "router killed", weight: 3, fault: killed },
  { name: "router restarted", weight: 1, fault: restarted },
  { name: "router stalled", weight: 1, fault: stalled },
  { name: "router slow", weight: 1, fault: slow },
  { name: "sessions ended", weight: 1.5, fault: endSessions },
  { name: "router cut off", weight: 4, fault: cutOff },
];

/** Makes trouble for routers until it is over; each seed leaves some of it out. */
export async function makeRouterTrouble(context: RouterFaultContext): Promise<void> {
  const { world, dice, trace, routers, isOver } = context;
  const chosen = ALL.filter(() => dice.chance(0.85));
  const total = chosen.reduce((sum, { weight }) => sum + weight, 0);
  while (!isOver() && total > 0) {
    await world.sleep(PAUSE_MS.least + dice.around(PAUSE_MS.mean));
    if (isOver()) return;
    let at = dice.next() * total;
    const next = chosen.find(({ weight }) => (at -= weight) < 0);
    const router = dice.pick(routers.all);
    if (next === undefined || !router.isUp) continue;
    trace.note("fault", `${next.name}: ${router.name}`);
    void next.fault(context, router);
  }
}

/** All that it knew of sessions and answers is gone; what it had sent may be applied. */
function killed(context: RouterFaultContext, router: RouterMachine): void {
  context.routers.routersCrashed++;
  router.crash();
  comeBack(context, router);
}

async function restarted(context: RouterFaultContext, router: RouterMachine): Promise<void> {
  context.routers.routersCrashed++;
  await router.stop();
  comeBack(context, router);
}

function comeBack({ world, dice }: RouterFaultContext, router: RouterMachine): void {
  world.in(dice.between(20, DOWN_MS), () => router.start());
}

function stalled({ dice }: RouterFaultContext, router: RouterMachine): void {
  router.process?.stall(dice.pick([300, 1_000, 4_000]));
}

function slow({ world, dice }: RouterFaultContext, router: RouterMachine): void {
  const { process } = router;
  process?.slowDown(dice.between(0.1, 2));
  world.in(dice.between(500, 5_000), () => process?.slowDown(0));
}

/**
 * A leader dies with answers on its way, and the first thing that the next one does is to end all sessions: what is sent again finds none, whether it was
 * applied before or not.
 */
function endSessions(context: RouterFaultContext): void {
  const { world, cluster } = context;
  const { leader } = cluster;
  if (leader === undefined) return;
  crash(context, leader, "process");
  const untilMs = world.nowMs + ELECTION_MS;
  const look = (): void => {
    const next = cluster.leader;
    if (next !== undefined && next !== leader) endSessionsAt(context, next);
    else if (world.nowMs < untilMs) world.in(LOOK_MS, look);
  };
  look();
}

function endSessionsAt({ cluster }: RouterFaultContext, { process, replica }: Machine): void {
  process?.input(0, () => {
    if (replica === undefined) return;
    const { node, machine } = replica;
    const sessions = machine.silentSince(node.status().applied, MAX_ENDED);
    if (sessions.length === 0) return;
    node.propose(encodeCommand({ kind: "close-sessions", sessions })).catch((error: unknown) => {
      if (!RaftNodeError.is(error)) cluster.safety.report(`sessions cannot be ended: ${String(error)}`);
    });
  });
}

/** It does not reach some machines, or they do not reach it: the leader, those near by, forwarders. */
function cutOff({ world, cluster, routers, dice }: RouterFaultContext, router: RouterMachine): void {
  const servers = [...cluster.machines, ...routers.forwarders].map(({ name }) => name);
  const others = servers.filter((name) => name !== router.name && dice.chance(0.5));
  const { leader, links } = cluster;
  if (leader !== undefined && dice.chance(0.5)) others.push(leader.name);
  const ways = dice.pick(["out", "in", "both"] as const);
  const pairs = others.flatMap((other) => [
    ...(ways === "in" ? [] : [[router.name, other] as const]),
    ...(ways === "out" ? [] : [[other, router.name] as const]),
  ]);
  for (const [from, to] of pairs) links.cut(from, to);
  world.in(dice.between(200, CUT_MS), () => {
    for (const [from, to] of pairs) links.heal(from, to);
  });
}
