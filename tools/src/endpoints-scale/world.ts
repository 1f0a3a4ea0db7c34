import { HealthStatus, Service, Workload } from "@trellis/catalog";
import { type ConnectedClient } from "@trellis/client/node";
import { Health } from "@trellis/protos/trellis/catalog/v1/health_pb";
import type { ServiceEndpoints } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";
import type { TypedResource } from "@trellis/resource";

/** Calls under way while the world is made. */
const FILL_CALLS = 64;
/** Whose work is over when one of it fails: the writes of a world are all there, or it is none. */
const TEAM = { team: "endpoints-scale" };

/** How a workload should be seen behind its service. */
interface WorkloadState {
  address: number;
  health: Health;
  /** Where its check hangs. */
  owner: TypedResource["id"] | undefined;
}

/** How large a world is. */
export interface WorldSize {
  readonly workloads: number;
  readonly services: number;
}

/** Services that select workloads by the prefix of their names, each as many; and what their endpoints must be, by what was acknowledged. */
export class World {
  readonly size: WorldSize;
  readonly #workloads: WorkloadState[];

  constructor(size: WorldSize) {
    this.size = size;
    this.#workloads = Array.from({ length: size.workloads }, () => {
      return { address: 0, health: Health.PASSING, owner: undefined };
    });
  }

  /** Writes all of it. */
  async create(client: ConnectedClient): Promise<void> {
    const tasks = [
      ...Array.from(
        { length: this.size.services },
        (_, service) => () => this.#writeService(client, service),
      ),
      ...this.#workloads.map((_, workload) => () => this.#move(client, workload)),
    ];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < tasks.length) await tasks[next++]?.();
    };
    await Promise.all(Array.from({ length: FILL_CALLS }, work));
  }

  /** Changes one workload: its address, or what its check says when `kind` is that. Resolves when it is acknowledged. */
  async change(client: ConnectedClient, workload: number, kind: "address" | "health"): Promise<void> {
    if (kind === "address") await this.#move(client, workload);
    else await this.#check(client, workload);
  }

  /** What the endpoints of a service must be: a text that {@link endpointsText} gives of what is stored. */
  expected(service: number): string {
    const lines: string[] = [];
    for (let workload = service; workload < this.size.workloads; workload += this.size.services) {
      const { address, health } = this.#state(workload);
      lines.push(`${this.#workloadName(workload)} ${host(address)} ${health}`);
    }
    return lines.sort().join("\n");
  }

  async #writeService(client: ConnectedClient, service: number): Promise<void> {
    await client.write(Service, {
      name: serviceName(service),
      metadata: TEAM,
      data: { workloads: { prefixes: [`${serviceName(service)}-`] }, ports: [{ targetPort: "http" }] },
    });
  }

  async #move(client: ConnectedClient, workload: number): Promise<void> {
    const state = this.#state(workload);
    const address = state.address + 1;
    const { resource } = await client.write(Workload, {
      name: this.#workloadName(workload),
      metadata: TEAM,
      data: { addresses: [{ host: host(address) }], ports: { http: { port: 8_080 } } },
    });
    state.address = address;
    state.owner = resource.id;
  }

  async #check(client: ConnectedClient, workload: number): Promise<void> {
    const state = this.#state(workload);
    const health = state.health === Health.PASSING ? Health.CRITICAL : Health.PASSING;
    await client.write(HealthStatus, {
      name: this.#workloadName(workload),
      owner: state.owner,
      metadata: TEAM,
      data: { type: "http", status: health },
    });
    state.health = health;
  }

  #state(workload: number): WorkloadState {
    const state = this.#workloads[workload];
    if (state === undefined) throw new Error(`no workload ${workload} of ${this.size.workloads}`);
    return state;
  }

  #workloadName(workload: number): string {
    return `${serviceName(workload % this.size.services)}-${String(workload).padStart(5, "0")}`;
  }
}

/** The name of a service, which its endpoints have too. */
export function serviceName(service: number): string {
  return `service-${String(service).padStart(3, "0")}`;
}

/** Endpoints as a text that is equal for equal ones: a line for each workload, its address, its health. */
export function endpointsText({ endpoints }: ServiceEndpoints): string {
  return endpoints
    .map(
      ({ targetRef, addresses, healthStatus }) => `${targetRef?.name} ${addresses[0]?.host} ${healthStatus}`,
    )
    .sort()
    .join("\n");
}

/** The address number so and so. */
function host(address: number): string {
  return `10.${(address >> 16) & 255}.${(address >> 8) & 255}.${address & 255}`;
}
