import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { Code } from "@connectrpc/connect";
import type {
  SaveSnapshotResponse,
  SnapshotDescription,
} from "@trellis/protos/trellis/cluster/v1/cluster_pb";
import { isConnectError } from "@trellis/resource";

import { CliError, isUnreachable } from "../errors.ts";
import { createProgress } from "../output/progress.ts";
import type { Session } from "../session.ts";
import { BAR_BYTES, bytesText } from "./bytes-text.ts";
import { diskFailure, isDiskFailure, isStorageFailure } from "./known-failure.ts";
import type { VerifiedFile } from "./verify-file.ts";

/** What a file is called until it is whole. */
const PARTIAL = ".partial";

/**
 * Saves what the server keeps to a file. It is written beside it and checked on the way, and gets its name once it is whole and durable: what has the name
 * is a snapshot. Throws a CliError, and then leaves no new file behind.
 */
export async function saveSnapshot(
  session: Session,
  file: string,
  { force }: { readonly force: boolean },
): Promise<VerifiedFile> {
  const { environment } = session;
  const path = resolve(environment.cwd, file);
  await refuseTarget(path, file, force);
  const { description, pieces } = await openSaving(session);
  const partial = path + PARTIAL;
  const target = await createFile(partial, file);
  try {
    const saved = await fill(session, { file, target, description, pieces });
    await target.close();
    await refuseTarget(path, file, force);
    await rename(partial, path);
    await syncDirectory(dirname(path));
    return saved;
  } catch (error) {
    await target.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw isDiskFailure(error) ? diskFailure(file, error) : error;
  }
}

/** A file that is there is replaced only where that was said; and never is a directory. */
async function refuseTarget(path: string, file: string, force: boolean): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw diskFailure(file, error);
  });
  if (found === undefined) return;
  if (!found.isFile()) {
    throw new CliError(`${file} is ${found.isDirectory() ? "a directory" : "no plain file"}`, {
      hint: "Name the file to write.",
    });
  }
  if (!force)
    throw new CliError(`${file} is there already`, { hint: "Name another, or replace it with --force." });
}

async function createFile(partial: string, file: string): Promise<FileHandle> {
  try {
    return await open(partial, "wx");
  } catch (error) {
    if ((error as { code?: unknown }).code === "EEXIST") {
      throw new CliError(`${file}${PARTIAL} is there already: another save is under way, or was cut off`, {
        hint: "If none is under way, delete it and try again.",
      });
    }
    throw diskFailure(file, error, "Name a file in a directory that is there.");
  }
}

/** What is saved, told before it comes; and the bytes. */
interface Saving {
  readonly description: SnapshotDescription;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** Has the server make a snapshot, and waits for its description. That may take as long as the store is large: only Ctrl-C and a lost connection end it. */
async function openSaving(session: Session): Promise<Saving> {
  const { connection, environment } = session;
  const messages = connection.cluster
    .saveSnapshot({}, { signal: environment.signal })
    [Symbol.asyncIterator]();
  const first = await messages.next().catch((error: unknown) => refused(session, error));
  const content = first.done === true ? undefined : first.value.content;
  if (content?.case !== "description") throw notAsAgreed(session);
  return { description: content.value, pieces: piecesOf(messages) };
}

async function* piecesOf(messages: AsyncIterator<SaveSnapshotResponse>): AsyncGenerator<Uint8Array> {
  for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
    const { content } = next.value;
    if (content.case === "piece") yield content.value;
  }
}

/** A server without a store of its own does not know the call at all. */
async function refused(session: Session, error: unknown): Promise<never> {
  if (isUnreachable(error) || !isConnectError(error) || error.code !== Code.Unimplemented) throw error;
  const { connection, callOptions } = session;
  // Whatever is no Trellis server is told so by this.
  await connection.client.types.listTypes({}, callOptions);
  throw new CliError(
    `${connection.server} keeps its resources in memory or elsewhere, and has no snapshot to save`,
    {
      hint: "A standalone server keeps them on disk unless it is started with --memory. Resources can be copied with `trellis get KIND -A -o yaml`.",
    },
  );
}

function notAsAgreed({ connection }: Session): CliError {
  return new CliError(`${connection.server} did not say what it would send`, {
    hint: "Use the trellis of the server's version.",
  });
}

/** Writes the pieces and checks them in the same go. */
async function fill(
  { connection, environment }: Session,
  { file, target, description, pieces }: Saving & { readonly file: string; readonly target: FileHandle },
): Promise<VerifiedFile> {
  const { verifySnapshot } = await import("@trellis/storage-raft");
  const total = Number(description.bytes);
  const progress = createProgress(environment, { title: "Saving", total, least: BAR_BYTES, show: bytesText });
  let bytes = 0;
  const written = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      await target.writeFile(piece);
      bytes += piece.length;
      progress.step(piece.length);
      yield piece;
    }
  };
  try {
    const summary = await verifySnapshot(written(), `what ${connection.server} sent`);
    if (bytes !== total || summary.version !== Number(description.version))
      throw notAsAnnounced(description, bytes);
    await target.sync();
    return { file, ...summary, bytes };
  } catch (error) {
    if (!isStorageFailure(error)) throw error;
    throw new CliError(error.message, { hint: "Nothing was saved. Try again." });
  } finally {
    progress.end();
  }
}

function notAsAnnounced({ bytes, version }: SnapshotDescription, found: number): CliError {
  return new CliError(`expected ${bytes} bytes of version ${version}, found ${found} bytes of another`, {
    hint: "Nothing was saved. Try again.",
  });
}

/** Makes a new name durable. */
async function syncDirectory(directory: string): Promise<void> {
  // Windows has no such thing: its file system orders names by itself.
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
