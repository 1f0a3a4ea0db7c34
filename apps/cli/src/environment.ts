import type { Clock } from "@trellis/resource";

import type { Connection } from "./connection.ts";

/** Everything that a command takes from the outside, so that specs can run commands in memory. */
export interface Environment {
  /** Writes to the standard output. */
  readonly stdout: (text: string) => void;
  /** Writes to the standard error. */
  readonly stderr: (text: string) => void;
  /** The standard input, read only by `-f -`. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The folder that relative paths start at. */
  readonly cwd: string;
  readonly clock: Clock;
  /** The server's URL unless `--server` names another. */
  readonly server: string;
  /** Whether to paint the standard output and error. */
  readonly colour: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborted when nobody reads the standard output any more. */
  readonly readerGone: AbortSignal;
  /** Opens a connection to a server, by its URL. Does not fail: calls do. */
  readonly connect: (server: string) => Connection;
}

/** The server when neither `--server` nor `TRELLIS_SERVER` names one. */
export const DEFAULT_SERVER = "http://127.0.0.1:7500";
