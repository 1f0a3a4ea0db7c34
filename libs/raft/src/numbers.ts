declare const brand: unique symbol;

/**
 * A number that carries the name of what it counts. A value of one name is not accepted where another is asked for; a plain
 * number (a literal, the result of arithmetic) is, so that `index + 1` needs no ceremony.
 */
type Named<Name extends string> = number & { readonly [brand]?: Name };

/** Identifies a member for ever: a positive safe integer, never reused. 0 stands for nobody, negative values are local threads. */
export type NodeId = Named<"NodeId">;

/** A term: the logical clock of Raft, at most one leader in each (paper §5.1). 0 before the first election. */
export type Term = Named<"Term">;

/** A position in the log, counted from 1. 0 is the empty log. Below 2^53, as are all numbers of this library. */
export type LogIndex = Named<"LogIndex">;

/** Nobody: no leader known, no vote given, no transfer under way. */
export const none: NodeId = 0;

/** The local thread that writes to stable storage, as an address of messages (asynchronous storage writes). */
export const appendThread: NodeId = -1;

/** The local thread that applies committed entries, as an address of messages (asynchronous storage writes). */
export const applyThread: NodeId = -2;

/** True for the addresses of the two local threads, which no network carries. */
export function isLocalThread(id: NodeId): boolean {
  return id === appendThread || id === applyThread;
}

/** Orders ids ascending: the order in which members are visited, so that runs repeat. */
export function ascending(a: number, b: number): number {
  return a - b;
}
