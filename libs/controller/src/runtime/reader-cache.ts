import type { Cache, Index } from "../cache.ts";
import { namePrefix } from "./cache-view.ts";
import type { Question } from "./reader-edges.ts";
import { keyOf } from "./request-key.ts";

/** What is recorded of what a run asks its cache. */
export interface ReaderCacheOptions {
  /** The types whose readers are kept, `group.version.Kind`: what is asked about others is not recorded. */
  readonly types: ReadonlySet<string>;
  readonly record: (question: Question) => void;
}

/** The same cache, which tells what it is asked before it answers. */
export function createReaderCache(cache: Cache, { types, record }: ReaderCacheOptions): Cache {
  const note = (type: string, question: () => Question): void => {
    if (types.has(type)) record(question());
  };
  const noteIndex = (question: Extract<Question, { readonly index: unknown }>): void =>
    note(question.index.type.gvk, () => question);
  return {
    get(type, name) {
      note(type.gvk, () => ({ kind: "get", type: type.gvk, key: keyOf(name) }));
      return cache.get(type, name);
    },
    list(type, tenancy) {
      note(type.gvk, () => ({ kind: "list", type: type.gvk, tenancy }));
      return cache.list(type, tenancy);
    },
    listByPrefix(type, prefix, tenancy) {
      note(type.gvk, () => ({ kind: "prefix", type: type.gvk, prefix: namePrefix(prefix, tenancy) }));
      return cache.listByPrefix(type, prefix, tenancy);
    },
    listByOwner(type, owner) {
      note(type.gvk, () => ({ kind: "owner", type: type.gvk, uid: owner.uid }));
      return cache.listByOwner(type, owner);
    },
    byIndex(index, key, tenancy) {
      noteIndex({ kind: "index", index: index as Index, key, tenancy });
      return cache.byIndex(index, key, tenancy);
    },
    byIndexPrefix(index, prefix, tenancy) {
      noteIndex({ kind: "indexPrefix", index: index as Index, key: prefix, tenancy });
      return cache.byIndexPrefix(index, prefix, tenancy);
    },
    byIndexParents(index, key, tenancy) {
      noteIndex({ kind: "indexParents", index: index as Index, key, tenancy });
      return cache.byIndexParents(index, key, tenancy);
    },
  };
}
