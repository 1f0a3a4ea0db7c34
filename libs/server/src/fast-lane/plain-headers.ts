/** Headers as Node has them: names in lower case, several values in a list. */
export type HeaderValues = Record<string, string | string[] | undefined>;

/**
 * Headers as the platform's class has them, over the plain object that Node reads and writes: making one costs nothing, and reading one a look-up. Checks
 * no names and no values; Node does when they are sent. Of HTTP/2 the pseudo headers are not shown.
 */
export class PlainHeaders implements Headers {
  readonly #values: HeaderValues;

  constructor(values: HeaderValues = {}) {
    this.#values = values;
  }

  get(name: string): string | null {
    const value = name.startsWith(":") ? undefined : this.#values[name.toLowerCase()];
    return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  set(name: string, value: string): void {
    this.#values[name.toLowerCase()] = value;
  }

  append(name: string, value: string): void {
    const present = this.get(name);
    this.set(name, present === null ? value : `${present}, ${value}`);
  }

  delete(name: string): void {
    delete this.#values[name.toLowerCase()];
  }

  getSetCookie(): string[] {
    const value = this.#values["set-cookie"] ?? [];
    return typeof value === "string" ? [value] : [...value];
  }

  forEach(callback: (value: string, name: string, parent: Headers) => void, self?: unknown): void {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries(): ReturnType<Headers["entries"]> {
    for (const name of Object.keys(this.#values).toSorted()) {
      const value = this.get(name);
      if (value !== null) yield [name, value];
    }
  }

  *keys(): ReturnType<Headers["keys"]> {
    for (const [name] of this) yield name;
  }

  *values(): ReturnType<Headers["values"]> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): ReturnType<Headers["entries"]> {
    return this.entries();
  }
}
