/** The process of one row's server: is given the row and where its log is to be, and tells its parent where it listens. */
import type { AddressInfo } from "node:net";

import { isRow, ROW_NAMES } from "../rows.ts";
import type { ReportOfStart } from "./report-of-start.ts";
import { SERVERS } from "./servers.ts";

const HOST = "127.0.0.1";
const [row = "", log = ""] = process.argv.slice(2);

// Nobody needs it any more, and nobody else would end it.
process.once("disconnect", () => process.exit());
try {
  if (!isRow(row)) throw new Error(`expected a row of ${ROW_NAMES.join(", ")}; found "${row}"`);
  const server = SERVERS[row](log);
  server.listen(0, HOST, () => {
    const { port } = server.address() as AddressInfo;
    tell({ url: `http://${HOST}:${port}` });
  });
} catch (error) {
  tell({ failure: (error as Error).message });
}

function tell(report: ReportOfStart): void {
  process.send?.(report);
}
