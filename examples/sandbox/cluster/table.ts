import { accessEndpoints } from "./access.ts";
import type { Auth } from "./auth.ts";
import { backupJobEndpoints } from "./backup-jobs.ts";
import { backupEndpoints } from "./backup.ts";
import { clusterEndpoints } from "./cluster-endpoints.ts";
import { contentEndpoints } from "./content-endpoints.ts";
import type { Endpoints } from "./endpoint.ts";
import { agentEndpoints } from "./guests/agent.ts";
import { changeEndpoints } from "./guests/change.ts";
import { cloneEndpoints } from "./guests/clone.ts";
import { cloudInitEndpoints } from "./guests/cloud-init.ts";
import { createEndpoints } from "./guests/create.ts";
import { destroyEndpoints } from "./guests/destroy.ts";
import { migrateEndpoints } from "./guests/migrate.ts";
import { powerEndpoints } from "./guests/power.ts";
import { sizeEndpoints } from "./guests/size.ts";
import { snapshotEndpoints } from "./guests/snapshot.ts";
import { statusEndpoints } from "./guests/status.ts";
import { haEndpoints } from "./ha-endpoints.ts";
import { networkEndpoints } from "./network.ts";
import { nodeEndpoints } from "./node-endpoints.ts";
import { poolEndpoints } from "./pools.ts";
import { storageEndpoints } from "./storage-endpoints.ts";
import { taskEndpoints } from "./task-endpoints.ts";

/** Everything that the pretend cluster's API knows. */
export const endpointTable = (auth: Auth): Endpoints => ({
  ...clusterEndpoints,
  ...accessEndpoints(auth),
  ...nodeEndpoints,
  ...taskEndpoints,
  ...networkEndpoints,
  ...storageEndpoints,
  ...contentEndpoints,
  ...backupEndpoints,
  ...backupJobEndpoints,
  ...poolEndpoints,
  ...haEndpoints,
  ...statusEndpoints,
  ...changeEndpoints,
  ...createEndpoints,
  ...powerEndpoints,
  ...cloneEndpoints,
  ...cloudInitEndpoints,
  ...migrateEndpoints,
  ...snapshotEndpoints,
  ...sizeEndpoints,
  ...destroyEndpoints,
  ...agentEndpoints,
});
