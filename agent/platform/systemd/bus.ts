import { createClient, type Message, type MessageBus } from "dbus-native";
import { sleep } from "../sleep.ts";

/** A signal as it came in: object path, interface, name and arguments. */
export interface Signal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

const systemBus = "/run/dbus/system_bus_socket";
/** The manager's own socket, which systemctl uses as root: for hosts without a D-Bus daemon. */
const privateSocket = "/run/systemd/private";
export const managerPath = "/org/freedesktop/systemd1";
export const managerName = "org.freedesktop.systemd1";
const busName = "org.freedesktop.DBus";
const managerInterface = "org.freedesktop.systemd1.Manager";
export const propertiesInterface = "org.freedesktop.DBus.Properties";

const rules = [
  `type='signal',sender='${managerName}',interface='${propertiesInterface}',member='PropertiesChanged',path_namespace='${managerPath}/unit'`,
  `type='signal',sender='${managerName}',interface='${managerInterface}',path='${managerPath}'`,
  // A manager that executes itself anew has another name afterwards.
  `type='signal',sender='${busName}',interface='${busName}',member='NameOwnerChanged',arg0='${managerName}'`,
];

const ownerOf = (bus: MessageBus): Promise<string> =>
  bus.invoke({
    destination: busName,
    path: "/org/freedesktop/DBus",
    interface: busName,
    member: "GetNameOwner",
    signature: "s",
    body: [managerName],
  }) as Promise<string>;

/** A live connection to systemd that heals itself. Calls fail while it is down; `onBack` is told when everything may have changed unseen. */
export class SystemdBus {
  #bus: MessageBus | undefined;
  #opening: Promise<MessageBus> | undefined;
  #closed = false;
  #retrying = false;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<(signal: Signal) => void>();
  readonly #back = new Set<() => void>();
  /** The bus's own name for systemd; undefined on systemd's own socket, where nobody else speaks. */
  #sender: string | undefined;

  /** Calls one method of the manager or of a unit; resolves with its answer, the first value where there is one. */
  async call<T = unknown>(
    member: string,
    signature = "",
    body: readonly unknown[] = [],
    at: { path?: string; interface?: string } = {},
    options: { signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<T> {
    const bus = this.#bus ?? (await this.#open());
    const message: Message = {
      destination: managerName,
      path: at.path ?? managerPath,
      interface: at.interface ?? managerInterface,
      member,
    };
    if (signature !== "") {
      message.signature = signature;
      message.body = [...body];
    }
    return (await bus.invoke(message, {
      timeout: options.timeoutMs ?? 25_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })) as T;
  }

  /** Listens to systemd's signals until the returned function is called. */
  onSignal(listener: (signal: Signal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Is told when a lost connection is there again. */
  onBack(listener: () => void): () => void {
    this.#back.add(listener);
    return () => this.#back.delete(listener);
  }

  /** Connects; where that fails it goes on trying, and tells `onBack` once there is a connection. */
  async connect(): Promise<void> {
    if (this.#bus !== undefined) return;
    await this.#open().catch(() => void this.#retry());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    await this.#bus?.close();
    this.#bus = undefined;
  }

  #open(): Promise<MessageBus> {
    this.#opening ??= this.#openOnce().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openOnce(): Promise<MessageBus> {
    return this.#openBy(false).catch(() => this.#openBy(true));
  }

  /** By the D-Bus daemon, or directly: systemd then sends its signals without being asked. */
  async #openBy(direct: boolean): Promise<MessageBus> {
    if (this.#closed) throw new Error("the connection to systemd was closed");
    const bus = createClient({
      socket: direct ? privateSocket : systemBus,
      direct,
      authMethods: ["EXTERNAL"],
      fdTransport: false,
      maxMessageSize: 32 * 1024 * 1024,
    } as Parameters<typeof createClient>[0]);
    try {
      await ready(bus);
      bus.connection.on("message", (message: Message) => this.#receive(message));
      if (!direct) for (const rule of rules) await bus.addMatch(rule);
      this.#sender = direct ? undefined : await ownerOf(bus);
      await bus.invoke({ destination: managerName, path: managerPath, interface: managerInterface, member: "Subscribe" });
    } catch (cause) {
      bus.connection.on("error", () => undefined);
      bus.connection.end();
      throw cause;
    }
    bus.connection.on("close", () => this.#lost(bus));
    this.#bus = bus;
    return bus;
  }

  /** Any user of the host may send signals straight to us, which no rule keeps away: the sender, whom the bus itself names, tells them apart. */
  #receive(message: Message): void {
    if (message.type !== 4 || message.path === undefined || message.member === undefined) return;
    if (message.sender === busName && message.member === "NameOwnerChanged" && message.body?.[0] === managerName && message.body[2] !== "")
      this.#sender = String(message.body[2]);
    if (this.#sender !== undefined && message.sender !== this.#sender) return;
    const signal: Signal = { path: message.path, interface: message.interface ?? "", member: message.member, body: message.body ?? [] };
    for (const listener of this.#listeners) listener(signal);
  }

  #lost(bus: MessageBus): void {
    if (this.#bus !== bus) return;
    this.#bus = undefined;
    void this.#retry();
  }

  async #retry(): Promise<void> {
    if (this.#retrying) return;
    this.#retrying = true;
    for (let wait = 50; !this.#closed; wait = Math.min(wait * 2, 5000)) {
      await sleep(wait, this.#stop.signal);
      if (this.#closed) return;
      const back = await this.#open().then(
        () => true,
        () => false,
      );
      if (back) break;
    }
    this.#retrying = false;
    if (this.#bus === undefined && !this.#closed) return void this.#retry();
    for (const listener of this.#back) listener();
  }
}

/** Resolves once the connection is authenticated; later errors end in `close`, which reconnects. */
function ready(bus: MessageBus): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer from D-Bus within 5 s")), 5000);
    bus.connection.on("error", (cause: Error) => {
      clearTimeout(timer);
      reject(cause);
    });
    bus.connection.on("handlerError", (cause: Error) => {
      throw cause;
    });
    bus.connection.on("connect", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
