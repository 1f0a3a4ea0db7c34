import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  type CheckReplicasResponse,
  CheckReplicasResponseSchema,
  ClusterService,
  type HashStateResponse,
  HashStateResponseSchema,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb.js";
import type { MemberStatus } from "@trellis/raft-node";
import { toVersion } from "@trellis/storage";

import { encodeCommand } from "../command-codec.ts";
import type { ExpectedMark, StateHash } from "../state-marks.ts";
import type { ClusterServiceDeps, OperatedReplica } from "./operated-node.ts";
import { forOperator, notFormed, operatorError } from "./operator-errors.ts";
import { withinTime } from "./within-time.ts";

/** How long a member may take to look out for the mark. */
const LOOK_OUT_MS = 2_000;
/** How long a member may take to get to the mark and to hash its state. */
const HASH_MS = 60_000;
/** What the mark is called; no session that an origin opens is. */
const MARK_PREFIX = "check:";

/** What became of one member's part. */
type Outcome = { readonly hash: StateHash } | { readonly problem: string };

/** A member that looks out for the mark, or why it does not. */
type LookOut = { readonly hash: (signal: AbortSignal) => Promise<StateHash>; readonly close: () => void };

/**
 * Compares the replicas, on the leader: all members look out for a mark, which is then put into the log, and hash their states behind it. Those that cannot be
 * reached, or do not get there in time, are not compared, and it says so.
 */
export async function checkReplicas(
  deps: ClusterServiceDeps,
  { node, machine }: OperatedReplica,
  signal: AbortSignal,
): Promise<CheckReplicasResponse> {
  const mark = `${MARK_PREFIX}${Math.floor(deps.random() * 2 ** 52).toString(16)}`;
  const { members, id: self } = node.status();
  const lookOuts = await Promise.all(
    members.map(async (member): Promise<LookOut | { readonly problem: string }> => {
      try {
        return member.id === self
          ? lookOutHere(machine.expectMark(mark))
          : await lookOutThere(deps, member, mark, signal);
      } catch (error) {
        return { problem: `it cannot be asked: ${messageOf(error)}` };
      }
    }),
  );
  try {
    // A sign of life of a session that nobody has: it changes nothing, and every replica comes by it.
    const command = { kind: "keep-alive", session: { id: mark, openedAt: 1 } } as const;
    const { index } = await forOperator(node.propose(encodeCommand(command), { signal }));
    const outcomes = await Promise.all(
      lookOuts.map((lookOut) => outcomeOf(deps, lookOut, { index, signal })),
    );
    return answerOf(members, outcomes, index);
  } finally {
    for (const lookOut of lookOuts) if ("close" in lookOut) lookOut.close();
  }
}

function lookOutHere(expected: ExpectedMark): LookOut {
  return { hash: () => expected.hash, close: () => expected.cancel() };
}

async function lookOutThere(
  { clock, connect }: ClusterServiceDeps,
  { address }: MemberStatus,
  mark: string,
  signal: AbortSignal,
): Promise<LookOut> {
  const connection = connect(address);
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
    connection.close();
  };
  try {
    const answers = createClient(ClusterService, connection.transport)
      .hashState({ mark }, { signal: ending.signal })
      [Symbol.asyncIterator]();
    const next = async (): Promise<HashStateResponse> => {
      const answer = await answers.next();
      if (answer.done === true) throw new Error("it ended without a hash");
      return answer.value;
    };
    await withinTime({ clock, ms: LOOK_OUT_MS, signal }, next);
    return {
      close: end,
      hash: async () => {
        const { version, hash } = await next();
        return { version: toVersion(Number(version)), hash };
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}

async function outcomeOf(
  { clock }: ClusterServiceDeps,
  lookOut: LookOut | { readonly problem: string },
  { index, signal }: { readonly index: number; readonly signal: AbortSignal },
): Promise<Outcome> {
  if ("problem" in lookOut) return lookOut;
  try {
    const hash = await withinTime({ clock, ms: HASH_MS, signal }, lookOut.hash);
    if (hash.version === index) return { hash };
    return {
      problem: `it hashed version ${hash.version} instead of ${index}; use one version of the program`,
    };
  } catch (error) {
    return { problem: `it did not get there: ${messageOf(error)}` };
  }
}

function answerOf(
  members: readonly MemberStatus[],
  outcomes: readonly Outcome[],
  index: number,
): CheckReplicasResponse {
  const replicas = members.map(({ id, name }, position) => {
    const outcome = outcomes[position] ?? { problem: "it was not asked" };
    const said =
      "hash" in outcome ? { hash: outcome.hash.hash, problem: "" } : { hash: "", problem: outcome.problem };
    return { id: BigInt(id), name, ...said };
  });
  const hashes = new Set(replicas.map(({ hash }) => hash));
  return create(CheckReplicasResponseSchema, {
    equal: hashes.size === 1 && !hashes.has(""),
    version: BigInt(index),
    replicas,
  });
}

/** Serves one member's part: says that the mark is looked out for, then the hash of the state behind it. */
export async function* hashState(
  replica: OperatedReplica | undefined,
  mark: string,
  { clock, signal }: { readonly clock: ClusterServiceDeps["clock"]; readonly signal: AbortSignal },
): AsyncGenerator<HashStateResponse> {
  if (replica === undefined) throw notFormed();
  const expected = expectMark(replica, mark);
  try {
    yield create(HashStateResponseSchema, {});
    const { version, hash } = await withinTime(
      { clock, ms: LOOK_OUT_MS + HASH_MS, signal },
      () => expected.hash,
    );
    yield create(HashStateResponseSchema, { version: BigInt(version), hash });
  } finally {
    expected.cancel();
  }
}

function expectMark({ machine }: OperatedReplica, mark: string): ExpectedMark {
  try {
    return machine.expectMark(mark);
  } catch (error) {
    throw operatorError(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
