import { Health, HealthSchema } from "@trellis/protos/trellis/catalog/v1/health_pb";
import type { Status } from "@trellis/protos/trellis/resource/v1/resource_pb";

/** The condition that tells a health: TRUE only for PASSING; its reason is the health's name in the proto. */
export const HEALTHY_CONDITION = "healthy";

/** What a health controller found. */
export interface HealthFinding {
  readonly health: Health;
  /** Which checks pass and which do not, for people. */
  readonly message: string;
}

/** The worst of several healths; PASSING when there are none. MAINTENANCE is the worst of all. */
export function worstHealth(healths: Iterable<Health>): Health {
  let worst: Health = Health.PASSING;
  for (const health of healths) if (health > worst) worst = health;
  return worst;
}

/** The condition that tells a finding, as `status.set` takes it. */
export function healthyCondition({ health, message }: HealthFinding) {
  return [HEALTHY_CONDITION, health === Health.PASSING, { reason: healthName(health), message }] as const;
}

/** The health that a status tells by its `healthy` condition; undefined when it tells none. */
export function healthOf(status: Status | undefined): Health | undefined {
  const reason = status?.conditions.find(({ type }) => type === HEALTHY_CONDITION)?.reason;
  return healthsByName.get(reason ?? "");
}

/** A health's name in the proto ("HEALTH_WARNING"). */
function healthName(health: Health): string {
  return HealthSchema.value[health]?.name ?? String(health);
}

/** The healths that an answer may be: all but ANY. */
const healthsByName: ReadonlyMap<string, Health> = new Map(
  [Health.PASSING, Health.WARNING, Health.CRITICAL, Health.MAINTENANCE].map((health) => [
    healthName(health),
    health,
  ]),
);
