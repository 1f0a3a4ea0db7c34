/** Something that was committed to the store, as its watch told it. */
export type Committed =
  | {
      readonly kind: "lease";
      readonly version: bigint;
      readonly lease: string;
      readonly generation: string;
      /** Who holds it: empty for nobody. */
      readonly holder: string;
    }
  | {
      readonly kind: "write";
      readonly version: bigint;
      readonly key: string;
      readonly lease: string;
      /** The generation of the lease that the writer wrote under. */
      readonly term: string;
      /** The process that wrote. */
      readonly writer: string;
    };

/** What came of the judgement. */
export interface TermsVerdict {
  readonly writes: number;
  /** Terms under which something was written. */
  readonly terms: number;
  readonly findings: readonly string[];
}

/** Findings that are kept: more say the same. */
const MAX_FINDINGS = 1_000;

/**
 * Judges whether each write was made by who held the lease when it was committed, under the term of then: so no two wrote for one key with fences that held, out of the order of
 * their terms. Each holder is one process.
 */
export function judgeTerms(history: readonly Committed[]): TermsVerdict {
  const leases = new Map<string, { readonly generation: string; readonly holder: string }>();
  const writers = new Map<string, string>();
  const holders = new Map<string, string>();
  const terms = new Set<string>();
  const findings: string[] = [];
  const find = (finding: string): void => {
    if (findings.length < MAX_FINDINGS) findings.push(finding);
  };
  let writes = 0;
  for (const one of history.toSorted((a, b) => Number(a.version - b.version))) {
    if (one.kind === "lease") {
      leases.set(one.lease, one);
      continue;
    }
    writes += 1;
    terms.add(one.term);
    const lease = leases.get(one.lease);
    const where = `${one.key} at version ${one.version} by ${one.writer}`;
    if (lease?.generation !== one.term)
      find(`${where}: written in the term ${one.term} of ${one.lease}, found ${lease?.generation}`);
    else if (lease.holder === "") find(`${where}: nobody held ${one.lease}`);
    else {
      const bound = writers.get(lease.holder) ?? one.writer;
      writers.set(lease.holder, bound);
      if (bound !== one.writer) find(`${where}: ${one.lease} was held by ${bound}`);
      const holder = holders.get(one.writer) ?? lease.holder;
      holders.set(one.writer, holder);
      if (holder !== lease.holder)
        find(`${where}: it is ${holder}, and ${one.lease} was held by ${lease.holder}`);
    }
  }
  return { writes, terms: terms.size, findings };
}
