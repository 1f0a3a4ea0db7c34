import { ExpectedList } from "./expected-list.ts";
import { nextTurn } from "./next-turn.ts";
import { ARTIST, type World } from "./world.ts";

/** What was listed, from the first page to the last. */
export interface Listing {
  readonly pages: number;
  readonly resources: number;
}

type Shown = readonly (readonly [name: string, version: string])[];

/** Lists everything in pages, and holds it against what was stored at the version that the first page names. */
export class Lister {
  readonly #world: World;
  readonly #expected: ExpectedList;
  readonly #pageSize: number;

  constructor(
    world: World,
    { resources, pageSize }: { readonly resources: number; readonly pageSize: number },
  ) {
    this.#world = world;
    this.#expected = new ExpectedList(world, resources);
    this.#pageSize = pageSize;
  }

  /** Lists once. Throws an Error that says what differs, when it is not exactly the set of one version. */
  async list(): Promise<Listing> {
    const shown: (readonly [string, string])[] = [];
    const versions = new Set<string>();
    let pages = 0;
    let pageToken = "";
    do {
      const request = { type: ARTIST, tenancy: {}, pageSize: this.#pageSize, pageToken };
      const page = await this.#world.rpc.list(request);
      for (const { id, version } of page.resources) shown.push([id?.name ?? "", version]);
      versions.add(page.version);
      pages += 1;
      pageToken = page.nextPageToken;
      await nextTurn();
    } while (pageToken !== "");
    const [version, ...others] = versions;
    if (others.length > 0)
      throw new Error(`expected pages of one version, found ${[...versions].join(", ")}`);
    return { pages, resources: await this.#compare(shown, Number(version)) };
  }

  /** Compares in slices, so that the judge is not what holds up the event loop. */
  async #compare(shown: Shown, version: number): Promise<number> {
    const expected = this.#expected.at(version);
    const names = new Set<string>();
    for (const [index, [name, of]] of shown.entries()) {
      if (index % NAMES_PER_TURN === 0) await nextTurn();
      const changed = expected.get(name);
      const isRight =
        expected.has(name) && !names.has(name) && (changed === undefined || String(changed) === of);
      if (!isRight)
        throw new Error(
          `the list of version ${version} has ${name} at ${of}; expected ${changed ?? "it once"}`,
        );
      names.add(name);
    }
    if (names.size !== expected.size)
      throw new Error(
        `the list of version ${version} has ${names.size} resources; expected ${expected.size}`,
      );
    return names.size;
  }
}

const NAMES_PER_TURN = 200;
