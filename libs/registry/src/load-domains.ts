import { createRegistry } from "./create-registry.ts";
import type { Domain } from "./domain.ts";
import { DomainError, loadDomain } from "./load-domain.ts";

/**
 * Loads the domains of a server, in their order, and checks that they fit beside each other: a type or a controller's name that two of them bring is told with the names of both.
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
  const controllers = new Map<string, NamedDomain>();
  const signatures = new Map<string, { readonly name: string; readonly of: NamedDomain }>();
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
    for (const { name } of one.domain.controllers) {
      const other = controllers.get(name);
      if (other !== undefined) throw new DomainError(bothCall(name, other, one));
      controllers.set(name, one);
    }
    for (const controller of one.domain.controllers) {
      const signature = signatureOf(controller);
      const signer = signatures.get(signature);
      if (signer !== undefined)
        throw new DomainError(
          `the controllers "${signer.name}" of domain ${signer.of.specifier} and "${controller.name}" of domain ${one.specifier} sign ${signature}: give each a key of its own`,
        );
      signatures.set(signature, { name: controller.name, of: one });
    }
  }
}

/** What a controller signs, and with what key: two that sign one type with one key would overwrite what the other says. */
function signatureOf(controller: Domain["controllers"][number]): string {
  const { name, key, type } = controller as typeof controller & {
    readonly key?: string;
    readonly type?: { readonly gvk?: string };
  };
  return `${type?.gvk ?? "an unknown type"} with one key, "${key ?? name}"`;
}

/** A controller's name is its lease's: of two with one name only one would run. */
function bothCall(name: string, first: NamedDomain, second: NamedDomain): string {
  return first === second
    ? `domain ${first.specifier}: two of its controllers are called "${name}": rename one`
    : `domains ${first.specifier} and ${second.specifier} both have a controller called "${name}": rename one of them, or leave a domain out`;
}

function bothBring(gvk: string, first: NamedDomain, second: NamedDomain): string {
  const both = `domains ${first.specifier} and ${second.specifier}`;
  return first.domain === second.domain
    ? `${both} are the same module: name it once`
    : `${both} both bring resource type ${gvk}: leave one of them out, or give the type of one another group in its resource annotation`;
}
