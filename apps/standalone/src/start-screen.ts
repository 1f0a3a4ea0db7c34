import { createColors } from "picocolors";

/** What a start screen tells. */
export interface StartScreen {
  readonly version: string;
  /** Where the server is reached. */
  readonly url: string;
  /** All that the server knows, the system's own among them, as `group.version.Kind`. */
  readonly types: readonly string[];
  /** Whether a domain was named; without one there is little to do. */
  readonly hasDomain: boolean;
  /** Those of the domains; the system's own run besides. */
  readonly controllers: readonly string[];
  /** Where resources are kept, in words. */
  readonly data: string;
  /** What to try next; empty when there is nothing to suggest. */
  readonly tryNext: readonly string[];
  readonly colour: boolean;
}

const LABEL_COLUMNS = 14;

/** The screen that a user sees when everything runs: what there is, where, and what to do with it. */
export function startScreen(screen: StartScreen): string {
  const { bold, cyan, dim, green } = createColors(screen.colour);
  const row = (label: string, text: string): string => `  ${dim(label.padEnd(LABEL_COLUMNS))}${text}`;
  const rows = [
    `  ${green("●")} ${bold(`Trellis ${screen.version}`)} is running at ${cyan(screen.url)}`,
    "",
    row(
      "types",
      `${typesSummary(screen.types)}${screen.hasDomain ? "" : "; name a domain with --domain for more"}`,
    ),
    row("controllers", [...screen.controllers, "the system's own"].join(", ")),
    row("data", screen.data),
    "",
    ...screen.tryNext.map((command, at) => row(at === 0 ? "try next" : "", bold(command))),
    row("stop", "Ctrl-C"),
  ];
  return `\n${rows.join("\n")}\n\n`;
}

/** How many types each group version has: more than a few names tell a reader less. `trellis status` says the same in the same words. */
function typesSummary(types: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const type of [...types].sort()) {
    const groupVersion = type.slice(0, type.lastIndexOf("."));
    counts.set(groupVersion, (counts.get(groupVersion) ?? 0) + 1);
  }
  const groups = [...counts].map(([groupVersion, count]) => `${groupVersion} (${count})`);
  return `${types.length} in ${groups.join(", ")}`;
}
