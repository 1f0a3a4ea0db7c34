/**
 * `npm run cluster`: three storage nodes, a forwarder, two gateways and two controller managers as processes on this machine. See `--help`.
 */
import { systemClock } from "@trellis/resource";
import { choice, nodeProcess, onOff, option, repeated, runProgram, text } from "@trellis/server";

import { clusterProcesses, DEFAULT_PORTS } from "./cluster-shape.ts";
import { clusterScreen } from "./cluster-screen.ts";
import { LogLines } from "./log-lines.ts";
import { awaitReady } from "./ready.ts";
import { secretIn } from "./secret-file.ts";
import { startProcess } from "./start-process.ts";
import { Supervisor } from "./supervisor.ts";
import { refuseTakenPorts } from "./taken-ports.ts";

/** What there is to see when nobody names a domain. */
const DOMAINS = ["@trellis/catalog", "@trellis/demo"];
/** How far apart processes are started: two cores are not to compile eight programs at once. */
const START_EVERY_MS = 150;

await runProgram(
  {
    name: "npm run cluster --",
    version: "0.1.0",
    summary:
      "a cluster on this machine: three storage nodes, a forwarder, two gateways, two controller managers, each a process of its own",
    examples: [
      { command: "npm run cluster", does: "With the catalog and the demo" },
      { command: "npm run cluster -- --domain ./acme", does: "With a domain of your own instead" },
    ],
    options: {
      dataDir: option(text("DIR"), {
        help: "Where each node has a directory",
        group: "Cluster",
        default: ".trellis-cluster",
      }),
      domain: repeated(text("MODULE"), {
        help: "A domain to serve and run instead of the catalog and the demo: a package, or a path",
        group: "Cluster",
      }),
      noRestart: onOff({ help: "Leave a process that ends alone", group: "Cluster" }),
      logLevel: option(choice("LEVEL", ["silent", "error", "warn", "info", "debug", "trace"]), {
        help: "How much each process logs",
        group: "Logs",
        default: "info",
      }),
      logFormat: option(choice("FORMAT", ["auto", "pretty", "json"]), {
        help: "Of this program's own troubles",
        group: "Logs",
        default: "auto",
      }),
    },

    async start({ values, stdout, colour }) {
      const { dataDir, domain, noRestart, logLevel } = values;
      const secretFile = secretIn(dataDir);
      const processes = clusterProcesses({
        dataDir,
        ports: DEFAULT_PORTS,
        domains: domain.length === 0 ? DOMAINS : domain,
        secretFile,
      }).map((process) => ({ ...process, flags: [...process.flags, "--log-level", logLevel] }));
      await refuseTakenPorts(processes);
      const columns = Math.max(...processes.map(({ name }) => name.length));
      const lines = new Map(
        processes.map((process) => [
          process.name,
          new LogLines({ ...process, columns }, { colour, write: (line) => void stdout.write(line) }),
        ]),
      );
      const supervisor = new Supervisor(
        {
          clock: systemClock,
          start: (process) => startProcess(process, (piece) => lines.get(process.name)?.take(piece)),
          tell: (process, what) => lines.get(process.name)?.say(what),
        },
        { restart: !noRestart },
      );
      const stopping = new AbortController();
      for (const process of processes) {
        supervisor.start(process);
        await new Promise((resolve) => setTimeout(resolve, START_EVERY_MS));
        if (stopping.signal.aborted) break;
      }
      void awaitReady(processes, stopping.signal).then((areReady) => {
        if (areReady)
          stdout.write(
            clusterScreen({
              processes: processes.map((process) => ({
                ...process,
                pid: supervisor.find(process.name)?.pid,
              })),
              dataDir,
              restart: !noRestart,
              colour,
            }),
          );
      });
      return {
        async stop() {
          stopping.abort();
          await supervisor.stop();
        },
      };
    },
  },
  nodeProcess(process),
);
