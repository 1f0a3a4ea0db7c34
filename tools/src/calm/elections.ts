/** A moment at which a node knew of a leader that it had not known of. */
export interface LeaderChange {
  readonly node: string;
  /** Wall-clock time, in milliseconds since 1970. */
  readonly atMs: number;
  readonly term: number;
}

/** How long something kept a process, or its disk, from going on. */
export interface Stall {
  /** Whose it was: a node, or the machine. */
  readonly who: string;
  /** Wall-clock time at which it was measured: when it was over, or while it lasted. */
  readonly atMs: number;
  readonly lastedMs: number;
  readonly what: string;
}

/** One election, and what explains it. */
export interface Election {
  readonly term: number;
  readonly atMs: number;
  readonly stalls: readonly Stall[];
}

/** A stall of so long can have cost a leader its followers: with a heartbeat on either side of it, it is as long as the shortest election timeout. */
export const STALL_MS = 400;
/** Stalls before an election that can have led to it: the longest election timeout, two attempts, and the look at the stall. */
const BEFORE_MS = 3_000;
/** A stall may be measured only once it is over. */
const AFTER_MS = 1_500;

/** The longest stall of each kind, in words. */
export function describeStalls(stalls: readonly Stall[]): string {
  const longest = new Map<string, number>();
  for (const { who, what, lastedMs } of stalls) {
    const kind = `${who}: ${what}`;
    longest.set(kind, Math.max(longest.get(kind) ?? 0, lastedMs));
  }
  return [...longest].map(([kind, lastedMs]) => `${kind} (${Math.round(lastedMs)} ms)`).join("; ");
}

/** The changes of leader in a node's log. */
export function leaderChangesIn(node: string, log: string): readonly LeaderChange[] {
  return log.split("\n").flatMap((line) => {
    if (!line.includes('"leader-changed"')) return [];
    const { time, term, leader } = JSON.parse(line) as {
      readonly time: string;
      readonly term: number;
      readonly leader?: number;
    };
    return leader === undefined ? [] : [{ node, atMs: Date.parse(time), term }];
  });
}

/** The stalls for which a node, in its log, gave up leading. */
export function stallsIn(node: string, log: string): readonly Stall[] {
  return log.split("\n").flatMap((line) => {
    if (!/"(?:loop|disk)-stalled"/.test(line)) return [];
    const { time, ms } = JSON.parse(line) as { readonly time: string; readonly ms: number };
    const what = "it found itself stalled, and led no more";
    return [{ who: node, atMs: Date.parse(time), lastedMs: ms, what }];
  });
}

/** How a node ended that was not told to, in the words of who started it again. */
export function crashesIn(node: string, log: string): readonly string[] {
  return [...log.matchAll(/^ended \((?!exit code 0\))[^)]*\)/gm)].map(([words]) => `${node} ${words}`);
}

/** The elections after a moment: the first that each further term was heard of, each with the stalls around it. */
export function electionsIn(
  changes: readonly LeaderChange[],
  stalls: readonly Stall[],
  sinceMs: number,
): readonly Election[] {
  const before = Math.max(0, ...changes.filter(({ atMs }) => atMs < sinceMs).map(({ term }) => term));
  const firsts = new Map<number, number>();
  for (const { term, atMs } of changes)
    if (term > before) firsts.set(term, Math.min(firsts.get(term) ?? Number.POSITIVE_INFINITY, atMs));
  return [...firsts]
    .toSorted(([a], [b]) => a - b)
    .map(([term, atMs]) => ({
      term,
      atMs,
      stalls: stalls.filter(
        (stall) =>
          stall.lastedMs >= STALL_MS && stall.atMs > atMs - BEFORE_MS && stall.atMs < atMs + AFTER_MS,
      ),
    }));
}
