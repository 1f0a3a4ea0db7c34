import type { AnyController } from "../define.ts";

/** What was seen of runs that must never be: the names that it was seen of. */
export interface Misdeeds {
  /** Ran twice at a time (invariant 1). */
  readonly twice: string[];
  /** Were seen older than before (invariant 6). */
  readonly backwards: string[];
  /** Were seen marked for deletion with nothing to hold them (invariant 7). */
  readonly held: string[];
}

/** Watches the runs of controllers for what must never be. */
export function createObserver() {
  const misdeeds: Misdeeds = { twice: [], backwards: [], held: [] };
  const running = new Set<string>();
  const seen = new Map<string, bigint>();
  let runs = 0;

  function observe(name: string, run: AnyController["reconcile"]): AnyController["reconcile"] {
    return async (context) => {
      runs += 1;
      const { id, version, metadata } = context.resource;
      const key = `${name} ${id.name}`;
      if (running.has(key)) misdeeds.twice.push(key);
      running.add(key);
      const before = seen.get(`${name} ${id.uid}`) ?? 0n;
      if (BigInt(version) < before) misdeeds.backwards.push(key);
      seen.set(`${name} ${id.uid}`, BigInt(version));
      if (metadata["deletionTimestamp"] !== undefined && metadata["finalizers"] === undefined)
        misdeeds.held.push(key);
      try {
        return await run(context);
      } finally {
        running.delete(key);
      }
    };
  }
  return {
    misdeeds,
    /** Runs seen so far, of all stores. */
    runs: () => runs,
    /** What comes is about another store. */
    async begin(): Promise<void> {
      running.clear();
      seen.clear();
    },
    /** The same controller, observed. */
    of(controller: AnyController): AnyController {
      const { name, reconcile, finalize } = controller;
      const observed = { ...controller, reconcile: observe(name, reconcile) };
      return finalize === undefined ? observed : { ...observed, finalize: observe(name, finalize) };
    },
  };
}
