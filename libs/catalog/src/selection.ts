import type { WorkloadSelector } from "@trellis/protos/trellis/catalog/v1/selector_pb";
import { matchesSelector, parseSelector } from "@trellis/resource";

/** A workload as far as a selector looks at it. */
export interface Candidate {
  readonly id: { readonly name: string };
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where the workloads of one tenancy are looked up. */
export interface Candidates<T extends Candidate> {
  byName(name: string): T | undefined;
  byPrefix(prefix: string): readonly T[];
}

/** Whether a selector chooses by anything. One that does not leaves the endpoints to people. */
export function isSelective(selector: WorkloadSelector | undefined): selector is WorkloadSelector {
  return selector !== undefined && selector.names.length + selector.prefixes.length > 0;
}

/**
 * The workloads that a selector chooses: those with one of the names or prefixes that also pass the filter; each once, in order
 * of name. Throws a SelectorError for a filter that cannot be read.
 */
export function selectWorkloads<T extends Candidate>(
  selector: WorkloadSelector,
  candidates: Candidates<T>,
): readonly T[] {
  const filter = parseSelector(selector.filter);
  const found = new Map<string, T>();
  for (const name of selector.names) {
    const workload = candidates.byName(name);
    if (workload !== undefined) found.set(name, workload);
  }
  for (const prefix of selector.prefixes) {
    for (const workload of candidates.byPrefix(prefix)) found.set(workload.id.name, workload);
  }
  return [...found.values()]
    .filter(({ metadata }) => matchesSelector(filter, metadata))
    .toSorted((a, b) => (a.id.name < b.id.name ? -1 : 1));
}
