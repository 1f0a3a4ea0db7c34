export {
  type Access,
  type Authenticator,
  type Authorizer,
  type Decision,
  type Identity,
  allowAll,
  anonymous,
  anonymousAuthenticator,
} from "./authz.ts";
export {
  CLUSTER_SECRET_HEADER,
  createClusterSecretAuthenticator,
  parseClusterSecret,
  systemIdentity,
} from "./cluster-secret.ts";
