import { type OpenLoad, reads, writes } from "../loads.ts";
import { measure, type MeasureOptions } from "../measure.ts";
import type { Measurement } from "../measurement.ts";
import type { TrellisCalls } from "../trellis/trellis-calls.ts";
import type { Dataset } from "../dataset.ts";
import type { Round } from "./compared.ts";
import type { Times } from "./times.ts";

/** A kind of calls. */
interface Operation {
  readonly name: string;
  readonly open: OpenLoad;
}

/** Calls under way at once. */
const CLIENTS = 64;
/** What is measured of a store. */
export const OPERATIONS: readonly Operation[] = [
  { name: "strong read", open: reads(true) },
  { name: "eventual read", open: reads(false) },
  { name: "write", open: writes("update") },
];

const ROUNDS = 5;
const WARM_UP_SHARE = 0.3;
/** A server, and how it is called. */
export interface Side {
  readonly name: string;
  readonly pid: number;
  readonly calls: TrellisCalls;
  readonly data: Dataset;
  /** What is done before each round. */
  readonly prepare?: () => Promise<void>;
}

/** Rounds of an operation on two servers by turns, each first every other time. */
export async function measureSides(
  { name, open }: Operation,
  { roundSeconds: seconds, firstWarmUpSeconds }: Times,
  { base, other }: { readonly base: Side; readonly other: Side },
): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const warmUpSeconds = round === 0 ? firstWarmUpSeconds : seconds * WARM_UP_SHARE;
    const run = (side: Side): Promise<Measurement> =>
      measureSide(side, { name, open, seconds, warmUpSeconds });
    const [first, second] = round % 2 === 0 ? [base, other] : [other, base];
    await base.prepare?.();
    await other.prepare?.();
    const one = await run(first);
    const two = await run(second);
    rounds.push(first === base ? { base: one, other: two } : { base: two, other: one });
  }
  return rounds;
}

async function measureSide(
  { name, pid, calls, data }: Side,
  { name: operation, open, ...times }: Operation & Pick<MeasureOptions, "seconds" | "warmUpSeconds">,
): Promise<Measurement> {
  const scenario = `${operation} on ${name}`;
  const load = await open({ calls, data, clients: CLIENTS });
  return await measure(load, { scenario, processes: [{ name, pid }], ...times });
}

/** What failed in rounds, in a line each. */
export function roundFailures(what: string, rounds: readonly Round[]): readonly string[] {
  return rounds
    .flatMap(({ base, other }) => [...Object.entries(base.errors), ...Object.entries(other.errors)])
    .map(([code, count]) => `${what}: ${count} calls failed with ${code}`);
}
