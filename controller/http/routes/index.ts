import type { Installer } from "../api.ts";
import type { StreamTimes } from "../event-stream.ts";
import type { Metrics } from "../metrics.ts";
import type { Route, RouteContext } from "../route.ts";
import { auditRoutes } from "./audit.ts";
import { backupRoutes } from "./backups.ts";
import { commandRoutes } from "./command.ts";
import { documentRoutes } from "./documents.ts";
import { driftRoutes } from "./drift.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { hostRoutes } from "./hosts.ts";
import { instanceRoutes } from "./instances.ts";
import { manifestRoutes } from "./manifests.ts";
import { planRoutes } from "./plans.ts";
import { queryRoutes } from "./queries.ts";
import { runRoutes } from "./runs.ts";
import { statusRoutes } from "./status.ts";
import { tokenRoutes } from "./tokens.ts";

interface Extras {
  readonly metrics: Metrics;
  readonly streams: StreamTimes;
  readonly installer: Installer | undefined;
  readonly document: () => unknown;
}

/** Every route of the API. */
export const allRoutes = (context: RouteContext, { metrics, streams, installer, document }: Extras): Route[] => [
  ...healthRoutes(context, metrics),
  ...documentRoutes(document, installer),
  ...statusRoutes(context),
  ...manifestRoutes(context),
  ...instanceRoutes(context),
  ...hostRoutes(context),
  ...driftRoutes(context),
  ...planRoutes(context),
  ...runRoutes(context),
  ...eventRoutes(context, streams),
  ...queryRoutes(context),
  ...auditRoutes(context),
  ...tokenRoutes(context),
  ...backupRoutes(context),
  ...commandRoutes(context),
];
