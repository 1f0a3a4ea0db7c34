import { setTimeout as sleep } from "node:timers/promises";

import {
  type GetStatusResponse,
  MemberStatus_Role as Role,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import { VOTERS } from "../chaos-cluster.ts";
import { type FaultContext } from "./fault.ts";

/** How long one change may take while other faults go on. */
const CHANGE_MS = 90_000;
const RETRY_MS = 500;

/** Has a new node take the place of another: joins it, lets it vote, has it or somebody lead, and removes a member that was there before. */
export async function replaceMember(context: FaultContext): Promise<void> {
  const { chaos, dice, timeline } = context;
  const newcomer = chaos.spare;
  const address = chaos.startSpare();
  timeline.count("members replaced");
  timeline.tell(newcomer, "is started to join");
  await until(context, `${newcomer} is a member`, isMember(newcomer), () =>
    chaos.operator.ask((client, options) => client.addMember({ name: newcomer, address }, options)),
  );
  timeline.tell(newcomer, "is a member");
  await until(context, `${newcomer} votes`, isVoter(newcomer), ({ members }) =>
    chaos.operator.ask((client, options) => client.promoteMember({ id: idOf(members, newcomer) }, options)),
  );
  timeline.tell(newcomer, "votes");
  await transferLeadership(context);
  const { members } = await chaos.operator.status().catch(() => ({ members: [] }));
  const others = members.map(({ name }) => name).filter((name) => name !== newcomer);
  const leaving = dice.pick(others.length > 0 ? others : ["node-1"]);
  await until(
    context,
    `${leaving} is removed`,
    (status) => !isMember(leaving)(status) && status.members.length === VOTERS,
    (status) =>
      chaos.operator.ask((client, options) =>
        client.removeMember({ id: idOf(status.members, leaving) }, options),
      ),
  );
  timeline.tell(leaving, "is removed, and is the spare one from now on");
  await chaos.retire(leaving);
}

/** Has another voter lead. */
export async function transferLeadership({ chaos, timeline }: FaultContext): Promise<void> {
  timeline.count("leadership handed over");
  try {
    await chaos.operator.ask((client, options) => client.transferLeadership({ to: 0n }, options));
    const { name } = await chaos.operator.leader();
    timeline.tell(name, "was handed the leadership");
  } catch (error) {
    timeline.tell("leadership", `was not handed over: ${(error as Error).message}`);
  }
}

type Members = GetStatusResponse["members"];

/** Asks for a change again and again until the status shows it: an answer may be lost, and a cluster may have no leader to ask. */
async function until(
  { chaos }: FaultContext,
  what: string,
  isDone: (status: GetStatusResponse) => boolean,
  ask: (status: GetStatusResponse) => Promise<unknown>,
): Promise<void> {
  let last = "";
  for (const untilMs = performance.now() + CHANGE_MS; performance.now() < untilMs;) {
    try {
      const status = await chaos.operator.status();
      if (isDone(status) && status.leaderId !== 0n) return;
      await ask(status);
    } catch (error) {
      last = (error as Error).message;
      await sleep(RETRY_MS);
    }
  }
  throw new Error(`not within ${CHANGE_MS} ms: ${what}; ${last}`);
}

function isMember(name: string): (status: GetStatusResponse) => boolean {
  return ({ members }) => members.some((member) => member.name === name);
}

function isVoter(name: string): (status: GetStatusResponse) => boolean {
  return ({ members }) => members.some((member) => member.name === name && member.role === Role.VOTER);
}

function idOf(members: Members, name: string): bigint {
  const member = members.find((each) => each.name === name);
  if (member === undefined) throw new Error(`${name} is no member`);
  return member.id;
}
