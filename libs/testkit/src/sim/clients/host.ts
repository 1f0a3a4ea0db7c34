import type { SimulatedProcess } from "../world/simulated-process.ts";

/** Whom clients call: what its process does for them, while it runs. */
export interface Host<Service> {
  /** Its machine. */
  readonly name: string;
  readonly process: SimulatedProcess | undefined;
  /** Undefined while nothing listens there. */
  readonly service: Service | undefined;
}
