import {
  type MemberStatus,
  MemberStatus_Role as Role,
  MemberStatus_State as State,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import { CliError, usageError } from "../errors.ts";
import { createProgress } from "../output/progress.ts";
import type { Session } from "../session.ts";
import { askCluster, clusterStatus } from "./ask-cluster.ts";

/** What `trellis cluster add` is told. */
export interface AddOptions {
  /** Whether it is waited for until it has caught up. */
  readonly wait: boolean;
  /** Whether it votes then. */
  readonly promote: boolean;
  readonly timeoutMs: number;
}

/** How often it is looked at. */
const LOOK_MS = 500;
/** So near to the others it may be promoted. */
const CAUGHT_UP = 1_000n;

/** Adds the node `NAME=HOST:PORT` as a learner, waits until it has caught up, and promotes it where that was said. */
export async function addMember(session: Session, text: string, options: AddOptions): Promise<void> {
  const { name, address } = parseMember(text);
  const { stdout } = session.environment;
  const { members } = await clusterStatus(session);
  checkAddress(members, { name, address });
  const { id } = await askCluster(session, (cluster, call) => cluster.addMember({ name, address }, call));
  const role = members.find((one) => one.id === id)?.role;
  stdout(`${addedText(`${name} (${id})`, role)}\n`);
  if (role === Role.VOTER || !options.wait) return;
  await caughtUp(session, id, name, options.timeoutMs);
  stdout(`${name} has caught up.\n`);
  if (!options.promote) {
    stdout(`Let it vote with\n\n  trellis cluster promote ${name}\n`);
    return;
  }
  await askCluster(session, (cluster, call) => cluster.promoteMember({ id }, call));
  stdout(`${name} votes now.\n`);
}

/** Whoever answers at an address would be called `name` from then on, until it says its own name again. */
function checkAddress(
  members: readonly MemberStatus[],
  { name, address }: { readonly name: string; readonly address: string },
): void {
  const there = members.find((member) => member.address === address && member.name !== name);
  if (there === undefined) return;
  throw new CliError(`${address} is the address of ${there.name}, which is a member already`, {
    hint: `Name the address of ${name}, or take it as it is called: ${there.name}=${address}`,
  });
}

/** What is said of a node that was added, or had been before: as what, if it had. */
function addedText(member: string, before: Role | undefined): string {
  if (before === undefined) return `Added ${member} as a learner, which does not vote.`;
  return before === Role.VOTER
    ? `${member} is a member already, and votes.`
    : `${member} is a member already, as a learner, which does not vote.`;
}

function parseMember(text: string): { readonly name: string; readonly address: string } {
  const [, name, address] = /^([^\s=]+)=(\S+:\d+)$/.exec(text) ?? [];
  if (name === undefined || address === undefined)
    throw usageError(`"${text}" is no NAME=HOST:PORT`, "As in: trellis cluster add n4=10.0.0.4:7511");
  return { name, address };
}

async function caughtUp(session: Session, id: bigint, name: string, timeoutMs: number): Promise<void> {
  const { clock, signal } = session.environment;
  const untilMs = clock.monotonic() + timeoutMs;
  let progress: ReturnType<typeof createProgress> | undefined;
  let shown = 0;
  try {
    for (;;) {
      const { members, committedIndex } = await clusterStatus(session);
      const member = members.find((one) => one.id === id);
      if (member === undefined)
        throw new CliError(`${name} was removed meanwhile`, { hint: "Look with `trellis cluster status`." });
      if (isCaughtUp(member)) return;
      progress ??= createProgress(session.environment, {
        title: "Catching up",
        total: Number(committedIndex),
      });
      progress.step(Number(member.appliedIndex) - shown);
      shown = Number(member.appliedIndex);
      if (clock.monotonic() >= untilMs) throw tooLate(name, member, timeoutMs);
      await sleep(session, LOOK_MS);
      signal.throwIfAborted();
    }
  } finally {
    progress?.end();
  }
}

function isCaughtUp({ state, lag, appliedIndex }: MemberStatus): boolean {
  return state !== State.UNREACHABLE && appliedIndex > 0n && lag <= CAUGHT_UP;
}

function tooLate(name: string, { state, lag }: MemberStatus, timeoutMs: number): CliError {
  const found = state === State.UNREACHABLE ? "it does not answer" : `it lags by ${lag} entries`;
  return new CliError(`${name} has not caught up within ${timeoutMs / 1_000} s: ${found}`, {
    hint: "It is a learner, and goes on by itself. Look with `trellis cluster status`.",
  });
}

async function sleep({ environment: { clock, signal } }: Session, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(ms, resolve, { keepAlive: true });
    signal.addEventListener(
      "abort",
      () => {
        cancel();
        resolve();
      },
      { once: true },
    );
  });
}
