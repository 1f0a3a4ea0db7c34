import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Session as SessionMessage } from "@trellis/protos/trellis/storage/v1/commit_pb.js";
import { type StorageCommand, StorageCommandSchema } from "@trellis/protos/trellis/storage/v1/log_pb.js";
import { FieldScan } from "@trellis/resource/node";
import type { Session } from "@trellis/storage";
import {
  commitIn,
  fromOperationMessage,
  fromRequestMessage,
  fromSessionMessage,
  toSessionMessage,
} from "@trellis/storage/wire";

import { type Command, STORAGE_KIND } from "./command.ts";
import { encodeCommit } from "./encode-commit.ts";
import { known, ofLog, toNumber, unsupported } from "./known.ts";

/** What a commit begins with: its field, of those that have a length. */
const COMMIT = StorageCommandSchema.field.commit.number * 8 + 2;

/** The entry of the log that says a command. It shares no memory with the command: its bytes belong to the log. */
export function encodeCommand(command: Command): Uint8Array {
  if (command.kind === "commit") return encodeCommit(command).entry;
  const bytes = toBinary(StorageCommandSchema, create(StorageCommandSchema, { command: toMessage(command) }));
  const entry = new Uint8Array(1 + bytes.length);
  entry[0] = STORAGE_KIND;
  entry.set(bytes, 1);
  return entry;
}

/** The command of an entry, without its first byte. Throws `unsupported` for one that this version does not know to its last field. */
export function decodeCommand(bytes: Uint8Array): Command {
  return decodePlainCommit(bytes) ?? decodeByLibrary(bytes);
}

/** A commit as `encodeCommit` writes one, and as the library reads it, at a fraction of the cost: followers read each. Undefined for everything else. */
export function decodePlainCommit(bytes: Uint8Array): Extract<Command, { kind: "commit" }> | undefined {
  const scan = new FieldScan(bytes);
  const end = scan.enter(COMMIT, bytes.length);
  if (end !== bytes.length) return undefined;
  const { request, operations } = commitIn(scan, end);
  return scan.isAsExpected ? { kind: "commit", request, operations } : undefined;
}

/** Any command, as the library reads it. */
export function decodeByLibrary(bytes: Uint8Array): Command {
  let message: StorageCommand;
  try {
    message = fromBinary(StorageCommandSchema, bytes);
  } catch (error) {
    throw unsupported("an entry of the log holds no storage command", error);
  }
  const { command } = known(message, "a storage command");
  switch (command.case) {
    case "commit": {
      const { session, operations } = known(command.value, "a commit");
      return {
        kind: "commit",
        request: session === undefined ? undefined : ofLog(() => fromRequestMessage(session)),
        operations: ofLog(() => operations.map(fromOperationMessage)),
      };
    }
    case "openSession":
      return { kind: "open-session", id: known(command.value, "an opening of a session").id };
    case "closeSessions":
      return {
        kind: "close-sessions",
        sessions: known(command.value, "an end of sessions").sessions.map((silent) => {
          const { id, lastUsed } = known(silent, "a silent session");
          return { id, lastUsed: toNumber(lastUsed) };
        }),
      };
    case "keepAlive":
      return { kind: "keep-alive", session: sessionOf(known(command.value, "a sign of life").session) };
    case undefined:
      throw unsupported("an entry of the log holds a storage command");
  }
}

function toMessage(
  command: Exclude<Command, { kind: "commit" }>,
): NonNullable<MessageInitShape<typeof StorageCommandSchema>["command"]> {
  switch (command.kind) {
    case "open-session":
      return { case: "openSession", value: { id: command.id } };
    case "close-sessions":
      return {
        case: "closeSessions",
        value: {
          sessions: command.sessions.map(({ id, lastUsed }) => ({ id, lastUsed: BigInt(lastUsed) })),
        },
      };
    case "keep-alive":
      return { case: "keepAlive", value: { session: toSessionMessage(command.session) } };
  }
}

function sessionOf(message: SessionMessage | undefined): Session {
  return ofLog(() => fromSessionMessage(message));
}
