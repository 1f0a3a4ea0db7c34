import { createColors } from "picocolors";

import type { Kind } from "./cluster-shape.ts";

/** Fields of a line that the prefix or the text says already. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set(["level", "time", "name", "pid", "hostname", "msg"]);
/** A value longer than this is cut: a line is for people. */
const MAX_VALUE = 200;

/** What a process prints, in pieces, as lines with its name before them. */
export class LogLines {
  readonly #prefix: string;
  readonly #colours: ReturnType<typeof createColors>;
  readonly #write: (text: string) => void;
  #rest = "";

  constructor(
    { name, kind, columns }: { readonly name: string; readonly kind: Kind; readonly columns: number },
    { colour, write }: { readonly colour: boolean; readonly write: (text: string) => void },
  ) {
    this.#colours = createColors(colour);
    const { cyan, magenta, green, yellow } = this.#colours;
    const paint = { node: cyan, forwarder: magenta, gateway: green, manager: yellow }[kind];
    this.#prefix = paint(name.padEnd(columns));
    this.#write = write;
  }

  /** Takes the next piece of output and writes the lines that it completes. */
  take(piece: string): void {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.say(this.#readable(line));
  }

  /** Writes a line of somebody else's about the process. */
  say(text: string): void {
    this.#write(`${this.#prefix}  ${text}\n`);
  }

  #readable(line: string): string {
    const { dim, red, yellow } = this.#colours;
    const record = recordOf(line);
    if (record === undefined) return line;
    const { level, time, msg } = record;
    const clock = dim(typeof time === "string" ? time.slice(11, 23) : "");
    const text = typeof msg === "string" ? msg : "";
    const fields = Object.entries(record)
      .filter(([name]) => !KNOWN_FIELDS.has(name))
      .map(([name, value]) => `${name}=${shown(value)}`)
      .join(" ");
    const paint = level === "error" ? red : level === "warn" ? yellow : String;
    return `${clock}  ${paint(text)}${fields === "" ? "" : `  ${dim(fields)}`}`;
  }
}

function recordOf(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function shown(value: unknown): string {
  const message = (value as { readonly message?: unknown } | null)?.message;
  const text =
    typeof value === "string" ? value : typeof message === "string" ? message : JSON.stringify(value);
  const cut = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
  return /[\s"]/.test(cut) && typeof value === "string" ? JSON.stringify(cut) : cut;
}
