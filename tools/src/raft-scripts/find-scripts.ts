import { readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseScript, scriptKindOf, scriptKinds, type ScriptKind } from "@trellis/raft/script";

/** The scripts (`*.txt`) in and below a folder, in the order of their paths; a file is itself. */
export function findScripts(path: string): readonly string[] {
  if (statSync(path).isFile()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".txt"))
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** What kind of script a file is: the nearest folder named after a kind tells, or else its first command. */
export function kindOfScript(file: string, text: string): ScriptKind {
  const folders = dirname(resolve(file)).split(/[\\/]/).reverse();
  const kind = folders.find((folder): folder is ScriptKind => Object.hasOwn(scriptKinds, folder));
  return kind ?? scriptKindOf(parseScript(text));
}
