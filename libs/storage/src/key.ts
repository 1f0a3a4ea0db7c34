/**
 * What storage tells resources apart by. The group version is payload: one copy is stored per key, whichever version wrote it.
 * `partition` and `namespace` are empty where the type's scope has none.
 */
export interface Key {
  readonly group: string;
  readonly kind: string;
  readonly partition: string;
  readonly namespace: string;
  readonly name: string;
}

/** Matches any partition or any namespace in a query. */
export const WILDCARD = "*";

/**
 * The byte-ordered string form of a key: its parts, each ended by a NUL. Orders as (group, kind, partition, namespace, name)
 * because legal parts are ASCII without NUL.
 */
export function keyString(key: Key): string {
  return key instanceof TextKey ? key.text() : textOf(key);
}

/** A key that keeps its string form, and where it was found: a mutation asks for both half a dozen times. */
export class TextKey implements Key {
  readonly group: string;
  readonly kind: string;
  readonly partition: string;
  readonly namespace: string;
  readonly name: string;
  #text: string | undefined;
  #place: object | undefined;

  constructor({ group, kind, partition, namespace, name }: Key) {
    this.group = group;
    this.kind = kind;
    this.partition = partition;
    this.namespace = namespace;
    this.name = name;
  }

  /** Made when it is first asked for. */
  text(): string {
    return (this.#text ??= textOf(this));
  }

  /** Where a store of this process found it last, which is nobody's business but that store's: it may be there no more. */
  get place(): object | undefined {
    return this.#place;
  }

  /** Notes where it was found. */
  foundAt(place: object | undefined): void {
    this.#place = place;
  }

  /** Another key that says the same, and knows as much. */
  copy(): TextKey {
    const copy = new TextKey(this);
    copy.#text = this.#text;
    copy.#place = this.#place;
    return copy;
  }
}

function textOf(key: Key): string {
  return `${key.group}\0${key.kind}\0${key.partition}\0${key.namespace}\0${key.name}\0`;
}

/** Whether two keys name the same resource. */
export function keyEquals(a: Key, b: Key): boolean {
  return (
    a.name === b.name &&
    a.namespace === b.namespace &&
    a.partition === b.partition &&
    a.kind === b.kind &&
    a.group === b.group
  );
}
