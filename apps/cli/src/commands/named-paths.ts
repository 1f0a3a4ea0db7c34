import { usageError } from "../errors.ts";

/** The paths of a command in which only `-f` names manifests; whoever forgot it is told. Throws a usage error. */
export function namedPaths(
  command: string,
  bare: readonly string[],
  filename: readonly string[] | undefined,
): readonly string[] {
  if (bare.length > 0)
    throw usageError(
      `"${bare.join(" ")}" stands without -f`,
      `Write trellis ${command} -f ${[...(filename ?? []), ...bare].join(" ")}.`,
    );
  if (filename === undefined)
    throw usageError("no manifests are named", "Give -f FILE, -f FOLDER, or -f - for the standard input.");
  return filename;
}
