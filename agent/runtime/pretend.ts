import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { askKey } from "../../schemas/canonical.ts";
import type { AgentMessage, StepOrder } from "../../schemas/protocol.ts";
import type { FactReport } from "../../schemas/report.ts";
import { actions, probes } from "../../schemas/verbs/index.ts";
import { type Agent, type AgentParts, runAgent } from "./agent.ts";
import { hostClock } from "./clock.ts";
import { linkedPair } from "./linked-pair.ts";
import { silent } from "./log.ts";
import type { Dial, Transport } from "./transport.ts";
import type { Dirty, Verbs } from "./verbs.ts";
import { volatileMemory } from "./volatile-memory.ts";
import { volatileSpool } from "./spool.ts";

type Of<T extends AgentMessage["type"]> = Extract<AgentMessage, { type: T }>;

/** A controller's side of the protocol for tests: it keeps what it is told and can be taken away. */
export class PretendHub {
  readonly #keys = generateKeyPairSync("ed25519");
  readonly #changes = new EventEmitter();
  #transport: Transport | undefined;
  online = true;
  /** Stop acknowledging to see what is sent again. */
  acknowledges = true;
  acked = 0;
  hellos = 0;
  dials = 0;
  readonly said: AgentMessage[] = [];

  readonly dial: Dial = () => {
    this.dials += 1;
    if (!this.online) return Promise.reject(new Error("connection refused"));
    const [agent, hub] = linkedPair();
    hub.onMessage((text) => this.#take(hub, JSON.parse(text) as AgentMessage));
    hub.onClose(() => this.#changes.emit("change"));
    return Promise.resolve(agent);
  };

  get publicKey(): string {
    return (this.#keys.publicKey.export({ format: "jwk" }) as { x: string }).x;
  }

  #take(hub: Transport, message: AgentMessage): void {
    this.said.push(message);
    if (message.type === "hello") {
      this.hellos += 1;
      this.#transport = hub;
      this.send({
        type: "welcome",
        protocol: 1,
        controller: "c1",
        time: Date.now(),
        sealKey: Buffer.alloc(32, 7).toString("base64"),
        acked: this.acked,
        host: "web-1",
      });
    }
    if (this.acknowledges && message.type === "report") this.send({ type: "ack", seq: (this.acked = Math.max(this.acked, message.seq)) });
    if (this.acknowledges && message.type === "result") this.send({ type: "result-ack", step: message.step });
    this.#changes.emit("change");
  }

  send(message: unknown): void {
    this.raw(JSON.stringify(message));
  }

  raw(text: string): void {
    this.#transport?.send(text);
  }

  /** Breaks the connection; `online` says whether the next one comes about. */
  cut(): void {
    this.#transport?.close("cut");
    this.#transport = undefined;
  }

  step(order: Partial<StepOrder>, key: KeyObject = this.#keys.privateKey): void {
    const full = {
      controller: "c1",
      host: "web-1",
      agent: "a1",
      step: "Service/nginx@web-1#1",
      deadline: Date.now() + 60_000,
      timeoutMs: 5000,
      action: "service.set",
      input: { unit: "nginx.service", active: true },
      ...order,
    };
    const text = JSON.stringify(full);
    this.send({ type: "step", order: text, signature: sign(null, Buffer.from(text), key).toString("base64") });
  }

  of<T extends AgentMessage["type"]>(type: T): Of<T>[] {
    return this.said.filter((message): message is Of<T> => message.type === type);
  }

  results(step = "Service/nginx@web-1#1"): Of<"result">[] {
    return this.of("result").filter((message) => message.step === step);
  }

  /** Facts in the order of arrival. */
  facts(): FactReport[] {
    return this.of("report").flatMap((message) => message.facts);
  }

  latest(probe: string, input: unknown): FactReport | undefined {
    return this.facts().findLast((fact) => askKey(fact.ask) === askKey({ probe, input }));
  }

  /** Resolves once this holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#changes, "change");
  }

  /** Resolves once the agent has worked off everything that was sent to it before. */
  async settled(): Promise<void> {
    const id = `settled-${Math.random()}`;
    this.send({ type: "query", id, ask: { probe: "no-such-probe", input: {} }, timeoutMs: 1000 });
    await this.until(() => this.of("answer").some((answer) => answer.query === id));
  }
}

interface ToyService {
  active: "active" | "inactive";
  invocation: string;
  /** Reloads since the start, and how the last one ended. */
  reloads?: number;
  reload?: string;
  changing?: boolean;
}

/** A host of a few services and files, which counts what is done to it. */
export class ToyHost {
  readonly services = new Map<string, ToyService>([["nginx.service", { active: "inactive", invocation: "1" }]]);
  readonly files = new Map<string, string>();
  acted: string[] = [];
  probed = 0;
  /** Called within an action, after its effect; lets a test hold or break it. */
  during: (action: string) => Promise<void> = () => Promise.resolve();
  #dirtyService: Dirty<"service"> | undefined;

  touch(unit: string, change: Partial<ToyService>): void {
    Object.assign(this.services.get(unit)!, change);
    this.#dirtyService?.({ unit }, { who: "alice", how: "systemctl" });
  }

  readonly verbs: Verbs = {
    probes: complete<Verbs["probes"]>(Object.keys(probes), {
      service: async ({ unit }) => {
        this.probed += 1;
        const known: ToyService = this.services.get(unit) ?? { active: "inactive", invocation: "" };
        const { active, invocation, changing = false, reload = "success" } = known;
        const load = this.services.has(unit) ? "loaded" : "not-found";
        return { unit, load, active, invocation, enabled: "enabled", changing, reload, loads: `${invocation} ${known.reloads ?? 0}` };
      },
      file: async ({ path }) => ({
        path,
        type: this.files.has(path) ? "file" : "missing",
        ...(this.files.has(path) ? { text: this.files.get(path)! } : {}),
      }),
    }),
    actions: complete<Verbs["actions"]>(Object.keys(actions), {
      "service.set": async ({ unit, active }) => {
        this.acted.push(`set ${unit} ${active}`);
        this.services.get(unit)!.active = active === true ? "active" : "inactive";
        await this.during("service.set");
        return "ok";
      },
      "service.restart": async ({ unit }) => {
        this.acted.push(`restart ${unit}`);
        const service = this.services.get(unit)!;
        service.invocation = String(Number(service.invocation) + 1);
        await this.during("service.restart");
        return undefined;
      },
      "service.reload": async ({ unit }) => {
        this.acted.push(`reload ${unit}`);
        const service = this.services.get(unit)!;
        service.reloads = (service.reloads ?? 0) + 1;
        await this.during("service.reload");
        return undefined;
      },
      "file.write": async ({ path, content }) => {
        this.acted.push(`write ${path}`);
        this.files.set(path, content ?? "");
        await this.during("file.write");
        return undefined;
      },
    }),
    watchers: {
      service: async (dirty) => {
        this.#dirtyService = dirty;
        return { set: () => Promise.resolve(), close: () => Promise.resolve() };
      },
    },
  };
}

/** A table of handlers in which those that are not given fail. */
const complete = <T>(names: readonly string[], given: Partial<T>): T =>
  ({ ...Object.fromEntries(names.map((name) => [name, () => Promise.reject(new Error(`${name}: not on this host`))])), ...given }) as T;

/** Starts an agent of a pretend host under a pretend hub; parts can be replaced. */
export const startAgent = (hub: PretendHub, host: ToyHost, parts: Partial<AgentParts> = {}): Promise<Agent> =>
  runAgent({
    controllers: ["https://controller.test:3001"],
    allowance: { verbs: ["*"], allowPaths: [], denyPaths: [], ownPaths: [] },
    identity: { agent: "a1", host: "web-1", controller: "c1", controllerKey: hub.publicKey },
    sign: (purpose, nonce) => `${purpose} ${nonce}`,
    machine: { machineId: "m1", bootId: "b1", platform: { os: "linux", arch: "x64", init: "systemd", libc: "glibc" } },
    version: "0.1.0",
    verbs: host.verbs,
    memory: volatileMemory(hostClock),
    spool: volatileSpool(),
    dial: hub.dial,
    resolve: (path) => Promise.resolve(path),
    clock: hostClock,
    log: silent,
    settleMs: 100,
    ...parts,
  });
