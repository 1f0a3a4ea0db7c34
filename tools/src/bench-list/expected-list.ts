import { type Change, nameOf, type World } from "./world.ts";

/** Knows what a list of a version must show: the resources of the beginning and what was changed since. */
export class ExpectedList {
  readonly #world: World;
  /** The version of each resource, by name. */
  readonly #present = new Map<string, number | undefined>();
  #applied = 0;

  constructor(world: World, resources: number) {
    this.#world = world;
    // Of those that nobody has touched the version is that of their own commit, which does not matter here.
    for (let index = 0; index < resources; index++) this.#present.set(nameOf(index), undefined);
  }

  /** The resources that there are at a version, with the versions of those that were changed. The versions that it is asked for must not go down. */
  at(version: number): ReadonlyMap<string, number | undefined> {
    const { changes } = this.#world;
    for (let change = changes[this.#applied]; change !== undefined; change = changes[++this.#applied]) {
      if (change.version > version) break;
      this.#apply(change);
    }
    return this.#present;
  }

  #apply({ kind, name, version }: Change): void {
    if (kind === "put") this.#present.set(name, version);
    else this.#present.delete(name);
  }
}
