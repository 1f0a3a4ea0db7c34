import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

import { residentBytesOf } from "@trellis/testkit";

import type { RunningCluster } from "../cluster/running-cluster.ts";
import { signalProcess } from "../process-family.ts";

/** What a process holds while nobody asks anything of it. */
export interface AtRest {
  readonly name: string;
  readonly residentBytes: number;
  /** Open descriptors: files, sockets, pipes. */
  readonly openFiles: number;
  /** How many there are of each kind. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** How long collecting garbage may take. */
const COLLECT_MS = 3_000;
/** How much more memory a process may hold than after the warm-up. */
const MORE = 0.15;
const MEBIBYTE = 1024 * 1024;

/** Leaves all processes in peace, has them collect their garbage, and looks what they hold. */
export async function rest(
  cluster: Pick<RunningCluster, "processes" | "pid">,
  idleMs: number,
): Promise<readonly AtRest[]> {
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const pids = cluster.processes.flatMap(({ name }) => {
    const pid = cluster.pid(name);
    return pid === undefined ? [] : [{ name, pid }];
  });
  for (const { pid } of pids) signalProcess(pid, "SIGUSR2");
  await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
  return pids.map(({ name, pid }) => {
    const kinds = openKinds(pid);
    const openFiles = [...kinds.values()].reduce((sum, count) => sum + count, 0);
    return { name, residentBytes: residentBytesOf(pid) ?? 0, openFiles, kinds };
  });
}

/** What a process has open, by kind: sockets, pipes, and files by their names without numbers. */
function openKinds(pid: number): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOfFile(`/proc/${pid}/fd/${descriptor}`);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
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

/** Compares what processes hold; one that was not there before with the first of its kind. */
export function compareRests(before: readonly AtRest[], after: readonly AtRest[]): readonly RestComparison[] {
  return after.flatMap((now) => {
    const then =
      before.find(({ name }) => name === now.name) ??
      before.find(({ name }) => kindOf(name) === kindOf(now.name));
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
