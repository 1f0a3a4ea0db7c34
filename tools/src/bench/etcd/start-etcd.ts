import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

import { freePorts } from "@trellis/testkit";

import { UsageError } from "../../flags.ts";
import { BenchError } from "../bench-error.ts";
import type { Start } from "../deployment.ts";
import { GRPC } from "../raw/forms.ts";
import { RawClient } from "../raw/raw-client.ts";
import { leads } from "./etcd-messages.ts";

const READY_MS = 30_000;
const LOOK_EVERY_MS = 50;
const STOP_MS = 10_000;
/** Its history grows while it is measured, beyond the 2 GiB that it allows by default. */
const QUOTA_BYTES = 8 * 1024 ** 3;
const STATUS = GRPC.headers("/etcdserverpb.Maintenance/Status");

/** A member of an etcd cluster. */
interface Member {
  readonly name: string;
  readonly url: string;
  readonly peerUrl: string;
}

/** The etcd of this machine: `$ETCD_BIN`, or the one in the path, and its version. Throws a UsageError when there is none. */
export function findEtcd(): { readonly program: string; readonly version: string } {
  const program = process.env["ETCD_BIN"] ?? "etcd";
  const { stdout, error, status } = spawnSync(program, ["--version"], { encoding: "utf8" });
  const version = /etcd Version: (\S+)/.exec(stdout ?? "")?.[1];
  if (error !== undefined || status !== 0 || version === undefined) {
    throw new UsageError(
      `--peer etcd: expected a program of etcd, found none as "${program}"; install Debian's package etcd-server, or name the program in ETCD_BIN`,
    );
  }
  return { program, version };
}

/** Starts so many members of etcd as one cluster; clients enter by a follower where there is one. */
export function startEtcd(program: string, count: number): Start {
  return async (directory) => {
    const ports = await freePorts(2 * count);
    const members = Array.from({ length: count }, (_, at) => ({
      name: `etcd-${at + 1}`,
      url: `http://127.0.0.1:${ports[2 * at]}`,
      peerUrl: `http://127.0.0.1:${ports[2 * at + 1]}`,
    }));
    mkdirSync(directory, { recursive: true });
    let children: readonly ChildProcess[] = [];
    const stop = async (): Promise<void> => void (await Promise.all(children.map(end)));
    let url = "";
    const startAll = async (): Promise<void> => {
      children = members.map((member) => startMember(program, { member, members, directory }));
      const leading = await Promise.all(members.map((member, at) => isLeading(member, children[at])));
      url = (members[leading.indexOf(false)] ?? members[0])?.url ?? "";
    };
    try {
      await startAll();
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      get url() {
        return url;
      },
      processes: () => members.map(({ name }, at) => ({ name, pid: children[at]?.pid ?? 0 })),
      async restart() {
        await stop();
        await startAll();
      },
      stop,
    };
  };
}

function startMember(
  program: string,
  {
    member,
    members,
    directory,
  }: { readonly member: Member; readonly members: readonly Member[]; readonly directory: string },
): ChildProcess {
  const log = openSync(join(directory, `${member.name}.log`), "a");
  const flags = {
    name: member.name,
    "data-dir": join(directory, member.name),
    "listen-client-urls": member.url,
    "advertise-client-urls": member.url,
    "listen-peer-urls": member.peerUrl,
    "initial-advertise-peer-urls": member.peerUrl,
    "initial-cluster": members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(","),
    "quota-backend-bytes": String(QUOTA_BYTES),
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return spawn(program, args, { stdio: ["ignore", log, log] });
}

/** Waits until a member knows a leader, and whether that is itself. */
async function isLeading({ name, url }: Member, child: ChildProcess | undefined): Promise<boolean> {
  let last = "no answer";
  for (const untilMs = performance.now() + READY_MS; performance.now() < untilMs;) {
    if (child?.exitCode !== null) throw new BenchError(`${name} ended with exit code ${child?.exitCode}`);
    try {
      const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(LOOK_EVERY_MS * 20) });
      last = await response.text();
      if (response.ok) return await asksForStatus(url);
    } catch (error) {
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new BenchError(`${name} was not healthy within ${READY_MS} ms: ${last}`);
}

async function asksForStatus(url: string): Promise<boolean> {
  const client = await RawClient.open(url, 1);
  try {
    return leads(GRPC.message(await client.call(0, STATUS, GRPC.body(new Uint8Array()))));
  } finally {
    client.close();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await exited;
  clearTimeout(kill);
}
