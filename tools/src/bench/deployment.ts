/** The systems that are compared. */
export type System = "trellis" | "etcd";

/** How a system is set up: one process, a gateway before one storage node, three nodes that clients enter, a gateway before three nodes. */
export type Shape = "standalone" | "gateway" | "cluster" | "split";

/** A process of a system. */
export interface ServerProcessId {
  /** What the table calls it: `node-1`. */
  readonly name: string;
  readonly pid: number;
}

/** A storage node, by its process's name. */
export interface NodeUrl {
  readonly name: string;
  readonly url: string;
}

/** A system that runs, and where clients enter it. */
export interface Deployment {
  readonly url: string;
  /** Where each storage node is asked about the cluster; of a cluster only. */
  readonly nodes?: readonly NodeUrl[];
  /** All processes that work for the clients; asked again before each measurement. */
  processes(): readonly ServerProcessId[];
  /** Starts the processes anew over the same data; only where that makes a difference to what is measured. */
  restart?(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a system with its data below a directory, and resolves when it answers. */
export type Start = (directory: string) => Promise<Deployment>;
