import type { Resource, Tenancy } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { TypeName } from "@trellis/resource";

/** Who calls. */
export interface Identity {
  /** For logs and decisions ("anonymous", "user:ada", "system"). */
  readonly name: string;
  /** The system itself: its controllers and the platform's own writes. */
  readonly system: boolean;
  /** The tenancy that blank units of this caller's requests stand for. */
  readonly defaultTenancy: { readonly partition: string; readonly namespace: string };
}

/** Finds out who calls, from the request's headers. Throws a ConnectError (`unauthenticated`) for bad credentials. */
export interface Authenticator {
  authenticate(headers: Headers): Identity | Promise<Identity>;
}

/**
 * One question. `resource` is absent for `list`, for the first question about each resource that is read, listed or watched, and for the write of something that is not there: whoever decides by what
 * is in a resource answers `needsResource` then. It may be made when it is looked at, and only then: most authorizers decide by what is beside it.
 */
export interface Access {
  readonly identity: Identity;
  readonly verb: "read" | "write" | "list";
  readonly type: TypeName;
  readonly tenancy: Tenancy | undefined;
  readonly name?: string | undefined;
  readonly resource?: Resource | undefined;
}

/** The answer. `needsResource` may only answer a question without a resource: it is asked again with it, if there is one. */
export type Decision =
  | { readonly decision: "allow" }
  | { readonly decision: "deny"; readonly reason: string }
  | { readonly decision: "needsResource" };

/** Decides who may do what. A throw is an internal error, not a denial. */
export interface Authorizer {
  decide(access: Access): Decision | Promise<Decision>;
  /**
   * Calls back when what this caller may do changes, once or more often; the result ends that. A watch ends then (`AUTHORIZATION_CHANGED`), and
   * its client lists again with its new rights. Absent when decisions never change.
   */
  onChange?(identity: Identity, changed: () => void): () => void;
}

/** The caller without credentials. */
export const anonymous: Identity = {
  name: "anonymous",
  system: false,
  defaultTenancy: { partition: "default", namespace: "default" },
};

/** Takes every caller for {@link anonymous}. */
export const anonymousAuthenticator: Authenticator = { authenticate: () => anonymous };

/** Allows everything. The default until bindings exist. */
export const allowAll: Authorizer = { decide: () => ({ decision: "allow" }) };
