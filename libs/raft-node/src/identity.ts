import { type Disk } from "@trellis/wal";
import type { LogIndex, NodeId, Term } from "@trellis/raft";

import { RaftNodeError } from "./errors.ts";
import type { Member } from "./member.ts";
import type { DataDirectory, Random } from "./ports.ts";

const FILE = "node.json";
const UNFINISHED = "node.json.unfinished";
const FORMAT = 1;
/** What to do about an identity that cannot be read. */
const CURE =
  "put the file back from a copy, or begin with an empty directory: restore a snapshot into it or, if this is a member of a cluster, remove the " +
  "member and let it join again";
/** Enough that two nodes never draw the same, few enough for a JavaScript number. */
const ID_BITS = 2 ** 52;

/** Who a node is: `node.json`, the one file that decides. Everything else in the directory is looked at in its light. */
export interface Identity {
  /** Minted on an empty directory, for ever. */
  readonly nodeId: NodeId;
  /** The cluster that it belongs to; undefined while it belongs to none. */
  readonly clusterId?: string | undefined;
  /** What its cluster was formed with, if this node is one of the first members: those that were not told yet are told by any other. */
  readonly formation?: Formation | undefined;
  /**
   * Set while the log has to begin anew with this snapshot, whose file is there: after a formation, a restore or a forced recovery, until the
   * next start has done it. The log and the snapshots of before belong to another cluster. Index and term 0: with nothing, after a join. Without it there
   * is a log, and one that is gone is not taken for a new one: it held votes.
   */
  readonly beginsAt?: { readonly index: LogIndex; readonly term: Term } | undefined;
}

/** What a cluster begins with; the same on all its first members. */
export interface Formation {
  readonly clusterId: string;
  /** Ascending by id. */
  readonly members: readonly Member[];
  readonly featureLevel: number;
}

/** Draws a node's id: positive, below 2^52. */
export function mintNodeId(random: Random): NodeId {
  return 1 + Math.floor(random() * (ID_BITS - 1));
}

/** Draws a cluster's id. */
export function mintClusterId(random: Random): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
}

/** Reads who this node is; undefined in an empty directory. Rejects with `damaged` and `unsupported`. */
export async function readIdentity(disk: Disk): Promise<Identity | undefined> {
  const names = await disk.list();
  if (!names.includes(FILE)) return undefined;
  const file = await disk.open(FILE, "read");
  let text: string;
  try {
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    text = bytes.toString("utf8");
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    throw new RaftNodeError(
      "damaged",
      `${disk.description}/${FILE} cannot be read (${code === "EISDIR" ? "it is a directory" : String(code ?? error)}); ${CURE}`,
      { cause: error },
    );
  } finally {
    await file.close();
  }
  return parseIdentity(`${disk.description}/${FILE}`, text);
}

function parseIdentity(source: string, text: string): Identity {
  let found: Record<string, unknown> | null;
  try {
    found = JSON.parse(text) as Record<string, unknown> | null;
  } catch (error) {
    throw new RaftNodeError("damaged", `${source} is no JSON; ${CURE}`, { cause: error });
  }
  if (typeof found !== "object" || typeof found?.["format"] !== "number") {
    throw new RaftNodeError("damaged", `${source} does not say who this node is; ${CURE}`);
  }
  const { format, nodeId, clusterId, formation, beginsAt } = found as {
    format?: unknown;
    nodeId?: unknown;
    clusterId?: unknown;
    formation?: { clusterId?: unknown; members?: unknown; featureLevel?: unknown };
    beginsAt?: { index?: unknown; term?: unknown };
  };
  if (format !== FORMAT) {
    throw new RaftNodeError(
      "unsupported",
      `${source} has format ${String(format)}, this program reads ${FORMAT}; start the version that wrote it`,
    );
  }
  const isWhole =
    isPositive(nodeId) &&
    (clusterId === undefined || (typeof clusterId === "string" && clusterId !== "")) &&
    (formation === undefined || (formation.clusterId === clusterId && Array.isArray(formation.members))) &&
    (beginsAt === undefined || (isWholeNumber(beginsAt.index) && isWholeNumber(beginsAt.term)));
  if (!isWhole) throw new RaftNodeError("damaged", `${source} does not say who this node is; ${CURE}`);
  return { nodeId, clusterId, formation, beginsAt } as Identity;
}

function isPositive(value: unknown): boolean {
  return isWholeNumber(value) && value !== 0;
}

function isWholeNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Writes who this node is, durably and at once: after a crash there is the old or the new. */
export async function writeIdentity(
  disk: Disk,
  { nodeId, clusterId, formation, beginsAt }: Identity,
): Promise<void> {
  const text = Buffer.from(
    `${JSON.stringify({ format: FORMAT, nodeId, clusterId, formation, beginsAt }, undefined, 2)}\n`,
  );
  const file = await disk.open(UNFINISHED, "create");
  try {
    for (let written = 0; written < text.length;)
      written += await file.write(text.subarray(written), written);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(UNFINISHED, FILE);
  await disk.syncDirectory();
}

const turns = new WeakMap<Disk, Promise<unknown>>();

/**
 * Lets one after the other decide who a node is: whoever asks who it is, whoever tells it, and the node itself. Two at once would mint two ids, of which one
 * has been told to others.
 */
export async function oneAtATime<T>(disk: Disk, work: () => Promise<T>): Promise<T> {
  const before = turns.get(disk) ?? Promise.resolve();
  const turn = before.then(work, work);
  turns.set(
    disk,
    turn.catch(() => undefined),
  );
  return await turn;
}

/** A segment of a log, or a snapshot that was finished. */
const STORED = /^(\d{16}\.wal|snapshot-[\d-]+)$/;

/**
 * Whether a directory holds what a node has stored, and not who that node was: `node.json` is the first file that is made, and a directory without it is
 * otherwise taken for an empty one. To begin anew there would delete what is stored, and forget what was voted.
 */
export async function hasLostIdentity({ identity, wal, snapshots }: DataDirectory): Promise<boolean> {
  if ((await readIdentity(identity)) !== undefined) return false;
  const names = [...(await wal.list()), ...(await snapshots.list())];
  return names.some((name) => STORED.test(name));
}

/** Who this node is, minted durably when the directory is empty. Rejects with `damaged` for one that has lost whose it is. */
export async function ensureIdentity(data: DataDirectory, random: Random): Promise<Identity> {
  return await oneAtATime(data.identity, () => mintIdentity(data, random));
}

/** As {@link ensureIdentity}, for whoever has the turn. */
export async function mintIdentity(data: DataDirectory, random: Random): Promise<Identity> {
  const known = await readIdentity(data.identity);
  if (known !== undefined) return known;
  if (await hasLostIdentity(data)) {
    throw new RaftNodeError(
      "damaged",
      `${data.description} holds a store, and node.json, which says whose it is, is gone; put that file back from a copy, or begin with an empty ` +
        `directory: restore a snapshot into it, or join again with it`,
    );
  }
  const minted = { nodeId: mintNodeId(random) };
  await writeIdentity(data.identity, minted);
  return minted;
}
