import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { LogStoreKind } from "./log-store.ts";

/** The SQLite inside Node: a table by index, each batch one transaction. `FULL` syncs its write-ahead log at every commit; checkpoints come by themselves. */
export const sqlite: LogStoreKind = {
  name: "node:sqlite, WAL, FULL",
  async open(directory) {
    const database = new DatabaseSync(join(directory, "log.sqlite"));
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE log (position INTEGER PRIMARY KEY, term INTEGER NOT NULL, bytes BLOB NOT NULL)`);
    const begin = database.prepare("BEGIN IMMEDIATE");
    const insert = database.prepare("INSERT INTO log VALUES (?, 1, ?)");
    const drop = database.prepare("DELETE FROM log WHERE position < ?");
    const commit = database.prepare("COMMIT");
    return {
      async append(firstIndex, entries) {
        begin.run();
        for (const [position, bytes] of entries.entries()) insert.run(firstIndex + position, bytes);
        commit.run();
      },
      async dropBefore(index) {
        drop.run(index);
      },
      async close() {
        database.close();
      },
    };
  },
};
