import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

import { residentBytesOf } from "@trellis/testkit";

import { signalProcess } from "../process-family.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import type { Way } from "./network/gates.ts";

/** What a process holds while nobody asks anything of it. */
export interface AtRest {
  readonly name: string;
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
  { cluster, network }: Pick<ChaosCluster, "cluster" | "network">,
  idleMs: number,
): Promise<readonly AtRest[]> {
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const pids = cluster.processes.flatMap(({ name }) => {
    const pid = cluster.pid(name);
    return pid === undefined ? [] : [{ name, pid }];
  });
  for (const { pid } of pids) signalProcess(pid, "SIGUSR2");
  await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
  const connections = network.connections();
  return pids.map(({ name, pid }) => {
    const kinds = openKinds(pid, connectionsOf(name, connections));
    const openFiles = [...kinds.values()].reduce((sum, count) => sum + count, 0);
    return { name, residentBytes: residentBytesOf(pid) ?? 0, openFiles, kinds };
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

/** The processes of one kind before and after. */
export interface RestComparison {
  readonly kind: string;
  readonly before: readonly AtRest[];
  readonly after: readonly AtRest[];
  /** What is wrong, in words; empty when nothing is. */
  readonly findings: readonly string[];
}

/**
 * Compares what processes hold, those of a kind together: they take work from each other (the leader's, a gateway's callers), and what one holds less another holds more. One that leaks
 * shows all the same.
 */
export function compareRests(before: readonly AtRest[], after: readonly AtRest[]): readonly RestComparison[] {
  const kinds = new Set(after.map(({ name }) => kindOf(name)));
  return [...kinds].map((kind) => {
    const ofKind = (all: readonly AtRest[]) => all.filter(({ name }) => kindOf(name) === kind);
    const both = { before: ofKind(before), after: ofKind(after) };
    return { kind, ...both, findings: findingsOf(kind, both) };
  });
}

function findingsOf(
  kind: string,
  { before, after }: Pick<RestComparison, "before" | "after">,
): readonly string[] {
  const findings: string[] = [];
  const [then, now] = [sumOf(before), sumOf(after)];
  const who = `${after.length} ${kind}s`;
  if (now.residentBytes > then.residentBytes * (1 + MORE))
    findings.push(
      `${who} hold ${mebibytes(now.residentBytes)} at rest; ${mebibytes(then.residentBytes)} after the warm-up`,
    );
  if (now.openFiles !== then.openFiles)
    findings.push(
      `${who} have ${now.openFiles} open files at rest (${difference(kindsOf(before), kindsOf(after))}); ${then.openFiles} after the warm-up`,
    );
  return findings;
}

function sumOf(all: readonly AtRest[]) {
  const sum = { residentBytes: 0, openFiles: 0 };
  for (const { residentBytes, openFiles } of all) {
    sum.residentBytes += residentBytes;
    sum.openFiles += openFiles;
  }
  return sum;
}

/** How many there are of each kind in all; connections by the kinds of process that they join. */
function kindsOf(all: readonly AtRest[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { kinds } of all)
    for (const [kind, count] of kinds) counts.set(kindOf(kind), (counts.get(kindOf(kind)) ?? 0) + count);
  return counts;
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
