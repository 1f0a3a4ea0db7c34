import type { ServerProcessId } from "../deployment.ts";
import type { ReadyLoad } from "../loads.ts";

/** What is measured by turns: a row of the floor, or etcd in a scenario of the bench. */
export interface Subject {
  /** The row's, or the scenario's. */
  readonly name: string;
  /** Whose CPU is counted. */
  processes(): readonly ServerProcessId[];
  /** Opens connections for one round, and the load on them. `close` puts both away. */
  open(): Promise<ReadyLoad>;
}

/** Ends the servers of a subject, or of several. */
export type Stop = () => Promise<void>;
