import { describe, expect, it } from "@jest/globals";
import { createVirtualClock } from "@trellis/testing";

import { type ClusterProcess, clusterProcesses, DEFAULT_PORTS } from "./cluster-shape.ts";
import { type StartedProcess, Supervisor } from "./supervisor.ts";

const processes = clusterProcesses({
  dataDir: "data",
  ports: DEFAULT_PORTS,
  domains: ["@trellis/demo"],
  secretFile: "data/cluster-secret",
});

/** Processes that end when they are asked to, or when the test ends them. */
function world({ restart, deaf = [] }: { restart: boolean; deaf?: readonly string[] }) {
  const clock = createVirtualClock();
  const told: string[] = [];
  const ends = new Map<string, (how: string) => void>();
  let pids = 0;
  const start = ({ name }: ClusterProcess): StartedProcess => {
    const { promise, resolve } = Promise.withResolvers<string>();
    told.push(`start ${name}`);
    ends.set(name, resolve);
    return {
      pid: ++pids,
      ended: promise,
      signal(signal) {
        told.push(`${signal} ${name}`);
        if (signal === "SIGKILL" || !deaf.includes(name)) resolve(signal);
      },
    };
  };
  const tell = ({ name }: ClusterProcess, what: string): void => void told.push(`${name} ${what}`);
  const supervisor = new Supervisor({ clock, start, tell }, { restart });
  for (const process of processes) supervisor.start(process);
  told.length = 0;
  return { clock, supervisor, told, end: (name: string, how: string) => ends.get(name)?.(how) };
}

describe("the supervisor of a cluster", () => {
  it("starts a process that ended again after a second", async () => {
    const { clock, supervisor, told, end } = world({ restart: true });
    end("node-2", "SIGKILL");
    await clock.advance(999);
    expect(told).toEqual(["node-2 ended (SIGKILL); started again in 1 s"]);
    expect(supervisor.find("node-2")).toBeUndefined();
    await clock.advance(1);
    expect(told.at(-1)).toBe("start node-2");
    expect(supervisor.find("node-2")?.pid).toBe(9);
  });

  it("leaves it alone when it is not to be restarted", async () => {
    const { clock, told, end } = world({ restart: false });
    end("gateway-1", "exit code 1");
    await clock.advance(60_000);
    expect(told).toEqual(["gateway-1 ended (exit code 1)"]);
  });

  it("stops those first that depend on others, and kills what does not end", async () => {
    const { clock, supervisor, told } = world({ restart: true, deaf: ["gateway-2"] });
    const stopped = supervisor.stop();
    await clock.advance(14_999);
    expect(told.filter((line) => line.startsWith("SIG"))).toEqual([
      "SIGTERM manager-1",
      "SIGTERM manager-2",
      "SIGTERM gateway-1",
      "SIGTERM gateway-2",
    ]);
    await clock.advance(1);
    await stopped;
    expect(told.filter((line) => line.startsWith("SIG")).slice(4)).toEqual([
      "SIGKILL gateway-2",
      "SIGTERM forwarder",
      "SIGTERM node-1",
      "SIGTERM node-2",
      "SIGTERM node-3",
    ]);
  });

  it("starts nothing again that waited for its restart when all was stopped", async () => {
    const { clock, supervisor, told, end } = world({ restart: true });
    end("node-1", "SIGKILL");
    await clock.advance(500);
    await supervisor.stop();
    await clock.advance(60_000);
    expect(told.filter((line) => line.startsWith("start"))).toEqual([]);
  });
});
