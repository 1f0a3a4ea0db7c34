export { createGateway, type Gateway, type GatewayBackend, type GatewayDeps } from "./gateway.ts";
