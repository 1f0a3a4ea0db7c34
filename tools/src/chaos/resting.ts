import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

import { residentBytesOf } from "@trellis/testkit";

import { signalProcess } from "../process-family.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import type { Way } from "./network/gates.ts";

/** What a process holds while nobody asks anything of it. */
export interface AtRest {
  readonly name: string;
  /** What it is now: a leader has connections that others have not. */
  readonly role: string;
  readonly residentBytes: number;
  /** Open descriptors: files, connections, pipes. */
  readonly openFiles: number;
  /** How many there are of each kind; of connections, to whom and from whom. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** How long collecting garbage may take. */
const COLLECT_MS = 3_000;
/** How much more memory a process may hold than after the warm-up. */
const MORE = 0.15;
const MEBIBYTE = 1024 * 1024;

/** Leaves all processes in peace, has them collect their garbage, and looks what they hold. */
export async function rest(
  { cluster, network, operator }: Pick<ChaosCluster, "cluster" | "network" | "operator">,
  idleMs: number,
): Promise<readonly AtRest[]> {
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const pids = cluster.processes.flatMap(({ name }) => {
    const pid = cluster.pid(name);
    return pid === undefined ? [] : [{ name, pid }];
  });
  for (const { pid } of pids) signalProcess(pid, "SIGUSR2");
  await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
  const { members, leaderId } = await operator.status();
  const leader = members.find(({ id }) => id === leaderId)?.name;
  const connections = network.connections();
  return pids.map(({ name, pid }) => {
    const kinds = openKinds(pid, connectionsOf(name, connections));
    const openFiles = [...kinds.values()].reduce((sum, count) => sum + count, 0);
    const role = name === leader ? "leader" : kindOf(name);
    return { name, role, residentBytes: residentBytesOf(pid) ?? 0, openFiles, kinds };
  });
}

/** To what kinds of process one is connected, and from what kinds; how often each. */
function connectionsOf(name: string, connections: readonly Way[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { from, to } of connections) {
    if (from === name) increase(found, `to ${to}`);
    if (to === name) increase(found, `from ${from}`);
  }
  return found;
}

/** What a process has open, by kind: connections, pipes, and files by their names without numbers. */
function openKinds(pid: number, connections: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const kinds = new Map(connections);
  let unknown = 0;
  for (const count of connections.values()) unknown -= count;
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOfFile(`/proc/${pid}/fd/${descriptor}`);
    if (kind === "socket") unknown += 1;
    else increase(kinds, kind);
  }
  return kinds.set("other sockets", unknown);
}

function increase(counts: Map<string, number>, kind: string): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

function kindOfFile(path: string): string {
  try {
    const target = readlinkSync(path);
    return target.startsWith("/") ? basename(target).replaceAll(/\d+/g, "#") : target.replace(/:.*/, "");
  } catch {
    return "gone";
  }
}

/** A process before and after. */
export interface RestComparison {
  readonly name: string;
  readonly before: AtRest;
  readonly after: AtRest;
  /** What is wrong, in words; empty when nothing is. */
  readonly findings: readonly string[];
}

/** Compares what processes hold; the leader with the leader, and one that was not there before with the first of its kind. */
export function compareRests(before: readonly AtRest[], after: readonly AtRest[]): readonly RestComparison[] {
  return after.flatMap((now) => {
    const alike = before.filter(({ role }) => role === now.role);
    const then = alike.find(({ name }) => name === now.name) ?? alike[0];
    return then === undefined
      ? []
      : [{ name: now.name, before: then, after: now, findings: findingsOf(then, now) }];
  });
}

function findingsOf(before: AtRest, after: AtRest): readonly string[] {
  const findings: string[] = [];
  if (after.residentBytes > before.residentBytes * (1 + MORE))
    findings.push(
      `${after.name} holds ${mebibytes(after.residentBytes)} at rest; ${mebibytes(before.residentBytes)} after the warm-up`,
    );
  if (after.openFiles !== before.openFiles)
    findings.push(
      `${after.name} has ${after.openFiles} open files at rest (${difference(before.kinds, after.kinds)}); ${before.openFiles} after the warm-up`,
    );
  return findings;
}

/** What there is more, and less, of each kind. */
function difference(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((kind) => ({ kind, more: (after.get(kind) ?? 0) - (before.get(kind) ?? 0) }))
    .filter(({ more }) => more !== 0)
    .map(({ kind, more }) => `${more > 0 ? "+" : ""}${more} ${kind}`)
    .join(", ");
}

function kindOf(name: string): string {
  return name.replace(/-\d+$/, "");
}

/** Bytes as people read them. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE)} MiB`;
}
