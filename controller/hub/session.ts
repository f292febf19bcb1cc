import type { Static } from "typebox";
import type { Ask } from "../../schemas/contract.ts";
import { error, type Problem } from "../../schemas/problem.ts";
import type {
  AgentMessage,
  ControllerMessage,
  Hello,
  Pong,
  ProblemMessage,
  Progress,
  Renewal,
  Report,
  Result,
} from "../../schemas/protocol.ts";
import { maxMessage, protocolVersion } from "../../schemas/protocol.ts";
import type { CloseReason, Transport } from "../../schemas/transport.ts";
import { Bucket } from "./bucket.ts";
import type { HubClock } from "./clock.ts";
import { ClockOffset } from "./clock-offset.ts";
import { Inbox } from "./inbox.ts";
import { helloProtocol, readIncoming } from "./incoming.ts";
import { Queries } from "./queries.ts";
import type { SessionLimits } from "./session-limits.ts";

/** What a session asks of the hub, which is one for all sessions. */
export interface SessionOwner {
  readonly clock: HubClock;
  readonly limits: SessionLimits;
  /** The agent said hello in our version: the welcome, or why it cannot be let in. */
  hello(session: Session, hello: Static<typeof Hello>): ControllerMessage | { readonly close: CloseReason; readonly problem: Problem };
  /** It was welcomed, or is of another version: `session.phase` says which. */
  entered(session: Session): void;
  /** Highest stored report number of the agent. */
  acked(agent: string): number;
  /** Both resolve once what came is stored. */
  report(session: Session, report: Static<typeof Report>): Promise<void>;
  result(session: Session, result: Static<typeof Result>): Promise<void>;
  progress(session: Session, progress: Static<typeof Progress>): void;
  problem(session: Session, message: Static<typeof ProblemMessage>): void;
  /** The session is to be asked `resume` now and then until that says true. */
  held(session: Session): void;
  lateness(session: Session): void;
  nonce(agent: string): string;
  signed(agent: string, nonce: string, signature: string): boolean;
  closed(session: Session, reason: string): void;
}

const never = Number.POSITIVE_INFINITY;
const maxHello = 64 * 1024;
const notHello = error("protocol/no-hello", "Unable to use the message: the first one has to be a hello of at most 64 KiB");

/** One connection of one agent, from its first message to its end. It has no timers of its own: the hub calls `tick`. */
export class Session {
  readonly agent: string;
  /** Where it came from, for people. */
  readonly address: string | undefined;
  /** What carries it, for people; absent: a WebSocket, or a pair in this process. */
  readonly carrier: string | undefined;
  phase: "greeting" | "ready" | "incompatible" | "closed" = "greeting";
  /** The hello's protocol number, where it is not ours. */
  otherProtocol: number | undefined;
  late = false;
  readonly offset = new ClockOffset();

  readonly #transport: Transport;
  readonly #owner: SessionOwner;
  readonly #bucket: Bucket;
  readonly #openedAt: number;
  #until: number;
  #heardAt: number;
  #pingId = 0;
  #pingAt = -never;
  #pingNow = 0;
  #pongPending = false;
  #nonce: string | undefined;
  #violations = 0;
  #violatedAt = 0;
  #isHeld = false;
  readonly #inbox: Inbox;
  #problems: Bucket | undefined;
  #work: Promise<void> | undefined;
  #queries: Queries | undefined;

  /** `until`: when its identity ends, by the monotonic clock; absent for a trusted pair in this process. */
  constructor(
    transport: Transport,
    agent: string,
    owner: SessionOwner,
    more: { readonly until?: number | undefined; readonly address?: string | undefined; readonly carrier?: string | undefined } = {},
  ) {
    this.agent = agent;
    this.address = more.address;
    this.carrier = more.carrier;
    this.#transport = transport;
    this.#owner = owner;
    const now = owner.clock.mono();
    this.#bucket = new Bucket(owner.limits.rate, owner.limits.burst, now);
    this.#inbox = new Inbox(owner.limits.inbox, owner.limits.inboxText);
    this.#openedAt = this.#heardAt = now;
    this.#until = more.until ?? never;
    transport.onClose((reason) => this.#ended(reason));
    transport.onMessage((text) => this.#receive(text));
  }

  /** Resolves when nothing that this session received is being stored any more. */
  get idle(): Promise<void> {
    return this.#work ?? Promise.resolve();
  }

  /** Whether messages can be sent that only an agent of our version understands. */
  get usable(): boolean {
    return this.phase === "ready";
  }

  /** Sends a message; an agent that reads too slowly is closed, not buffered for. */
  send(message: ControllerMessage): void {
    if (this.phase === "closed") return;
    const text = JSON.stringify(message);
    if (this.#transport.buffered + text.length > this.#owner.limits.maxBuffered) return this.close("try-later");
    this.#transport.send(text);
  }

  /** Asks the agent; rejects with a ProblemError when there is no answer in time, on abort, when the connection ends, or with the agent's own problem. */
  query(id: string, ask: Ask, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    this.#queries ??= new Queries(this.#owner.limits.queries);
    return this.#queries.ask(id, timeoutMs, signal, () => this.send({ type: "query", id, ask, timeoutMs }));
  }

  close(reason: CloseReason): void {
    if (this.phase === "closed") return;
    this.#transport.close(reason);
    this.#ended(reason);
  }

  /** Waits for another session's work before its own: the connection that this one takes over may still be storing. */
  follow(other: Session): void {
    const before = other.idle;
    this.#work = before.then(() => {
      this.#work = undefined;
      this.#store();
    });
  }

  /** Whether the agent may send again; the hub asks from time to time after `held`. */
  resume(now: number): boolean {
    if (this.phase === "closed") return true;
    if (this.#bucket.level(now) < 0 || !this.#inbox.hasRoom) return false;
    this.#isHeld = false;
    this.#heardAt = now;
    this.#transport.resume?.();
    return true;
  }

  /** Pings, notices silence, renews the identity. `now`: monotonic milliseconds. */
  tick(now: number): void {
    const { limits } = this.#owner;
    if (this.phase === "closed") return;
    if (this.phase === "greeting") {
      if (now - this.#openedAt > limits.helloMs) this.close("misbehaved");
      return;
    }
    if (now >= this.#until) return this.close("identity-expired");
    // Another version may know neither ping nor renewal: it is listed until its identity ends.
    if (this.phase === "incompatible") return;
    if (now >= this.#until - limits.renewBeforeMs && this.#nonce === undefined) this.#renew();
    const silence = this.#pongPending && !this.#isHeld && this.#heardAt < this.#pingAt ? now - this.#pingAt : 0;
    if (silence > limits.deadMs) return this.close("silent");
    this.#setLate(silence > limits.lateMs);
    if (now - this.#pingAt >= limits.pingMs && silence === 0) this.#ping(now);
  }

  #receive(text: string): void {
    if (this.phase === "closed") return;
    const now = this.#owner.clock.mono();
    this.#heardAt = now;
    if (text.length > maxMessage) return this.close("too-large");
    if (!this.#bucket.take(1 + text.length / 4096, now)) this.#hold(now);
    if (this.phase === "greeting") return this.#greet(text);
    const read = readIncoming(text);
    if ("message" in read) return this.#handle(read.message, text.length, now);
    // An agent of another version may say what it likes: nothing of it is used.
    if (this.phase === "incompatible") return;
    this.send({ type: "problem", problem: read.problem });
    if (read.kind === "broken") this.#violated(now);
  }

  #greet(text: string): void {
    const protocol = helloProtocol(text);
    if (protocol !== undefined && protocol !== protocolVersion) return this.#enterIncompatible(protocol);
    const read = readIncoming(text);
    if ("problem" in read) return this.#refuse("misbehaved", read.problem);
    if (read.message.type !== "hello" || text.length > maxHello) return this.#refuse("misbehaved", notHello);
    const answer = this.#owner.hello(this, read.message);
    if ("close" in answer) return this.#refuse(answer.close, answer.problem);
    this.phase = "ready";
    this.offset.guess(read.message.time, this.#owner.clock.now());
    this.send(answer);
    this.#owner.entered(this);
    this.#ping(this.#owner.clock.mono());
  }

  #enterIncompatible(protocol: number): void {
    this.phase = "incompatible";
    this.otherProtocol = protocol;
    const older = protocol < protocolVersion;
    const problem = error(
      "protocol/version",
      `Unable to use this agent: it speaks version ${protocol} of the protocol, the controller version ${protocolVersion}`,
      {
        hint: older ? "Upgrade the agent: run the install command again." : "Upgrade the controller.",
        retry: "later",
      },
    );
    this.send({ type: "problem", problem, about: "hello" });
    this.#owner.entered(this);
  }

  #refuse(reason: CloseReason, problem: Problem): void {
    this.send({ type: "problem", problem });
    this.close(reason);
  }

  #handle(message: AgentMessage, size: number, now: number): void {
    if (message.type === "pong") return this.#pong(message, now);
    if (message.type === "renewal") return this.#renewal(message, now);
    if (this.phase === "incompatible") return;
    switch (message.type) {
      case "report":
      case "result":
        return this.#take(message, size, now);
      case "progress":
        return this.#owner.progress(this, message);
      case "answer":
        return this.#queries?.answer(message);
      case "problem":
        this.#problems ??= new Bucket(this.#owner.limits.problems / 60, this.#owner.limits.problems, now);
        if (this.#problems.level(now) < 1) return;
        this.#problems.take(1, now);
        return this.#owner.problem(this, message);
      case "hello":
        this.send({
          type: "problem",
          problem: error("protocol/second-hello", "Unable to use the message: the connection has had its hello"),
        });
        return this.#violated(now);
    }
  }

  #take(message: Static<typeof Report> | Static<typeof Result>, size: number, now: number): void {
    if (message.type === "report" && !Number.isSafeInteger(message.seq)) return this.#violated(now);
    this.#inbox.put(message, size);
    if (this.#inbox.isFull) this.#hold(now);
    this.#store();
  }

  /** Stores what came, in order and one after the other; only what is stored is acknowledged. */
  #store(): void {
    if (this.#work !== undefined || this.#inbox.length === 0) return;
    this.#work = this.#storeAll()
      .catch(() => {
        this.send({
          type: "problem",
          problem: error("hub/not-stored", "Unable to store what the agent sent: it was not acknowledged", { retry: "later" }),
        });
        this.close("try-later");
      })
      .finally(() => {
        this.#work = undefined;
        // What came in the very moment in which the last one was done.
        if (this.phase !== "closed") this.#store();
      });
  }

  async #storeAll(): Promise<void> {
    for (let message = this.#inbox.first; message !== undefined; message = this.#inbox.first) {
      if (message.type === "result") {
        await this.#owner.result(this, message);
        this.send({ type: "result-ack", step: message.step });
      } else {
        if (message.seq > this.#owner.acked(this.agent)) await this.#owner.report(this, message);
        this.send({ type: "ack", seq: this.#owner.acked(this.agent) });
      }
      this.#inbox.done();
    }
  }

  #ping(now: number): void {
    this.#pingAt = now;
    this.#pingNow = this.#owner.clock.now();
    this.#pongPending = true;
    this.send({ type: "ping", id: ++this.#pingId, time: this.#pingNow });
  }

  #pong(message: Static<typeof Pong>, now: number): void {
    if (message.id !== this.#pingId || !this.#pongPending) return;
    this.#pongPending = false;
    this.offset.measure(this.#pingNow, now - this.#pingAt, message.time);
    this.#setLate(false);
  }

  #setLate(late: boolean): void {
    if (this.late === late) return;
    this.late = late;
    this.#owner.lateness(this);
  }

  #renew(): void {
    this.#nonce = this.#owner.nonce(this.agent);
    this.send({ type: "renew", nonce: this.#nonce });
  }

  #renewal(message: Static<typeof Renewal>, now: number): void {
    const nonce = this.#nonce;
    if (nonce === undefined || !this.#owner.signed(this.agent, nonce, message.signature)) return this.#violated(now);
    this.#nonce = undefined;
    this.#until = now + this.#owner.limits.identityMs;
  }

  #hold(now: number): void {
    if (this.#transport.pause === undefined) {
      // The other side cannot be held back: far over the limit it is cut off.
      if (this.#bucket.level(now) < -this.#owner.limits.burst || this.#inbox.isOverrun) this.close("misbehaved");
      return;
    }
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#transport.pause();
    this.#owner.held(this);
  }

  #violated(now: number): void {
    if (now - this.#violatedAt > 60_000) this.#violations = 0;
    this.#violatedAt = now;
    if (++this.#violations >= this.#owner.limits.violations) this.close("misbehaved");
  }

  #ended(reason: string): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.#queries?.end();
    this.#owner.closed(this, reason);
  }
}
