export { converges, type ConvergenceOptions } from "./converges.ts";
export { createFaultyTransport, type Faults, type NetworkCall } from "./faulty-transport.ts";
export { type RandomFaults, randomFaults, type RandomFaultsOptions } from "./random-faults.ts";
export { seededRandom } from "./seeded-random.ts";
export { createTestServer, type TestServer, type TestServerOptions } from "./test-server.ts";
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from "./virtual-clock.ts";
