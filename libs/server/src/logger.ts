import { type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";

import { loggedError } from "./logged-error.ts";

/** How much is logged: each level contains those before it. */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Lines for people or for machines; `auto` is people on a terminal, machines elsewhere. */
export const LOG_FORMATS = ["auto", "pretty", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Where text goes. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  /** The width of a terminal. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** How to log. */
export interface LoggerOptions {
  /** The program, as every JSON line names it. */
  readonly name: string;
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly output: Output;
  /** Colours on pretty lines. */
  readonly colour: boolean;
}

/** Fields that hold credentials: they are never written, at the top or one level down (`headers.authorization`). */
const SECRET_FIELDS = ["authorization", "cookie", "password", "secret", "token", "x-consul-token"];

/** Makes a pino logger that writes to the output, line by line and at once. A JSON line has its time in ISO 8601 and its level as a word. */
export function createLogger({ name, level, format, output, colour }: LoggerOptions): Logger {
  const pretty = format === "pretty" || (format === "auto" && output.isTTY === true);
  const forPeople = prettyFactory({
    colorize: colour,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname,name",
    singleLine: true,
  });
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: loggedError },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`]),
        censor: "[hidden]",
      },
      ...(pretty ? {} : { formatters: { level: (label: string) => ({ level: label }) } }),
    },
    { write: (line: string) => void output.write(pretty ? String(forPeople(line)) : line) },
  );
}
