/** A state of a resource that a client wrote: a revision is written once, and never again. */
export interface Written {
  readonly name: string;
  readonly revision: string;
  readonly version: number;
}

/** What a watch showed. */
export type Shown =
  { readonly kind: "put"; readonly written: Written } | { readonly kind: "delete"; readonly name: string };

/** One reader's view of everything, in the order in which it was shown. */
export interface View {
  readonly name: string;
  readonly shown: readonly Shown[];
  /** It was told that something is missing, and began anew from what there was. */
  readonly hasGap: boolean;
}

/** What is known of one resource: only its owner changes it. */
interface Page {
  /** As it was acknowledged last. */
  last: Written | undefined;
  /** How often its end was asked for. */
  deletes: number;
  /** Its end was asked for, and may still come: nothing was written over it since. */
  mayEnd: boolean;
}

/**
 * What writers asked for and were told, to hold against it what readers see: every acknowledged change is shown once and in order, nothing that was said not
 * to be applied is there, and no revision is there twice.
 */
export class Book {
  readonly findings: string[] = [];
  readonly #pages = new Map<string, Page>();
  readonly #asked = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #versions = new Map<string, number>();
  readonly #acknowledged: Written[] = [];
  #revisions = 0;

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** What is known of a resource now. */
  page(name: string): Readonly<Page> {
    return this.#pages.get(name) ?? { last: undefined, deletes: 0, mayEnd: false };
  }

  get names(): readonly string[] {
    return [...this.#pages.keys()];
  }

  /** A new revision of a resource, which is about to be asked for. */
  ask(name: string): string {
    const revision = `${name}/${++this.#revisions}`;
    this.#asked.add(revision);
    this.#openPage(name);
    return revision;
  }

  askDelete(name: string): void {
    const page = this.#openPage(name);
    page.deletes++;
    page.mayEnd = true;
  }

  acknowledge(written: Written): void {
    const page = this.#openPage(written.name);
    if (page.last !== undefined && written.version <= page.last.version)
      this.findings.push(
        `${written.revision} got version ${written.version}, and ${page.last.revision} had ${page.last.version} before`,
      );
    page.last = written;
    page.mayEnd = false;
    this.#acknowledged.push(written);
    this.saw(written);
  }

  acknowledgeDelete(name: string): void {
    Object.assign(this.#openPage(name), { last: undefined, mayEnd: false });
  }

  /** The server says that a revision was not applied. */
  refuse(revision: string): void {
    this.#refused.add(revision);
  }

  /** Somebody sees a state: it must be one that was asked for, of one version whoever sees it. */
  saw({ revision, version }: Written): void {
    if (!this.#asked.has(revision)) this.findings.push(`${revision} is there, and nobody asked for it`);
    const before = this.#versions.get(revision);
    if (before !== undefined && before !== version)
      this.findings.push(`${revision} is there twice, at ${before} and at ${version}`);
    this.#versions.set(revision, version);
  }

  /** Its owner has read a resource anew, after an error: that is how it stands. */
  settle(name: string, found: Written | undefined): void {
    this.#openPage(name).last = found;
    if (found !== undefined) this.saw(found);
  }

  /** At the end, when all is shown: what is wrong with the views, and with what is stored. */
  judge(views: readonly View[], stored: readonly Written[]): readonly string[] {
    for (const written of stored) this.saw(written);
    for (const view of views) this.#judgeView(view, stored);
    for (const revision of this.#refused)
      if (this.#versions.has(revision))
        this.findings.push(
          `${revision} was said not to be applied, and is there at ${this.#versions.get(revision)}`,
        );
    const there = new Map(stored.map((written) => [written.name, written.version]));
    for (const [name, { last, mayEnd }] of this.#pages) {
      const version = there.get(name);
      if (last === undefined) continue;
      if (version === undefined ? !mayEnd : version < last.version)
        this.findings.push(
          `${last.revision} was acknowledged at ${last.version}; stored is ${version ?? "nothing"}`,
        );
    }
    return this.findings;
  }

  #judgeView({ name: reader, shown, hasGap }: View, stored: readonly Written[]): void {
    const present = new Map<string, number>();
    const newest = new Map<string, number>();
    const seen = new Set<string>();
    for (const one of shown) {
      if (one.kind === "delete") {
        if (!present.delete(one.name))
          this.findings.push(`${reader} was shown the end of ${one.name}, which was not there`);
        continue;
      }
      const { written } = one;
      this.saw(written);
      if (written.version <= (newest.get(written.name) ?? 0))
        this.findings.push(
          `${reader} was shown ${written.revision} at ${written.version} after ${newest.get(written.name)}`,
        );
      newest.set(written.name, written.version);
      present.set(written.name, written.version);
      seen.add(written.revision);
    }
    const missing = hasGap ? [] : this.#acknowledged.filter(({ revision }) => !seen.has(revision));
    for (const { revision, version } of missing)
      this.findings.push(`${reader} was not shown ${revision} at ${version}, and was told of no gap`);
    const there = new Map(stored.map(({ name, version }) => [name, version]));
    const names = new Set([...there.keys(), ...present.keys()]);
    for (const name of names)
      if (there.get(name) !== present.get(name))
        this.findings.push(
          `${reader} has ${name} at ${present.get(name) ?? "no version"} at last; stored is ${there.get(name) ?? "nothing"}`,
        );
  }

  #openPage(name: string): Page {
    const page = this.#pages.get(name) ?? { last: undefined, deletes: 0, mayEnd: false };
    this.#pages.set(name, page);
    return page;
  }
}
