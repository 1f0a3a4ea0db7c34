/** A resource as somebody found it. */
export interface Found {
  readonly name: string;
  readonly version: number;
  readonly revision: number;
}

/** What one writer tries to do with a resource: a new revision of it, or its end. */
export type Attempt = { readonly kind: "put"; readonly revision: number } | { readonly kind: "delete" };

/** What is known of one resource, which one writer alone changes. */
interface Known {
  /** As it was acknowledged last; undefined when it is not there. */
  found: Found | undefined;
  /** What was asked for and not answered. */
  attempt: (Attempt & { readonly newestBefore: number }) | undefined;
}

/** A change as a watch shows it. */
export function changeOf(kind: Attempt["kind"], name: string, version: number): string {
  return kind === "put" ? `${name} at ${version}` : `the end of ${name} of ${version}`;
}

/**
 * What writers were told, and so what must be there: the bookkeeping by which every acknowledged write is found again, and nothing happens twice. Each
 * attempt is either acknowledged or settled by what is there after the restart; both come with the change that a watch must show once.
 */
export class Ledger {
  readonly #known = new Map<string, Known>();
  readonly findings: string[] = [];
  /** Changes that watches must have shown since the last {@link takeChanges}. */
  #changes = new Set<string>();
  #newest = 0;
  #acknowledged = 0;
  #unanswered = 0;

  /** Writes that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Writes that a kill left without an answer. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** A resource as it was acknowledged last. */
  find(name: string): Found | undefined {
    return this.#known.get(name)?.found;
  }

  begin(name: string, attempt: Attempt): void {
    const known = this.#known.get(name) ?? { found: undefined, attempt: undefined };
    if (known.attempt !== undefined) throw new Error(`${name} is being changed already`);
    known.attempt = { ...attempt, newestBefore: this.#newest };
    this.#known.set(name, known);
  }

  /** The server says that the attempt is done; `version` is what it said, for one that wrote. */
  acknowledge(name: string, version: number): void {
    const known = this.#known.get(name);
    if (known?.attempt === undefined) throw new Error(`nobody changes ${name}`);
    this.#acknowledged++;
    this.#apply(name, known, version);
  }

  /** Holds everything that is there against what must be: once the server has started again. */
  settle(all: readonly Found[]): void {
    const there = new Map<string, Found>();
    for (const found of all) {
      if (there.has(found.name)) this.findings.push(`${found.name} is there twice`);
      if (!this.#known.has(found.name)) this.findings.push(`${found.name} is there, and nobody wrote it`);
      there.set(found.name, found);
    }
    for (const [name, known] of this.#known) this.#settleOne(name, known, there.get(name));
  }

  /** The store says how new it is. */
  noteStore(version: number): void {
    if (version < this.#newest)
      this.findings.push(`the store is at ${version}, and has acknowledged ${this.#newest}`);
    this.#newest = Math.max(this.#newest, version);
  }

  /** The changes since it was asked last. */
  takeChanges(): ReadonlySet<string> {
    const changes = this.#changes;
    this.#changes = new Set();
    return changes;
  }

  #settleOne(name: string, known: Known, found: Found | undefined): void {
    const { attempt } = known;
    if (attempt !== undefined) {
      this.#unanswered++;
      const isDone =
        attempt.kind === "put"
          ? found?.revision === attempt.revision
          : found === undefined && known.found !== undefined;
      if (isDone) this.#apply(name, known, found?.version ?? 0);
      else known.attempt = undefined;
    }
    if (known.found?.version === found?.version && known.found?.revision === found?.revision) return;
    this.findings.push(`expected ${told(known.found, name)}, found ${told(found, name)}`);
    // Told once.
    known.found = found;
  }

  #apply(name: string, known: Known, version: number): void {
    const { attempt, found } = known;
    known.attempt = undefined;
    if (attempt?.kind === "put") {
      if (version <= attempt.newestBefore) {
        this.findings.push(
          `${name} got version ${version}, and ${attempt.newestBefore} had been acknowledged before it was asked for`,
        );
      }
      known.found = { name, version, revision: attempt.revision };
      this.#changes.add(changeOf("put", name, version));
      this.#newest = Math.max(this.#newest, version);
    } else if (found !== undefined) {
      known.found = undefined;
      this.#changes.add(changeOf("delete", name, found.version));
    }
  }
}

function told(found: Found | undefined, name: string): string {
  return found === undefined ? `no ${name}` : `${name} at ${found.version} in revision ${found.revision}`;
}
