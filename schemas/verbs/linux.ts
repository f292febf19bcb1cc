import { agentProbe, agentUpdate } from "./agent.ts";
import { fileProbe, fileRemove, fileRestore, fileValues, fileWrite, validateProbe } from "./file.ts";
import { healthProbe } from "./health.ts";
import { hostProbe, metricsProbe, networkProbe, ownedProbe } from "./host.ts";
import { journalProbe } from "./journal.ts";
import { packageProbe, packageSet, packagesProbe, packageUpgrade } from "./package.ts";
import { serviceProbe, serviceReload, serviceRestart, serviceSet, servicesProbe } from "./service.ts";

/** Everything that a Linux agent can be asked. */
export const linuxProbes = {
  agent: agentProbe,
  file: fileProbe,
  health: healthProbe,
  host: hostProbe,
  journal: journalProbe,
  metrics: metricsProbe,
  network: networkProbe,
  owned: ownedProbe,
  package: packageProbe,
  packages: packagesProbe,
  service: serviceProbe,
  services: servicesProbe,
  validate: validateProbe,
} as const;

/** Everything that a Linux agent can be told to do: there is no other way to change a host. */
export const linuxActions = {
  "agent.update": agentUpdate,
  "file.remove": fileRemove,
  "file.restore": fileRestore,
  "file.values": fileValues,
  "file.write": fileWrite,
  "package.set": packageSet,
  "package.upgrade": packageUpgrade,
  "service.reload": serviceReload,
  "service.restart": serviceRestart,
  "service.set": serviceSet,
} as const;
