import {
  type GetStatusResponse,
  type MemberStatus,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import { createPaint } from "../output/paint.ts";
import { pad, tableText } from "../output/table.ts";

/** The word of a role. */
function roleOf({ role }: MemberStatus): string {
  return role === Role.VOTER ? "voter" : "learner";
}

/** The word of a state. */
function stateOf({ state }: MemberStatus): string {
  switch (state) {
    case State.LEADER:
      return "leader";
    case State.FOLLOWER:
      return "follower";
    case State.CANDIDATE:
      return "candidate";
    case State.LEARNER:
      return "learner";
    default:
      return "unreachable";
  }
}

/** The longest name of a fact, and what stands behind it. */
const FACT_WIDTH = 7;

/** How a cluster is, as people read it. */
export function statusText(status: GetStatusResponse, colour: boolean): string {
  const { clusterId, leaderId, term, members } = status;
  const paint = createPaint(colour);
  const leader = members.find(({ id }) => id === leaderId);
  const fact = (name: string, text: string): string => `${paint.quiet(pad(name, FACT_WIDTH))}  ${text}\n`;
  const led = leader === undefined ? paint.bad("nobody") : `${leader.name}, in term ${term}`;
  return [
    fact("Cluster", clusterId),
    fact("Health", healthText(status, paint)),
    ...status.problems.map((problem) => fact("", paint.bad(problem))),
    fact("Leader", led),
    "\n",
    tableText(HEADERS, members.map(rowOf), colour),
  ].join("");
}

const HEADERS = ["NAME", "ID", "ADDRESS", "ROLE", "STATE", "TERM", "APPLIED", "LAG", "DISK", "LOOP"];

function healthText({ healthy, members }: GetStatusResponse, paint: ReturnType<typeof createPaint>): string {
  if (!healthy) return paint.bad("○ not healthy");
  const voters = members.filter(({ role }) => role === Role.VOTER).length;
  const spare = Math.ceil(voters / 2) - 1;
  const bears = spare === 0 ? "no voter may fail" : `${spare} of ${voters} voters may fail`;
  return `${paint.good("● healthy")}, ${voters === 1 ? "a single voter" : bears}`;
}

function rowOf(member: MemberStatus): readonly string[] {
  const { id, name, address, term, appliedIndex, lag } = member;
  const head = [name, id.toString(), address === "" ? "-" : address, roleOf(member), stateOf(member)];
  if (!isThere(member)) return [...head, "-", "-", "-", "-", "-"];
  return [...head, ...[term, appliedIndex, lag].map(String), diskText(member), loopText(member)];
}

function diskText({ hasSpace, oldestWriteMs }: MemberStatus): string {
  return hasSpace ? millisText(oldestWriteMs) : "full";
}

function loopText({ loopDelayMs }: MemberStatus): string {
  return loopDelayMs === undefined ? "-" : millisText(loopDelayMs);
}

function millisText(ms: number): string {
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
}

function isThere({ state }: MemberStatus): boolean {
  return state !== State.UNREACHABLE && state !== State.UNSPECIFIED;
}

/** The same as programs read it. What a member that does not answer would have to say itself is null. */
export function statusJson({ clusterId, leaderId, term, healthy, members }: GetStatusResponse): string {
  const value = {
    clusterId,
    leader: leaderId === 0n ? null : numberOf(leaderId),
    term: numberOf(term),
    healthy,
    members: members.map((member) => ({
      id: numberOf(member.id),
      name: member.name,
      address: member.address,
      role: roleOf(member),
      state: stateOf(member),
      term: isThere(member) ? numberOf(member.term) : null,
      appliedIndex: numberOf(member.appliedIndex),
      lag: numberOf(member.lag),
      pid: isThere(member) ? member.pid : null,
    })),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** A number where JSON has it exactly, its digits otherwise. */
export function numberOf(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
