import type { Access, Identity } from "@trellis/authz";
import type { ID, Resource, Tenancy } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";

import type { Payload, TypedStored } from "./payload.ts";

/** A resource that is made when somebody looks at it. Whoever keeps this keeps nothing that is another's later. */
export interface Unmade {
  readonly id: ID;
  readonly resource: Resource;
}

/** A resource that a caller wants to read or write, decoded where a hook wants it so. */
export interface Subject {
  readonly resource: Resource;
  /** What makes the resource, where that is made for who looks at it. */
  readonly unmade?: Unmade | undefined;
  /** Its payload, where it is at hand; decoded when a hook needs it otherwise. */
  readonly payload?: Payload | undefined;
  /** What is stored, decoded when it is asked for; absent on creation. */
  readonly before?: TypedStored | undefined;
}

/** The question whether somebody may do something with a resource. */
export function accessTo(
  identity: Identity,
  verb: Access["verb"],
  type: Registration["type"],
  subject: Subject,
): Access {
  const { unmade } = subject;
  if (unmade !== undefined) return new AccessToUnmade(identity, verb, type, unmade);
  const { resource } = subject;
  const { id } = resource;
  return { identity, verb, type, tenancy: id?.tenancy, name: id?.name, resource };
}

/** Where a question has what makes its resource: no private field, so that what wraps a question or inherits from it has it too. */
const UNMADE = Symbol("unmade");

/** A question about a resource that is made if the authorizer looks at it. */
class AccessToUnmade implements Access {
  readonly identity: Identity;
  readonly verb: Access["verb"];
  readonly type: Registration["type"];
  readonly tenancy: Tenancy | undefined;
  readonly name: string;
  declare readonly resource: Resource;
  declare readonly [UNMADE]: Unmade;

  /** An own property as others are, so that a copy of the question has it, and one may be put in its place; one for all, so that questions have one hidden class. */
  static readonly #resource: PropertyDescriptor & ThisType<AccessToUnmade> = {
    enumerable: true,
    configurable: true,
    get(this: AccessToUnmade) {
      return this[UNMADE].resource;
    },
    set(this: AccessToUnmade, value: unknown) {
      Object.defineProperty(this, "resource", {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    },
  };

  constructor(identity: Identity, verb: Access["verb"], type: Registration["type"], unmade: Unmade) {
    const { tenancy, name } = unmade.id;
    this.identity = identity;
    this.verb = verb;
    this.type = type;
    this.tenancy = tenancy;
    this.name = name;
    Object.defineProperty(this, UNMADE, { value: unmade });
    Object.defineProperty(this, "resource", AccessToUnmade.#resource);
  }
}
