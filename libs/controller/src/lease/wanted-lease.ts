/** A lease that a process would hold. */
export interface WantedLease {
  readonly name: string;
  /** Of a shard's lease: what was divided. */
  readonly part?: Division | undefined;
}

/** Something that was divided into shards, each with a lease of its own. */
export interface Division {
  /** The lease that says into how many it is divided. */
  readonly name: string;
  readonly shards: number;
}

/** The most that a member's lease names. */
const MAX_CANDIDATES = 1_024;

/** The name by which members tell each other that they would hold a lease: shards go by what was divided. */
export function candidateOf({ name, part }: WantedLease): string {
  return part?.name ?? name;
}

/** What a member would hold, for its lease. Of more than others can be told, they leave it less than they might. */
export function candidatesOf(leases: readonly WantedLease[]): readonly string[] {
  return [...new Set(leases.map(candidateOf))].slice(0, MAX_CANDIDATES);
}
