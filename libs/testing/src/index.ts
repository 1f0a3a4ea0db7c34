export { createFaultyTransport, type Faults, type NetworkCall } from "./faulty-transport.ts";
export { seededRandom } from "./seeded-random.ts";
export { createTestServer, type TestServer, type TestServerOptions } from "./test-server.ts";
export { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";
