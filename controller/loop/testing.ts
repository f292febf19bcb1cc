import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { breakSomething } from "../../examples/sandbox/faults.ts";
import { type FleetHost, pretendFleet } from "../../examples/sandbox/fleet.ts";
import { runFleet } from "../../examples/sandbox/agents.ts";
import type { PretendHost } from "../../examples/sandbox/pretend-host.ts";
import type { FactReport } from "../../schemas/report.ts";
import { allowedAgents } from "../hub/allowed-agents.ts";
import { machineClock } from "../hub/clock.ts";
import { createHub, type Hub } from "../hub/hub.ts";
import { initKeys, loadKeys } from "../hub/keys.ts";
import { kinds } from "../kinds/index.ts";
import { ageIdentity } from "../repo/identity.ts";
import { openRepository } from "../repo/open.ts";
import { type Bench, temporaryRepository } from "../repo/testing.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import type { Caller, Controller } from "./controller.ts";
import { fleetStateOf } from "./fleet-state.ts";
import { gitWorkspace } from "./git-workspace.ts";
import { agentsOf } from "./hub-agents.ts";
import { createLoop, type Loop } from "./loop.ts";
import type { Log } from "./ports.ts";
import type { ExecuteLimits } from "./executor-options.ts";

/** The real loop over a real store, a real repository, the real hub and real agents of pretend hosts, all in this process. */
export interface Stage {
  readonly repo: Bench;
  readonly store: Store;
  readonly hub: Hub;
  readonly hosts: ReadonlyMap<string, PretendHost>;
  /** Ids of steps as they were handed to agents, in order. */
  readonly sent: string[];
  /** What was logged, as lines of JSON. */
  readonly logged: string[];
  /** For whom secrets are encrypted. */
  readonly recipient: string;
  controller: Controller;
  /** Milliseconds by which the controller's clock is wrong. */
  clockJump: number;
  break(host: string, what: string): Promise<void>;
  /** What a host would do that claims to have done a step. */
  forge(host: string, step: string): Promise<void>;
  /** What a host would say that is out of its mind. */
  report(host: string, facts: readonly FactReport[]): Promise<unknown>;
  /** Ends the controller without a word, as SIGKILL does: what it has not stored is gone. */
  kill(): void;
  /** A controller on what the one before left behind. */
  restart(): Promise<void>;
}

export interface StageOptions {
  readonly files: Readonly<Record<string, string>>;
  /** Names of hosts such as web-01 with their tags; by default web-01, without any. */
  readonly hosts?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly limits?: Partial<ExecuteLimits> | undefined;
  /** Wraps the store that the loop works with, once for each start. */
  readonly store?: ((store: Store) => Store) | undefined;
}

export const ann: Caller = { name: "ann", role: "admin" };
export const bob: Caller = { name: "bob", role: "approver" };

/** A service of the sandbox's web servers as a manifest. */
export const service = (name: string, spec: string, on = "name=web-*"): string =>
  `apiVersion: backend-ai/v1\nkind: Service\nmetadata: { name: ${name} }\nspec:\n  on: ${on}\n  unit: ${name}.service\n${indent(spec)}`;
export const file = (name: string, path: string, spec: string, on = "name=web-*"): string =>
  `apiVersion: backend-ai/v1\nkind: File\nmetadata: { name: ${name} }\nspec:\n  on: ${on}\n  path: ${path}\n${indent(spec)}`;
export const policy = (name: string, spec: string, on = '"*"'): string =>
  `apiVersion: backend-ai/v1\nkind: Policy\nmetadata: { name: ${name} }\nspec:\n  on: ${on}\n${indent(spec)}`;
const indent = (text: string): string => `${text.trim().replaceAll(/^/gm, "  ")}\n`;

/** Resolves once it holds; throws with what was told last where it does not within ten seconds. */
export async function until<T>(holds: () => T | Promise<T>, what: () => unknown = () => ""): Promise<NonNullable<T>> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const found = await holds();
    if (found !== undefined && found !== false && found !== null) return found as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`it never came about: ${holds.toString()}; ${JSON.stringify(what())}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Every host answered, nothing differs, nothing runs and nothing waits. */
export const inSync = (stage: Stage): Promise<boolean> =>
  until(
    () => {
      const { instances, running, pendingPlan, waiting } = stage.controller.status(),
        { inSync: good, ...others } = instances;
      return (
        good > 0 &&
        Object.values(others).every((count) => count === 0) &&
        running.length === 0 &&
        pendingPlan === null &&
        waiting === undefined
      );
    },
    () => ({
      ...stage.controller.status(),
      open: stage.controller.resources().flatMap(({ instances }) => instances.filter(({ state }) => state !== "in-sync")),
      logged: stage.logged.slice(-5),
    }),
  );

/** The digest of the plan that waits for a yes. */
export const waitingPlan = (stage: Stage, except?: string): Promise<string> =>
  until(
    () => {
      const { pendingPlan, instances } = stage.controller.status();
      return instances.unknown === 0 && pendingPlan !== except ? pendingPlan : null;
    },
    () => stage.controller.status(),
  );

export async function stageFor(options: StageOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "backend-ai-loop-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const repo = await temporaryRepository(options.files),
    store = openStore(":memory:");
  await initKeys(join(folder, "keys"), Date.now());
  const keys = await loadKeys(join(folder, "keys"), {}),
    age = await ageIdentity(join(folder, "age.key"));
  const logged: string[] = [],
    sent: string[] = [];
  const line =
    (level: string) =>
    (fields: object, text: string): void =>
      void logged.push(JSON.stringify({ level, ...fields, text }));
  const log: Log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  let madeUp = 1_000_000,
    loop: Loop | undefined,
    life = { dead: true };
  const alive = (): Loop => {
    if (loop === undefined || life.dead) throw new Error("the controller is not running");
    return loop;
  };
  const hub = await createHub({
    registry: store.agents,
    keys,
    clock: { now: () => now(), mono: machineClock.mono },
    log: { ...log, error: log.warn },
    allowed: allowedAgents(undefined),
    events: {
      onReport: async (agent, report) => void (await alive().onReport(agent.id, agent.host, report)),
      onResult: async (agent, { step, result, facts }) => alive().onResult(agent.host, step, result, facts),
      onProgress: (agent, { step, text }) => (life.dead ? undefined : loop?.onProgress(agent.host, step, text)),
      onAgentState: (agent) => (life.dead ? undefined : loop?.onAgentState(fleetStateOf(agent))),
      onEvent: (event) =>
        life.dead ? undefined : loop?.tell({ type: event.type, host: event.host, about: event.agent, text: event.text }),
    },
  });
  const stage: Stage = {
    repo,
    store,
    hub,
    hosts: new Map(),
    sent,
    logged,
    recipient: age.recipient,
    controller: undefined as never,
    clockJump: 0,
    async break(host, what) {
      await breakSomething(stage.hosts.get(host)!, what);
    },
    forge: (host, step) => alive().onResult(host, step, { outcome: "done", ms: 1 }, []),
    report: (host, facts) => alive().onReport(hub.agentOf(host)?.id ?? "", host, { seq: ++madeUp, facts, events: [] }),
    kill() {
      life.dead = true;
    },
    restart: start,
  };
  const now = (): number => Date.now() + stage.clockJump;
  async function start(): Promise<void> {
    const mine = { dead: false };
    life = mine;
    const { repository } = await openRepository(repo.dir);
    const workspace = gitWorkspace({ repository, kinds, identity: age.identity, sealKey: keys.sealKey, tell: () => undefined, now });
    const agents = agentsOf(hub, keys.controller, now);
    const used = mortal(options.store?.(store) ?? store, mine);
    loop = createLoop({
      id: keys.controller,
      version: "0",
      store: used,
      agents: {
        ...agents,
        isOnline: (host) => !mine.dead && agents.isOnline(host),
        async sendStep(host, order) {
          if (mine.dead) return;
          sent.push(order.id);
          await agents.sendStep(host, order);
        },
        setWatch: (host, asks) => (mine.dead ? undefined : agents.setWatch(host, asks)),
      },
      workspace,
      limits: { perHost: 1, overall: 100, hostPatienceMs: 900_000, ...options.limits },
      log,
      now,
      revokeAgent: async (host, by) => {
        const agent = hub.agents().find((one) => one.host === host);
        return agent !== undefined && hub.revoke(agent.id, by);
      },
      enrolToken: () => Promise.reject(new Error("not here")),
    });
    stage.controller = loop.controller;
    const started = loop;
    onTestFinished(async () => {
      mine.dead = false;
      await started.stop();
      await workspace.close();
    });
    await loop.start(hub.agents().map((agent) => fleetStateOf(agent)));
  }
  onTestFinished(async () => {
    await store.close();
  });
  onTestFinished(() => hub.close());
  await start();
  const wanted = options.hosts ?? { "web-01": [] };
  const fleet = pretendFleet({ hosts: 30, seed: 7, metricsEveryMs: 0 });
  const members = fleet.hosts.flatMap((one): FleetHost[] => {
    const tags = wanted[one.host.name];
    return tags === undefined ? [] : [{ ...one, tags, labels: {} }];
  });
  Object.assign(stage, { hosts: new Map(members.map(({ host }) => [host.name, host])) });
  const agents = await runFleet(members, hub);
  onTestFinished(() => agents.stop());
  return stage;
}

/** A store whose every write fails once its user is dead. */
function mortal(store: Store, life: { readonly dead: boolean }): Store {
  const wrap = <T extends object>(part: T): T =>
    new Proxy(part, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) =>
          life.dead ? Promise.reject(new Error("the controller was killed")) : (member as (...args: unknown[]) => unknown)(...args);
      },
    });
  return new Proxy(store, {
    get(target, name) {
      const part = Reflect.get(target, name) as unknown;
      return typeof part === "object" && part !== null ? wrap(part) : part;
    },
  });
}
