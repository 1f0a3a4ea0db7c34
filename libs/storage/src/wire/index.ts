export { clusterRelay } from "./cluster-relay.ts";
export { EncodedStorageService } from "./encoded-service.ts";
export { LocalLink, type LocalLinkDeps } from "./local-link.ts";
export { known, toNumber, unsupported } from "./known.ts";
export { fromOperationMessage, toOperationMessage } from "./operation-codec.ts";
export {
  fromKeyMessage,
  fromOwnerMessage,
  fromRecordMessage,
  fromStoredRecordMessage,
  toRecordMessage,
  toStoredRecordMessage,
} from "./record-codec.ts";
export { commitIn, storedRecordIn } from "./read-commit.ts";
export {
  fromRequestMessage,
  fromSessionMessage,
  toRequestMessage,
  toSessionMessage,
} from "./session-codec.ts";
export type { ServerAddress, ServerStatus, StatusSource } from "./server-status.ts";
export type { OpenStorageLink, StorageLink } from "./storage-link.ts";
export { connectStorage, type StorageConnection } from "./connect-storage.ts";
export { type StorageLinksConfig, type StorageLinksDeps, storageLinks } from "./open-storage-link.ts";
export type { NextTurn } from "./outbox.ts";
export { MAX_MESSAGE_BYTES, PROTOCOL_VERSION, SESSION_MEGABYTES, STATUS_EVERY_MS } from "./protocol.ts";
export {
  type StorageEndpoint,
  type StorageRoutesConfig,
  type StorageRoutesDeps,
  storageRoutes,
} from "./storage-routes.ts";
export { CommitWriter } from "./write-commit.ts";
