import { access } from "node:fs/promises";
import { updateAgent } from "./actions/agent-update.ts";
import { deleteFile } from "./actions/file-remove.ts";
import { restoreFile } from "./actions/file-restore.ts";
import { writeValues } from "./actions/file-values.ts";
import { writeFile } from "./actions/file-write.ts";
import { setPackage } from "./actions/package-set.ts";
import { upgradePackage } from "./actions/package-upgrade.ts";
import { reloadService } from "./actions/service-reload.ts";
import { restartService } from "./actions/service-restart.ts";
import { setService } from "./actions/service-set.ts";
import { detectPlatform, type Platform } from "./platform/detect.ts";
import { accounts } from "./platform/files/accounts.ts";
import { metricsReader } from "./platform/host/metrics.ts";
import { selfCommand } from "./platform/self.ts";
import { watchLoads } from "./platform/services/loads.ts";
import { probeAgent, watchAgent } from "./probes/agent.ts";
import { probeFile, watchFiles } from "./probes/file.ts";
import { probeHealth } from "./probes/health.ts";
import { probeHost, watchHost } from "./probes/host.ts";
import { probeJournal } from "./probes/journal.ts";
import { watchMetrics } from "./probes/metrics.ts";
import { probeNetwork } from "./probes/network.ts";
import { probeOwned } from "./probes/owned.ts";
import { probePackage, watchPackages } from "./probes/package.ts";
import { probePackages } from "./probes/packages.ts";
import { probeService, watchServices } from "./probes/service.ts";
import { probeServices } from "./probes/services.ts";
import { probeValidate } from "./probes/validate.ts";
import type { Memory } from "./runtime/memory.ts";
import type { OwnAgent } from "./update/own-agent.ts";
import type { LinuxAction, LinuxProbe } from "../schemas/verbs/index.ts";
import type { VerbTable } from "./runtime/verbs.ts";

export interface LinuxOptions {
  /** The agent's state folder; backups lie below it. */
  readonly stateDir: string;
  readonly memory: Memory;
  /** What the agent knows of itself. */
  readonly own: OwnAgent;
  /** How the agent starts itself again; found out where not given. `in-namespace` is added: see platform/in-namespace.ts. */
  readonly self?: readonly string[];
  /** The host's init system and package manager; found out where not given. */
  readonly platform?: Platform;
}

/** Verbs of a real Linux host, and what lets go of its connections. */
export type LinuxVerbs = VerbTable<LinuxProbe, LinuxAction> & { readonly init: Platform["services"]["init"]; close(): Promise<void> };

/** Makes the verb table of this host. */
export async function linuxVerbs(options: LinuxOptions): Promise<LinuxVerbs> {
  const { services, packages } = options.platform ?? (await detectPlatform());
  const loads = await watchLoads(services, options.memory);
  const names = accounts();
  const around = { stateDir: options.stateDir, accounts: names };
  const readMetrics = metricsReader();
  return {
    init: services.init,
    probes: {
      agent: probeAgent(options.own),
      file: probeFile(names),
      health: probeHealth(services),
      host: probeHost({ init: services.init, shuttingDown }),
      journal: probeJournal,
      metrics: () => readMetrics(),
      network: probeNetwork,
      owned: probeOwned,
      package: probePackage(packages),
      packages: probePackages(packages),
      service: probeService(services, loads),
      services: probeServices(services),
      validate: probeValidate({ init: services.init, self: options.self ?? selfCommand() }),
    },
    actions: {
      "agent.update": updateAgent(options.own),
      "file.remove": deleteFile(around),
      "file.restore": restoreFile(around),
      "file.values": writeValues(around),
      "file.write": writeFile(around),
      "package.set": setPackage(packages),
      "package.upgrade": upgradePackage(packages),
      "service.reload": reloadService(services, loads),
      "service.restart": restartService(services, loads),
      "service.set": setService(services, loads),
    },
    watchers: {
      agent: watchAgent(options.own),
      file: (dirty) => watchFiles(dirty, loads),
      host: watchHost,
      metrics: watchMetrics,
      package: watchPackages(packages),
      service: watchServices(services),
    },
    async events(emit) {
      const stops = await Promise.all([services.events?.(emit), packages?.events?.(emit)]);
      return () => {
        for (const stop of stops) stop?.();
      };
    },
    async close() {
      loads.close();
      await services.close();
    },
  };
}

/** Login is forbidden by /run/nologin while a host goes down (pam_nologin(8), systemd-user-sessions). */
const shuttingDown = (): Promise<boolean> =>
  access("/run/nologin").then(
    () => true,
    () => false,
  );
