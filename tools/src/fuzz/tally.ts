import type { Answer } from "./answer.ts";
import type { RawRequest } from "./protocols.ts";

/** What the answers to a run's requests were. */
export interface AnswerCounts {
  /** How often each HTTP status came, and how often none: `left` for clients that went away, `cut`, `hung`, `kept`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers that no client should get, with the requests that got them; the first few. */
  readonly faults: readonly string[];
  readonly faultCount: number;
}

/** Faults kept to show. */
const MAX_SHOWN = 5;
const SHOWN_BYTES = 48;

/** Counts answers. */
export interface Tally {
  note(number: number, request: RawRequest, answer: Answer): void;
  counts(): AnswerCounts;
}

/** Makes an empty tally. */
export function createTally(): Tally {
  const answers: Record<string, number> = {};
  const faults: string[] = [];
  let faultCount = 0;
  return {
    note(number, request, answer) {
      const key = answer.kind === "answered" ? String(answer.status) : answer.kind;
      answers[key] = (answers[key] ?? 0) + 1;
      const fault = faultOf(answer);
      if (fault === undefined) return;
      faultCount += 1;
      if (faults.length < MAX_SHOWN) faults.push(`request ${number}, ${describeRequest(request)}: ${fault}`);
    },
    counts: () => ({ answers, faults, faultCount }),
  };
}

function faultOf(answer: Answer): string | undefined {
  switch (answer.kind) {
    case "answered":
      return answer.fault;
    case "cut":
      return "the connection ended without an answer";
    case "hung":
      return "no answer within the time";
    case "kept":
      return "answered, but its stream stayed open";
    case "left":
      return undefined;
  }
}

function describeRequest({ method, path, headers, body, httpVersion }: RawRequest): string {
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const bytes = Buffer.from(body ?? []);
  const start = bytes
    .subarray(0, SHOWN_BYTES)
    .toString("latin1")
    .replaceAll(/[^ -~]/g, ".");
  return `HTTP/${httpVersion} ${method} ${path} {${head.join("; ")}} ${bytes.length} bytes "${start}"`;
}
