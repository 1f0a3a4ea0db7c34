import { validateHeaderName } from "node:http";

/** Headers as Node has them: names in lower case, several values in a list. */
export type HeaderValues = Record<string, string | string[] | undefined>;

/**
 * Headers as the platform's class has them, over the plain object that Node reads and writes: making one costs nothing, and reading one a look-up. Only
 * what is set is checked: Node does not say of each fault when it sends. Of HTTP/2 the pseudo headers are not shown.
 */
export class PlainHeaders implements Headers {
  readonly #values: HeaderValues;

  constructor(values: HeaderValues = {}) {
    this.#values = values;
  }

  get(name: string): string | null {
    const value = name.startsWith(":") ? undefined : this.#values[name.toLowerCase()];
    // What any object has, such as its constructor, is no header.
    return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Throws a TypeError for what HTTP does not allow. */
  set(name: string, value: string): void {
    this.#values[allowedName(name)] = allowed(name, value);
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

/** The few names that methods set, in lower case; checked once. */
const names = new Map<string, string>();
const MAX_NAMES = 64;

function allowedName(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  validateHeaderName(name);
  const lower = name.toLowerCase();
  if (names.size < MAX_NAMES) names.set(name, lower);
  return lower;
}

/** Anything but tabs and what can be seen, of Latin-1 (RFC 9110 §5.5). */
const NOT_ALLOWED = /[^\t\x20-\x7e\x80-\xff]/;
const SPACE = "\t\n\r ";

function allowed(name: string, value: unknown): string {
  const text = withoutSpaceAround(String(value));
  if (NOT_ALLOWED.test(text))
    throw new TypeError(
      `expected a value of tabs and visible characters of Latin-1 for header ${name}, found ${JSON.stringify(text)}`,
    );
  return text;
}

/** As the platform's class takes them (https://fetch.spec.whatwg.org/#concept-header-value-normalize). */
function withoutSpaceAround(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.includes(text.charAt(start))) start += 1;
  while (start < end && SPACE.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
