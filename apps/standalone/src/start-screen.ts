import { createColors } from "picocolors";

/** What a start screen tells. */
export interface StartScreen {
  readonly version: string;
  /** Where the server is reached. */
  readonly url: string;
  /** The registered types, as `group.version.Kind`. */
  readonly types: readonly string[];
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
    row("types", typesText(screen.types)),
    row("controllers", screen.controllers.length === 0 ? "none" : screen.controllers.join(", ")),
    row("data", screen.data),
    "",
    ...screen.tryNext.map((command, at) => row(at === 0 ? "try next" : "", bold(command))),
    row("stop", "Ctrl-C"),
  ];
  return `\n${rows.join("\n")}\n\n`;
}

/** How many types each group version has: more than a few names tell a reader less. */
function typesText(types: readonly string[]): string {
  if (types.length === 0) return "none; name a domain with --domain";
  const counts = new Map<string, number>();
  for (const type of types) {
    const groupVersion = type.slice(0, type.lastIndexOf("."));
    counts.set(groupVersion, (counts.get(groupVersion) ?? 0) + 1);
  }
  const groups = [...counts].map(([groupVersion, count]) => `${groupVersion} (${count})`);
  return `${types.length} in ${groups.join(", ")}`;
}
