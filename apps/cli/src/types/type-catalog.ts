import { createFileRegistry, createRegistry, type Registry } from "@bufbuild/protobuf";
import { typeNameText, type TypeName } from "@trellis/resource";

import { CALL_TIMEOUT_MS, type Connection } from "../connection.ts";
import { CliError } from "../errors.ts";
import { kindWord, resolveKind } from "./kinds.ts";
import { knownType, type KnownType } from "./known-type.ts";

/** The types that a server knows; it is asked for their schemas only when they are needed. */
export interface TypeCatalog {
  /** Ordered by group, version and kind. */
  readonly types: readonly KnownType[];
  /** The type of exactly that group, version and kind. */
  find(name: TypeName): KnownType | undefined;
  /** The type that a word names. Throws a usage error. */
  resolve(word: string): KnownType;
  /** The shortest word that names a type again. */
  word(type: KnownType): string;
  /** The payload messages of these types and all that they contain. */
  schemas(types: readonly KnownType[]): Promise<Registry>;
}

/** Asks a server for its types. */
export async function loadTypeCatalog(connection: Connection, signal: AbortSignal): Promise<TypeCatalog> {
  const options = { signal, timeoutMs: CALL_TIMEOUT_MS };
  const answer = await connection.client.types.listTypes({}, options);
  return createTypeCatalog(answer.types.map(knownType), async (types) => {
    const { files } = await connection.client.types.getSchema(
      { types: types.map(({ group, groupVersion, kind }) => ({ group, groupVersion, kind })) },
      options,
    );
    if (files === undefined) throw new CliError(`${connection.server} sent no schemas`);
    try {
      return createFileRegistry(files);
    } catch (error) {
      throw new CliError(
        `${connection.server} sent schemas that cannot be read: ${String((error as { message?: unknown }).message)}`,
      );
    }
  });
}

/** A catalog of given types; `fetch` gets the schemas of some of them. */
export function createTypeCatalog(
  unordered: readonly KnownType[],
  fetch: (types: readonly KnownType[]) => Promise<Registry>,
): TypeCatalog {
  const types = [...unordered].sort((a, b) => (a.gvk < b.gvk ? -1 : 1));
  const byName = new Map(types.map((type) => [type.gvk, type]));
  return {
    types,
    find: (name) => byName.get(typeNameText(name)),
    resolve: (word) => resolveKind(word, types),
    word: (type) => kindWord(type, types),
    // Without types the question would mean all of them.
    schemas: async (wanted) => (wanted.length === 0 ? createRegistry() : fetch(wanted)),
  };
}
