import { RawClient } from "../raw/raw-client.ts";
import { floorLoad } from "./floor-loads.ts";
import { startFloorServer } from "./floor-server.ts";
import { CONNECTIONS } from "./messages.ts";
import type { Row } from "./rows.ts";
import type { Stop, Subject } from "./subject.ts";
import { withClient } from "./with-client.ts";

/** Starts the server of a row, with its log below a directory; `onStarted` is given what ends it. */
export async function startFloorSubject(
  row: Row,
  directory: string,
  onStarted: (stop: Stop) => void,
): Promise<Subject> {
  const server = await startFloorServer(row, directory);
  onStarted(() => server.stop());
  const openLoad = floorLoad(row);
  return {
    name: row,
    processes: () => server.processes(),
    async open() {
      const client = await RawClient.open(server.url, CONNECTIONS);
      return await withClient(client, () => openLoad(client));
    },
  };
}
