import { type Client, withPreconditions } from "@trellis/client";

import type { ControllerPlacement } from "../controller.ts";

/** A write of a controller that runs in every process, which was not sent: the others would make it too. */
export class UnleasedWriteError extends Error {
  override readonly name = "UnleasedWriteError";

  constructor() {
    super(
      "nothing was sent: a controller with the placement everyMember runs in several processes at once, and its writes would race; place it as a singleton, or let it write with everyMember({ writes: true })",
    );
  }
}

/** What a controller works with that runs without a lease: one that runs in each process writes only if it was defined to. */
export function memberClient(client: Client, placement: ControllerPlacement | undefined): Client {
  return isReadOnly(placement)
    ? withPreconditions(client, () => {
        throw new UnleasedWriteError();
      })
    : client;
}

function isReadOnly(placement: ControllerPlacement | undefined): boolean {
  if (placement === "everyMember") return true;
  return typeof placement === "object" && placement.kind === "everyMember" && !placement.writes;
}
