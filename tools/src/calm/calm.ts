import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { connectClient } from "@trellis/client/node";

import { joiningNode } from "../cluster/cluster-shape.ts";
import { type Operator, operatorOf } from "../cluster/operator.ts";
import { freeClusterPorts, RunningCluster } from "../cluster/running-cluster.ts";
import { WritingClients } from "../failover/clients.ts";
import { Meter } from "../failover/meter.ts";
import { Ledger } from "../kill/ledger.ts";
import { crashesIn, type Election, electionsIn, leaderChangesIn, stallsIn } from "./elections.ts";
import { fillList, listAll } from "./large-list.ts";
import { StallWatch } from "./stall-watch.ts";

/** What is to be done. */
export interface CalmOptions {
  readonly directory: string;
  readonly minutes: number;
  readonly writers: number;
  readonly resources: number;
  readonly tell: (what: string) => void;
}

/** What became of it. */
export interface CalmOutcome {
  readonly elections: readonly Election[];
  readonly seconds: number;
  readonly writes: number;
  readonly longestWriteMs: number;
  readonly lists: number;
  readonly snapshots: number;
  readonly installs: number;
  readonly errors: readonly string[];
  /** The longest stall of each kind. */
  readonly longestMs: ReadonlyMap<string, number>;
}

const VOTERS = 3;
const NEWCOMER = `node-${VOTERS + 1}`;
const LONG_MS = 120_000;
const PAUSE_MS = 1_000;
const TELL_EVERY_MS = 30_000;

/** Keeps a cluster busy with all that takes long, and counts the elections that nobody asked for. */
export async function stayCalm(options: CalmOptions): Promise<CalmOutcome> {
  const ports = await freeClusterPorts({ nodes: VOTERS + 1 });
  const cluster = await RunningCluster.start({ directory: options.directory, ports, spares: 1 });
  const operator = operatorOf(cluster);
  const run = new Run(options, cluster, operator);
  try {
    return await run.go();
  } finally {
    await run.end();
    operator.close();
    await cluster.stop();
  }
}

class Run {
  readonly #options: CalmOptions;
  readonly #cluster: RunningCluster;
  readonly #operator: Operator;
  readonly #errors: string[] = [];
  readonly #ledger = new Ledger();
  readonly #meter = new Meter(() => performance.now());
  readonly #done = { lists: 0, snapshots: 0, installs: 0 };
  readonly #client;
  #clients: WritingClients | undefined;
  #stalls: StallWatch | undefined;
  #isOver = false;

  constructor(options: CalmOptions, cluster: RunningCluster, operator: Operator) {
    this.#options = options;
    this.#cluster = cluster;
    this.#operator = operator;
    this.#client = connectClient({ server: cluster.gateways[0] ?? "", timeoutMs: LONG_MS });
  }

  async go(): Promise<CalmOutcome> {
    const { minutes, resources, writers, tell, directory } = this.#options;
    tell(`writes ${resources} resources`);
    await fillList(this.#client, resources);
    await this.#operator.healthy(VOTERS, LONG_MS);
    tell(
      `${writers} writers, snapshots, lists of ${resources}, and a node that joins and is removed, all at once`,
    );
    const nodes = this.#cluster.processes.filter(({ kind }) => kind === "node");
    this.#stalls = new StallWatch(nodes);
    const failed = (error: string): void => void this.#errors.push(error);
    const parts = { ledger: this.#ledger, meter: this.#meter, failed };
    this.#clients = new WritingClients(parts, this.#cluster.gateways, writers);
    const startedMs = Date.now();
    const endMs = performance.now() + minutes * 60_000;
    const work = [
      this.#again("lists", () => listAll(this.#client, resources)),
      this.#again("snapshots", () => this.#takeSnapshot()),
      this.#again("installs", () => this.#install()),
    ];
    while (performance.now() < endMs) {
      await sleep(Math.min(TELL_EVERY_MS, Math.max(0, endMs - performance.now())));
      tell(
        `${this.#ledger.acknowledged} writes, ${JSON.stringify(this.#done)}, ${this.#errors.length} errors`,
      );
    }
    const seconds = (Date.now() - startedMs) / 1_000;
    const writes = this.#ledger.acknowledged;
    this.#isOver = true;
    await this.#clients.end();
    await Promise.all(work);
    await this.#stalls.end();
    const logs = nodes.map(({ name }) => ({
      name,
      log: readFileSync(join(directory, "logs", `${name}.log`), "utf8"),
    }));
    const changes = logs.flatMap(({ name, log }) => leaderChangesIn(name, log));
    const { longestMs } = this.#stalls;
    const stalls = [...this.#stalls.stalls, ...logs.flatMap(({ name, log }) => stallsIn(name, log))];
    const elections = electionsIn(changes, stalls, startedMs);
    this.#errors.push(...logs.flatMap(({ name, log }) => crashesIn(name, log)));
    const longestWriteMs = this.#meter.longestStallMs();
    return { elections, seconds, writes, longestWriteMs, ...this.#done, errors: this.#errors, longestMs };
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#clients?.end();
    await this.#stalls?.end();
    this.#client.close();
  }

  /** Does something long again and again. */
  async #again(what: "lists" | "snapshots" | "installs", work: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) {
      try {
        await work();
        this.#done[what]++;
      } catch (error) {
        this.#errors.push(`${what}: ${(error as Error).message}`);
      }
      await sleep(PAUSE_MS);
    }
  }

  /** Has a snapshot made of now, and reads it. */
  async #takeSnapshot(): Promise<void> {
    await this.#operator.ask(async (client) => {
      for await (const { content } of client.saveSnapshot({}, { timeoutMs: LONG_MS }))
        if (content.case === undefined) throw new Error("expected a piece of a snapshot, found nothing");
    }, LONG_MS);
  }

  /** A node joins with nothing, gets everything by a snapshot, and is removed again. */
  async #install(): Promise<void> {
    const { shape } = this.#cluster;
    this.#cluster.add(joiningNode(shape, VOTERS));
    const address = `127.0.0.1:${shape.ports.nodes[VOTERS]}`;
    const { id } = await this.#untilAdded(address);
    const untilMs = performance.now() + LONG_MS;
    for (let isThere = false; !isThere;) {
      await sleep(PAUSE_MS / 2);
      const { members } = await this.#operator.status();
      const member = members.find((each) => each.id === id);
      isThere = member !== undefined && member.appliedIndex > 0n && member.lag < 1_000n && member.pid > 0;
      if (!isThere && performance.now() > untilMs)
        throw new Error(`${NEWCOMER} has not caught up in ${LONG_MS} ms`);
    }
    await this.#operator.ask((client, call) => client.removeMember({ id }, call), LONG_MS);
    await this.#cluster.remove(NEWCOMER);
    rmSync(join(this.#options.directory, NEWCOMER), { recursive: true });
  }

  async #untilAdded(address: string): Promise<{ readonly id: bigint }> {
    for (const untilMs = performance.now() + LONG_MS; ;) {
      try {
        return await this.#operator.ask((client, call) =>
          client.addMember({ name: NEWCOMER, address }, call),
        );
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        await sleep(PAUSE_MS / 2);
      }
    }
  }
}
