import type { Backend } from "@trellis/storage";

/** A backend, and in their order the changes that it applied, in words: `<version> put <name>`, `<version> delete <name>`. */
export interface NotedBackend {
  readonly backend: Backend;
  readonly changes: readonly string[];
}

/** Writes down what a backend applies: what a watch of everything must see. */
export function noteChanges(inner: Backend): NotedBackend {
  const changes: string[] = [];
  const commit: Backend["commit"] = async (operations, options) => {
    const before = inner.position().version;
    const result = await inner.commit(operations, options);
    // A commit of checks is answered with the version that there was.
    if (result.outcome === "applied" && result.version > before) {
      for (const { kind, key } of operations)
        if (kind !== "check") changes.push(`${result.version} ${kind} ${key.name}`);
    }
    return result;
  };
  return { backend: { ...inner, commit }, changes };
}
