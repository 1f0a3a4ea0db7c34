import { createRegistry } from "./create-registry.ts";
import type { Domain } from "./domain.ts";
import { DomainError, loadDomain } from "./load-domain.ts";

/**
 * Loads the domains of a server, in their order, and checks that they fit beside each other: a type that two of them bring is told with the names of both.
 * Specifiers are those of {@link loadDomain}; one that stands twice counts once. Throws {@link DomainError}.
 */
export async function loadDomains(
  specifiers: readonly string[],
  options: { readonly from: string },
): Promise<readonly Domain[]> {
  const named = await Promise.all(
    [...new Set(specifiers)].map(async (specifier) => ({
      specifier,
      domain: await loadDomain(specifier, options),
    })),
  );
  refuseConflicts(named);
  return named.map(({ domain }) => domain);
}

interface NamedDomain {
  readonly specifier: string;
  readonly domain: Domain;
}

/** Registers them on trial, so that what a registry refuses is told with the name of the domain. */
function refuseConflicts(named: readonly NamedDomain[]): void {
  const registry = createRegistry();
  const bringers = new Map<string, NamedDomain>();
  for (const one of named) {
    for (const { gvk } of one.domain.types) {
      const other = bringers.get(gvk);
      if (other !== undefined) throw new DomainError(bothBring(gvk, other, one));
    }
    try {
      registry.register(one.domain);
    } catch (error) {
      throw new DomainError(`domain ${one.specifier}: ${(error as Error).message}`, { cause: error });
    }
    for (const { gvk } of one.domain.types) bringers.set(gvk, one);
  }
}

function bothBring(gvk: string, first: NamedDomain, second: NamedDomain): string {
  const both = `domains ${first.specifier} and ${second.specifier}`;
  return first.domain === second.domain
    ? `${both} are the same module: name it once`
    : `${both} both bring resource type ${gvk}: leave one of them out, or give the type of one another group in its resource annotation`;
}
