export type { RoutingDeps, RoutingEvent } from "./deps.ts";
export { createForwarder, type Forwarder, type ForwarderConfig } from "./forwarder.ts";
export { createOperators, type Operators } from "./operators.ts";
export { createRoutedBackend, type RoutedBackend, type RoutingConfig } from "./routed-backend.ts";
export { createForwardingPart, type ForwardingPart } from "./forwarding-part.ts";
