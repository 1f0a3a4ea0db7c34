import type { Index, TenancyFilter } from "../cache.ts";
import { type Asked, AskedTexts } from "./asked-texts.ts";
import { requestFrom } from "./request-key.ts";
import type { CacheChange } from "./type-cache.ts";

/** Something that a run asked about resources by their names. `type` is `group.version.Kind`; keys are request keys, and prefixes such as they begin with. */
export type NameQuestion =
  | { readonly kind: "get"; readonly type: string; readonly key: string }
  | { readonly kind: "list"; readonly type: string; readonly tenancy?: TenancyFilter | undefined }
  | { readonly kind: "prefix"; readonly type: string; readonly prefix: string }
  | { readonly kind: "owner"; readonly type: string; readonly uid: string };

/** Something that a run asked through an index: for exactly the key, for keys that begin with it, or for keys that it begins with. */
export interface IndexQuestion {
  readonly kind: "index" | "indexPrefix" | "indexParents";
  readonly index: Index;
  readonly key: string;
  readonly tenancy?: TenancyFilter | undefined;
}

/** Something that a run asked its cache. */
export type Question = NameQuestion | IndexQuestion;

/** The type that a question is about. */
export function typeAsked(question: Question): string {
  return "index" in question ? question.index.type.gvk : question.type;
}

/** What was asked through one index. */
interface IndexTexts {
  readonly index: AskedTexts;
  readonly indexPrefix: AskedTexts;
  readonly indexParents: AskedTexts;
}

/** What was asked about one type, and who a change concerns. */
export class TypeQuestions {
  readonly #type: string;
  readonly #get: AskedTexts;
  readonly #list: AskedTexts;
  readonly #prefix: AskedTexts;
  readonly #owner: AskedTexts;
  readonly #indexes = new Map<Index, IndexTexts>();

  constructor(type: string) {
    this.#type = type;
    this.#get = new AskedTexts(type, "same");
    this.#list = new AskedTexts(type, "same");
    this.#prefix = new AskedTexts(type, "beginnings");
    this.#owner = new AskedTexts(type, "same");
  }

  /** Different questions. */
  get size(): number {
    const ofIndexes = [...this.#indexes.values()].flatMap((texts) => Object.values(texts) as AskedTexts[]);
    return [this.#get, this.#list, this.#prefix, this.#owner, ...ofIndexes].reduce(
      (sum, { size }) => sum + size,
      0,
    );
  }

  add(question: Question, reader: string): Asked {
    switch (question.kind) {
      case "get":
        return this.#get.add(question.key, reader);
      case "list":
        return this.#list.add(tenancyText(question.tenancy), reader);
      case "prefix":
        return this.#prefix.add(question.prefix, reader);
      case "owner":
        return this.#owner.add(question.uid, reader);
      default: {
        const texts = this.#textsOf(question.index)[question.kind];
        return texts.add(tenancyText(question.tenancy) + question.key, reader);
      }
    }
  }

  /** Adds to `readers` those to whose questions the answer was or is among what changed. */
  collect({ key, previous, next, indexKeys }: CacheChange, readers: Set<string>): void {
    this.#get.collect(key, readers);
    if (this.#prefix.size > 0) this.#prefix.collect(key, readers);
    for (const resource of [previous, next])
      if (resource?.owner !== undefined) this.#owner.collect(resource.owner.uid, readers);
    if (this.#list.size === 0 && this.#indexes.size === 0) return;
    const tenancies = tenanciesOf(key);
    for (const tenancy of tenancies) this.#list.collect(tenancy, readers);
    for (const [index, texts] of this.#indexes) {
      const keys = indexKeys.get(index);
      if (keys === undefined) continue;
      for (const indexKey of new Set([...keys.previous, ...keys.next]))
        for (const tenancy of tenancies) collectIndexed(texts, tenancy + indexKey, readers);
    }
  }

  #textsOf(index: Index): IndexTexts {
    let texts = this.#indexes.get(index);
    if (texts === undefined) {
      texts = {
        index: new AskedTexts(this.#type, "same"),
        indexPrefix: new AskedTexts(this.#type, "beginnings"),
        // Asked was for what the key begins with: the keys that were asked go on from the one that changed.
        indexParents: new AskedTexts(this.#type, "continuations"),
      };
      this.#indexes.set(index, texts);
    }
    return texts;
  }
}

function collectIndexed(
  { index, indexPrefix, indexParents }: IndexTexts,
  text: string,
  readers: Set<string>,
): void {
  index.collect(text, readers);
  if (indexPrefix.size > 0) indexPrefix.collect(text, readers);
  if (indexParents.size > 0) indexParents.collect(text, readers);
}

/** Stands for any unit, as for caches; no unit is called so. */
const ANY = "*";

/** Whether a filter lets every tenancy through. */
export function isAnyTenancy({ partition = ANY, namespace = ANY }: TenancyFilter = {}): boolean {
  return partition === ANY && namespace === ANY;
}

/** A filter as a text that no other filter's text begins with. */
function tenancyText({ partition = ANY, namespace = ANY }: TenancyFilter = {}): string {
  return `${partition}\0${namespace}\0`;
}

/** The filters that let a key's tenancy through. */
function tenanciesOf(key: string): readonly string[] {
  const { partition, namespace } = requestFrom(key);
  return [{}, { partition }, { namespace }, { partition, namespace }].map(tenancyText);
}
