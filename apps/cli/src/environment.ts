import type { Clock } from "@trellis/resource";

import type { Connection } from "./connection.ts";
import type { Editor } from "./editing/editor.ts";

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
  /** How wide the terminal is that the standard output is, in columns; undefined where it is none. */
  readonly columns: number | undefined;
  /** The same of the standard error, where what is shown only for a while belongs. */
  readonly errorColumns: number | undefined;
  /** The person's text editor; undefined when none is named. */
  readonly editor: Editor | undefined;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborted when nobody reads the standard output any more. */
  readonly readerGone: AbortSignal;
  /** Opens a connection to a server, by its URL. Does not fail: calls do. */
  readonly connect: (server: string) => Connection;
}

/** The server when neither `--server` nor `TRELLIS_SERVER` names one. */
export const DEFAULT_SERVER = "http://127.0.0.1:7500";

/** The server that `TRELLIS_SERVER` names; the default when it is not set, or empty. */
export function serverFrom({ TRELLIS_SERVER }: Readonly<Record<string, string | undefined>>): string {
  return TRELLIS_SERVER === undefined || TRELLIS_SERVER === "" ? DEFAULT_SERVER : TRELLIS_SERVER;
}
