import type { Access, Identity } from "@trellis/authz";
import type { ID, Resource, Tenancy } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { Registration } from "@trellis/registry";

import type { Payload, TypedStored } from "./payload.ts";

/** A resource that a caller wants to read or write, decoded where a hook wants it so. */
export interface Subject {
  readonly resource: Resource;
  /** What it is called, where the resource is made for who asks for it. */
  readonly id?: ID | undefined;
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
  if (subject.id !== undefined) return new AccessToUnmade(identity, verb, type, subject.id, subject);
  const { resource } = subject;
  const { id } = resource;
  return { identity, verb, type, tenancy: id?.tenancy, name: id?.name, resource };
}

/** Where a question has who makes its resource: no private field, so that what wraps a question or inherits from it has it too. */
const SUBJECT = Symbol("subject");

/** A question about a resource that is made if the authorizer looks at it. */
class AccessToUnmade implements Access {
  readonly identity: Identity;
  readonly verb: Access["verb"];
  readonly type: Registration["type"];
  readonly tenancy: Tenancy | undefined;
  readonly name: string;
  declare readonly resource: Resource;
  declare readonly [SUBJECT]: Subject;

  /** An own property as others are, so that a copy of the question has it, and one may be put in its place; one for all, so that questions have one hidden class. */
  static readonly #resource: PropertyDescriptor & ThisType<AccessToUnmade> = {
    enumerable: true,
    configurable: true,
    get(this: AccessToUnmade) {
      return this[SUBJECT].resource;
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

  constructor(
    ...[identity, verb, type, id, subject]: [Identity, Access["verb"], Registration["type"], ID, Subject]
  ) {
    this.identity = identity;
    this.verb = verb;
    this.type = type;
    this.tenancy = id.tenancy;
    this.name = id.name;
    // Its bytes are to be there for as long as the authorizer keeps the question.
    void subject.payload?.any;
    Object.defineProperty(this, SUBJECT, { value: subject });
    Object.defineProperty(this, "resource", AccessToUnmade.#resource);
  }
}
