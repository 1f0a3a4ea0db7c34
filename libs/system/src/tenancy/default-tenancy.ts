import type { Client } from "@trellis/client";
import { WriteRequest_Mode } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { DEFAULT_NAMESPACE, DEFAULT_PARTITION, errorReason } from "@trellis/resource";

import { Namespace, Partition } from "../types.ts";

/** Makes the partition `default` and its namespace `default`, unless they are there: whoever comes first does. */
export async function ensureDefaultTenancy(client: Client): Promise<void> {
  await createOnce(() =>
    client.write(
      Partition,
      { name: DEFAULT_PARTITION, data: { description: "Where a blank partition is" } },
      { mode: WriteRequest_Mode.CREATE },
    ),
  );
  await createOnce(() =>
    client.write(
      Namespace,
      {
        name: DEFAULT_NAMESPACE,
        partition: DEFAULT_PARTITION,
        data: { description: "Where a blank namespace is" },
      },
      { mode: WriteRequest_Mode.CREATE },
    ),
  );
}

async function createOnce(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (errorReason(error) !== "ALREADY_EXISTS") throw error;
  }
}
