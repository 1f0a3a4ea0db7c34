import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { Client as RpcClient } from "@connectrpc/connect";
import type { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type {
  Check,
  DeleteResponse_Outcome,
  ResourceService,
  WatchEvent_Delete_Reason,
  WriteRequest_Mode,
  WriteResponse_Outcome,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { TypeService } from "@trellis/protos/trellis/resource/v1/type_service_pb";
import type { ResourceType, TypedResource } from "@trellis/resource";

/** Names a resource of a known type. Blank tenancy units stand for the caller's default. */
export interface ResourceName {
  readonly name: string;
  readonly partition?: string | undefined;
  readonly namespace?: string | undefined;
  /** Pins one incarnation. */
  readonly uid?: string | undefined;
}

/** A version of a store: how far somebody has seen it. */
export interface StorePosition {
  readonly storeId: string;
  /** Decimal, as the service gives it. */
  readonly version: string;
}

/** Options that all calls share. */
export interface CallOptions {
  /** Ends the call, whatever it waits for. */
  readonly signal?: AbortSignal | undefined;
  /** The deadline in milliseconds from now, over all tries and all pages; the client's when absent. */
  readonly timeoutMs?: number | undefined;
  /** Told the store and the version that the answer shows; for a mutation, the one that it made. */
  readonly onPosition?: ((position: StorePosition) => void) | undefined;
}

/** Options of reads. `strong` is linearizable; `eventual` (the default) still never shows less than this client has seen. */
export interface ReadOptions extends CallOptions {
  readonly consistency?: "eventual" | "strong" | undefined;
}

/** What to list or watch. `*` as partition or namespace spans all; absent everywhere: the caller's default (list), everything (watch). */
export interface ListQuery {
  readonly partition?: string | undefined;
  readonly namespace?: string | undefined;
  readonly namePrefix?: string | undefined;
  /** Terms on metadata (`a=b,c!=d,e in (x,y),f,!g`). */
  readonly selector?: string | undefined;
}

/** Options of lists. */
export interface ListOptions extends ReadOptions {
  /** Resources per page; the server decides when absent. */
  readonly pageSize?: number | undefined;
  /** Called when the version that the pages show is gone, and the list goes on in the present. */
  readonly onRestart?: (() => void) | undefined;
}

/** What to write. */
export interface WriteInput<Desc extends DescMessage> extends ResourceName {
  readonly owner?: TypedResource["owner"];
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly data?: MessageInitShape<Desc> | undefined;
  /** Writes only over exactly this version. */
  readonly version?: string | undefined;
}

/** Options of mutations. */
export interface WriteOptions extends CallOptions {
  readonly dryRun?: boolean | undefined;
  readonly mode?: WriteRequest_Mode | undefined;
  readonly preconditions?: readonly Check[] | undefined;
}

/** What a write did. */
export interface WriteResult<Desc extends DescMessage> {
  readonly resource: TypedResource<Desc>;
  readonly outcome: WriteResponse_Outcome;
}

/** One observation to write; named so that true is the healthy state. */
export interface ConditionInput {
  readonly type: string;
  readonly state: Condition_State;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly resource?: TypedResource["id"] | undefined;
}

/** A status to write under a key that one controller owns. */
export interface StatusInput {
  readonly key: string;
  readonly observedGeneration: string;
  readonly conditions: readonly ConditionInput[];
}

/** What a watch yields. It resumes behind the scenes; after a gap it lists again and synthesizes the deletes that it missed. */
export type WatchItem<Desc extends DescMessage> =
  | { readonly kind: "upsert"; readonly resource: TypedResource<Desc> }
  | {
      readonly kind: "delete";
      readonly resource: TypedResource<Desc>;
      readonly reason: WatchEvent_Delete_Reason;
    }
  | { readonly kind: "endOfSnapshot" };

/** Options of watches. */
export interface WatchOptions {
  /** Ends the watch: the iteration is then done. */
  readonly signal?: AbortSignal | undefined;
  /** Only this name; excludes the query's prefix. */
  readonly name?: string | undefined;
  /** Told how far the watch has come, once everything up to there has been yielded and taken. */
  readonly onPosition?: ((position: StorePosition) => void) | undefined;
  /** Told why the watch was cut, each time before it is opened again. */
  readonly onInterrupt?: ((error: unknown) => void) | undefined;
  /**
   * Given a function that has the watch come to the present soon: to everything that this client has seen by then. On its own a watch tells how far it has come with
   * what it tells, and while nothing changes only every now and then. Its stream is resumed for that, and nothing is told twice.
   */
  readonly onRefresher?: ((refresh: () => void) => void) | undefined;
  /**
   * What is yielded of a resource that came or changed, and what the watch itself keeps of it: all of it when absent. Must leave its id and version as they are. A
   * delete may yield the whole resource.
   */
  readonly transform?: ((resource: TypedResource) => TypedResource) | undefined;
}

/**
 * The typed client of a Trellis server. Errors are ConnectErrors; `errorReason` of `@trellis/resource` reads their reason. Reads
 * through one client never show less than that client wrote or saw before.
 */
export interface Client {
  /** Reads one resource. Throws `not_found`. */
  read<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    name: ResourceName,
    options?: ReadOptions,
  ): Promise<TypedResource<Desc>>;
  /** Reads one resource, or undefined when it is not there. */
  find<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    name: ResourceName,
    options?: ReadOptions,
  ): Promise<TypedResource<Desc> | undefined>;
  /** Lists, page by page behind the scenes, all of one version unless `onRestart` tells that it is gone. */
  list<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    query?: ListQuery,
    options?: ListOptions,
  ): AsyncIterable<TypedResource<Desc>>;
  /** Creates or replaces; `version` in the input compares. */
  write<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    input: WriteInput<Desc>,
    options?: WriteOptions,
  ): Promise<WriteResult<Desc>>;
  /** Replaces one status; `resource` pins the uid, and its version when `compareVersion`. */
  writeStatus<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    resource: TypedResource<Desc>,
    status: StatusInput,
    options?: CallOptions & { readonly compareVersion?: boolean },
  ): Promise<TypedResource<Desc>>;
  /** Deletes, or marks when there are finalizers; absent is success. */
  delete<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    name: ResourceName,
    options?: WriteOptions & { readonly version?: string | undefined },
  ): Promise<DeleteResponse_Outcome>;
  /**
   * Watches, resuming behind the scenes, until the signal or the end of the loop (`break`, `return`) ends it. Throws only what another try would meet
   * again: a type that is not registered, a right that is missing, data that is not of the type. Each iteration is a watch of its own.
   */
  watch<Desc extends DescMessage>(
    type: ResourceType<Desc>,
    query?: ListQuery,
    options?: WatchOptions,
  ): AsyncIterable<WatchItem<Desc>>;
  /** The methods as the protocol has them, with this client's consistency mark. */
  readonly resources: RpcClient<typeof ResourceService>;
  readonly types: RpcClient<typeof TypeService>;
}
