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
export { createClusterSecretAuthenticator, parseClusterSecret, systemIdentity } from "./cluster-secret.ts";
