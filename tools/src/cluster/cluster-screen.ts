import { createColors } from "picocolors";

import type { ClusterProcess, Kind } from "./cluster-shape.ts";

const LABEL_COLUMNS = 14;

/** What a user sees once everything runs: what there is, where, and what to do with it. */
export function clusterScreen({
  processes,
  dataDir,
  restart,
  colour,
}: {
  readonly processes: readonly (ClusterProcess & { readonly pid: number | undefined })[];
  readonly dataDir: string;
  readonly restart: boolean;
  readonly colour: boolean;
}): string {
  const { bold, cyan, dim, green } = createColors(colour);
  const row = (label: string, text: string): string => `  ${dim(label.padEnd(LABEL_COLUMNS))}${text}`;
  const urlsOf = (kind: Kind): string =>
    processes
      .filter((process) => process.kind === kind)
      .map(({ url }) => url)
      .join("  ");
  const gateways = processes.filter(({ kind }) => kind === "gateway");
  // The command line's own default needs no mention.
  const at = gateways[0]?.port === 7500 ? "" : ` --server ${gateways[0]?.url ?? ""}`;
  const [victim] = processes;
  const rows = [
    `  ${green("●")} ${bold("A Trellis cluster")} is running on this machine`,
    "",
    row("resources", cyan(gateways.map(({ url }) => url).join("  "))),
    row("nodes", urlsOf("node")),
    row("forwarder", urlsOf("forwarder")),
    row("managers", urlsOf("manager")),
    row("data", `in ${dataDir}`),
    "",
    row("try next", bold(`npx trellis apply -f examples/catalog${at}`)),
    row("", bold(`npx trellis cluster status${at}`)),
    ...(restart && victim?.pid !== undefined
      ? [
          row("or break it", bold(`kill -9 ${victim.pid}`)),
          row("", `${victim.name}, or any other process: it is started again after a second`),
        ]
      : []),
    row("stop", "Ctrl-C"),
  ];
  return `\n${rows.join("\n")}\n\n`;
}
