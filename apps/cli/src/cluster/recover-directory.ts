import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { RecoverableStore, RestoredStore } from "@trellis/storage-raft";

import type { Environment } from "../environment.ts";
import { CliError } from "../errors.ts";
import { createPaint } from "../output/paint.ts";
import { diskFailure, isDiskFailure, isStorageFailure } from "../snapshot/known-failure.ts";

/** What `trellis cluster recover` is told. */
export interface RecoverRequest {
  readonly directory: string;
  /** Whether it was confirmed with the command already. */
  readonly yes: boolean;
  readonly name?: string | undefined;
  readonly address?: string | undefined;
}

/** What confirms a recovery. */
const WORD = "recover";

/** Makes a member's directory a new cluster of one, once it was said what may be lost and that was confirmed. Throws a CliError. */
export async function recoverDirectory(environment: Environment, request: RecoverRequest): Promise<void> {
  const { directory, yes, name, address } = request;
  const path = resolve(environment.cwd, directory);
  await refuseOther(path, directory);
  const { openDataDirectory, recoverStore } = await import("@trellis/storage-raft");
  const nextTurn = (callback: () => void): void => void setImmediate(callback);
  try {
    const data = { ...(await openDataDirectory(path)), description: directory };
    const recovered = await recoverStore(
      { clock: environment.clock, random: Math.random, nextTurn, data },
      {
        name,
        address,
        confirm: async (found) => {
          environment.stdout(foundText(found, directory));
          return yes || (await isTyped(environment));
        },
      },
    );
    if (recovered === undefined)
      throw new CliError("nothing was changed", { hint: `Type "${WORD}", or say --yes, to go on.` });
    environment.stdout(recoveredText(recovered, directory, environment.colour));
  } catch (error) {
    if (isDiskFailure(error)) throw diskFailure(directory, error);
    throw isStorageFailure(error) ? refusal(error, directory) : error;
  }
}

/** Opening what is not there would make it. */
async function refuseOther(path: string, directory: string): Promise<void> {
  const found = await stat(join(path, "node.json")).catch(() => undefined);
  if (found?.isFile() === true) return;
  throw new CliError(`${directory} is no data directory of a storage node: it has no node.json`, {
    hint: "Name the --data-dir of a member of the cluster, the one that is furthest ahead.",
  });
}

function refusal(
  { code, message }: { readonly code: string; readonly message: string },
  directory: string,
): CliError {
  if (code === "locked")
    return new CliError(`${directory} is in use by a node`, { hint: "Stop that node first." });
  return new CliError(message);
}

async function isTyped({ stderr, stdin }: Environment): Promise<boolean> {
  stderr(`Type "${WORD}" to go on: `);
  let typed = "";
  for await (const piece of stdin) {
    typed += Buffer.from(piece).toString("utf8");
    if (typed.includes("\n") || typed.length > WORD.length + 2) break;
  }
  return typed.trim() === WORD;
}

function foundText(found: RecoverableStore, directory: string): string {
  const { nodeId, clusterId, members, voters, index, committed } = found;
  const own = members.find(({ id }) => id === nodeId);
  const behind = index - committed;
  return [
    `${directory} is of ${own?.name ?? "member"} (${nodeId}), one of ${voters} ${voters === 1 ? "voter" : "voters"} of cluster ${clusterId}.`,
    `Its log ends with entry ${index}${behind === 0 ? "" : `; ${behind} at its end may not have been committed, and ${behind === 1 ? "is" : "are"} kept`}.`,
    "",
    "A recovery makes it a new cluster of this one member. It is for when a majority of the voters is gone for good.",
    "What others had acknowledged and this one had not heard of is lost. All former members are refused from then on;",
    "clients begin anew, with another store. It cannot be undone: copy the directory first.",
    "",
    "",
  ].join("\n");
}

function recoveredText(
  { clusterId, storeId, version }: RestoredStore,
  directory: string,
  colour: boolean,
): string {
  const { good, quiet } = createPaint(colour);
  return [
    `${quiet("Recovered")}  ${good(`● ${directory}`)}`,
    `${quiet("Cluster")}    ${clusterId}, new`,
    `${quiet("Store")}      ${storeId}, new, from version ${version} on`,
    "",
    "Start its node on it as before. Then start the others with empty directories and --join, and add them.",
    "",
  ].join("\n");
}
