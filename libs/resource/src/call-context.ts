import type { HandlerContext } from "@connectrpc/connect";

/** A context that makes its signal for the first who asks: that costs as much as a small call. */
export interface LazyContext extends HandlerContext {
  /** Whether the signal is aborted, or would be if there were one. */
  readonly isAborted: boolean;
}

/** Whether a call was told to end, without making a signal for it. */
export function isAborted(context: HandlerContext): boolean {
  return "isAborted" in context ? (context as LazyContext).isAborted : context.signal.aborted;
}
