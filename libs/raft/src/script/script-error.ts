import { RaftError } from "../errors.ts";

/** A directive that cannot be performed; its message is what the directive prints. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}

/** A script that cannot be read, and the line (from 1) of the directive that is to blame. */
export class ScriptSyntaxError extends Error {
  override readonly name = "ScriptSyntaxError";
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** What recorded scripts print for an error of the core; undefined for those that no script expects. */
export function recordedText(error: unknown): string | undefined {
  if (error instanceof ScriptError) return error.message;
  if (!RaftError.is(error)) return undefined;
  switch (error.code) {
    case "proposal-dropped":
      return "raft proposal dropped";
    case "local-message":
      return "raft: cannot step raft local message";
    case "unknown-peer":
      return "raft: cannot step as peer not found";
    case "invalid-conf-change":
      return error.message;
    case "read-dropped":
    case "invalid-options":
      return undefined;
  }
}
