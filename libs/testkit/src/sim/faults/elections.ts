import type { Message } from "@trellis/raft";

import { comeBack } from "./crashes.ts";
import type { Fault } from "./fault.ts";

/** How long an election stays contested, in virtual milliseconds. */
const CONTEST_MS = 4_000;
/** A voter that comes back so soon is asked again in the same term. */
const BACK_WITHIN_MS = 150;
/** Voters that lose power in one contest, at most. */
const MAX_CRASHES = 3;

/**
 * The leader is cut off, messages take as long as elections do, and voters lose power just when they have told somebody of their vote: what they told
 * must hold when they are back.
 */
export const contestedElection: Fault = (context) => {
  const { world, cluster, dice, counts } = context;
  const { leader, links } = cluster;
  const others = cluster.machines.filter((machine) => machine !== leader);
  if (leader === undefined || cluster.onSent !== undefined) return;
  for (const { name } of others) {
    links.cut(leader.name, name);
    links.cut(name, leader.name);
  }
  links.weather.delayMs = dice.pick([20, 100, 200]);
  let crashes = 0;
  cluster.onSent = (message) => {
    const machine = cluster.machineOf(message.from);
    if (!tellsVote(message) || machine === undefined || crashes >= MAX_CRASHES || dice.chance(0.3)) return;
    crashes++;
    // When the turn that sent it is over.
    world.in(dice.pick([0, 0, 0.5]), () => {
      if (!machine.isUp) return;
      counts.crashes++;
      machine.crash("power");
      comeBack(context, machine, BACK_WITHIN_MS);
    });
  };
  world.in(CONTEST_MS, () => {
    cluster.onSent = undefined;
    links.weather.delayMs = 1;
    for (const { name } of others) {
      links.heal(leader.name, name);
      links.heal(name, leader.name);
    }
  });
};

function tellsVote({ type, reject }: Message): boolean {
  return type === "MsgVote" || (type === "MsgVoteResp" && !reject);
}
