import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { PeerService } from "@trellis/protos/trellis/raft/v1/peer_pb.js";

import { createFormation, formCluster } from "../begin-cluster.ts";
import { toNumber } from "../configuration-codec.ts";
import { RaftNodeError } from "../errors.ts";
import { ensureIdentity, type Formation } from "../identity.ts";
import type { Member } from "../member.ts";
import type { DataDirectory, NodeClock, Random } from "../ports.ts";
import type { StateChunk } from "../snapshots/snapshot-store.ts";
import { ANSWER_MS, ASK_AGAIN_MS, sleep, stoppedWhileWaiting } from "./asking.ts";
import { fromFormationMessage, toFormationMessage } from "./formation-routes.ts";
import type { PeerConnection } from "./peer-link.ts";

/** What forming works with. */
export interface InitialClusterDeps {
  readonly data: DataDirectory;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly connect: (address: string) => PeerConnection;
  /** What the state machines begin with. */
  readonly chunks: (formation: Formation) => AsyncIterable<StateChunk>;
  /** What is being waited for, in words; told when it changes. */
  readonly onWait?: ((what: string) => void) | undefined;
}

/** Who is to form a cluster. */
export interface InitialClusterConfig {
  /** All first members, this one among them; the same list on all. */
  readonly members: readonly Omit<Member, "id">[];
  /** This node's address, as the list has it. */
  readonly address: string;
  readonly featureLevel: number;
}

/** What one of the first members answered. */
interface Answer {
  readonly member: Omit<Member, "id">;
  readonly nodeId: number;
  readonly clusterId: string;
  readonly formation: Formation | undefined;
}

/**
 * Waits until this node belongs to a cluster, and forms the one of the list when it falls to this node: once every node of the list has answered
 * that it belongs to none, the one with the lowest id draws the formation up, makes it durable for itself, and tells the others; whoever is not told
 * asks. Rejects with `wrong-cluster` when the cluster exists without this node, with `invalid` for a list that cannot be right, and with `aborted`.
 */
export async function awaitInitialCluster(
  deps: InitialClusterDeps,
  config: InitialClusterConfig,
  signal?: AbortSignal,
): Promise<void> {
  checkList(config);
  const { data, clock, random } = deps;
  const connections = new Map(config.members.map(({ address }) => [address, deps.connect(address)]));
  let lastWait = "";
  try {
    for (;;) {
      const { nodeId, clusterId } = await ensureIdentity(data, random);
      if (clusterId !== undefined) return;
      const { answers, missing } = await askAll(config, nodeId, connections, signal);
      const known = answers.find((answer) => answer.clusterId !== "");
      if (known !== undefined) {
        await formsFirst(deps, formationFor(nodeId, known));
        return;
      }
      checkAnswers(answers);
      if (missing.length === 0 && answers.every((answer) => answer.nodeId >= nodeId)) {
        const members = answers.map(({ member, nodeId: id }) => ({ ...member, id }));
        const formation = createFormation(members, config.featureLevel, random);
        // For itself first: then it is not drawn up a second time, and whoever is not told below asks.
        if (await formsFirst(deps, formation)) await tellOthers(config, formation, connections);
        return;
      }
      const wait =
        missing.length > 0
          ? `waits for ${missing.map(({ name, address }) => `${name} at ${address}`).join(", ")}`
          : "waits for the node with the lowest id to form the cluster";
      if (wait !== lastWait) deps.onWait?.(wait);
      lastWait = wait;
      await sleep(clock, ASK_AGAIN_MS, signal);
    }
  } finally {
    for (const connection of connections.values()) connection.close();
  }
}

/** False when somebody else has made this node a member meanwhile. */
async function formsFirst(
  { data, chunks, random }: InitialClusterDeps,
  formation: Formation,
): Promise<boolean> {
  try {
    await formCluster(data, formation, chunks, random);
    return true;
  } catch (error) {
    if (!RaftNodeError.is(error) || error.code !== "wrong-cluster") throw error;
    return false;
  }
}

function checkList({ members, address }: InitialClusterConfig): void {
  const twice = (values: readonly string[]): string | undefined =>
    values.find((value, position) => values.indexOf(value) !== position);
  const name = twice(members.map((member) => member.name));
  if (name !== undefined) throw invalidList(`the name ${name} is there twice`);
  const repeated = twice(members.map((member) => member.address));
  if (repeated !== undefined) throw invalidList(`the address ${repeated} is there twice`);
  if (!members.some((member) => member.address === address))
    throw invalidList(`this node's address ${address} is not there`);
}

function checkAnswers(answers: readonly Answer[]): void {
  for (const [position, { nodeId, member }] of answers.entries()) {
    const other = answers.slice(0, position).find((earlier) => earlier.nodeId === nodeId);
    if (other !== undefined)
      throw invalidList(`${other.member.address} and ${member.address} are the same node`);
  }
}

function invalidList(found: string): RaftNodeError {
  return new RaftNodeError(
    "invalid",
    `expected the initial cluster to list every first member once, by a name and an address of its own, this node among them; ${found}`,
  );
}

function formationFor(nodeId: number, { member, clusterId, formation }: Answer): Formation {
  if (formation?.members.some(({ id }) => id === nodeId) === true) return formation;
  throw new RaftNodeError(
    "wrong-cluster",
    `cluster ${clusterId} exists already (${member.name} at ${member.address} belongs to it) and was formed without this node, ${nodeId}: its ` +
      `directory is new, or the list is. Remove the member whose place it takes, then let this node join`,
  );
}

async function askAll(
  { members, address }: InitialClusterConfig,
  nodeId: number,
  connections: ReadonlyMap<string, PeerConnection>,
  signal: AbortSignal | undefined,
): Promise<{ readonly answers: readonly Answer[]; readonly missing: readonly Omit<Member, "id">[] }> {
  const asked = await Promise.all(
    members.map(async (member): Promise<Answer | undefined> => {
      if (member.address === address) return { member, nodeId, clusterId: "", formation: undefined };
      const connection = connections.get(member.address);
      if (connection === undefined) return undefined;
      return await ask(member, connection, signal);
    }),
  );
  return {
    answers: asked.filter((answer) => answer !== undefined),
    missing: members.filter((_, position) => asked[position] === undefined),
  };
}

async function ask(
  member: Omit<Member, "id">,
  { transport }: PeerConnection,
  signal: AbortSignal | undefined,
): Promise<Answer | undefined> {
  try {
    const found = await createClient(PeerService, transport).identify(
      {},
      { timeoutMs: ANSWER_MS, ...(signal !== undefined && { signal }) },
    );
    const formation = found.formation === undefined ? undefined : fromFormationMessage(found.formation);
    return { member, nodeId: toNumber(found.nodeId), clusterId: found.clusterId, formation };
  } catch (error) {
    if (signal?.aborted === true) throw stoppedWhileWaiting();
    if (error instanceof ConnectError && error.code === Code.Unimplemented) {
      throw new RaftNodeError(
        "invalid",
        `what answers at ${member.address} is no storage node; mend the list`,
        { cause: error },
      );
    }
    return undefined;
  }
}

/** Whoever cannot be told asks by itself. */
async function tellOthers(
  { members, address }: InitialClusterConfig,
  formation: Formation,
  connections: ReadonlyMap<string, PeerConnection>,
): Promise<void> {
  const others = members.filter((member) => member.address !== address);
  await Promise.allSettled(
    others.map(async (member) => {
      const connection = connections.get(member.address);
      if (connection === undefined) return;
      await createClient(PeerService, connection.transport).form(
        { formation: toFormationMessage(formation) },
        { timeoutMs: ANSWER_MS },
      );
    }),
  );
}
