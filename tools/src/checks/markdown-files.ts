import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Folders whose pages are not the house's. */
const FOREIGN = new Set(["node_modules", "dist", "third_party", "gen", "coverage"]);

/** A finding in a page. */
export interface PageFinding {
  readonly line: number;
  readonly description: string;
}

/** The paths of all pages below `root`. */
export function markdownFiles(root: string): readonly string[] {
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    const path = join(root, entry.name);
    if (entry.isFile()) return entry.name.endsWith(".md") ? [path] : [];
    const foreign = FOREIGN.has(entry.name) || entry.name.startsWith(".");
    return entry.isDirectory() && !foreign ? markdownFiles(path) : [];
  });
}
