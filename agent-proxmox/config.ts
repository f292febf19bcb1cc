import { error, type Problem } from "../schemas/problem.ts";
import type { EndpointOptions } from "./pve/endpoint.ts";
import type { Credentials } from "./pve/login.ts";

/** What the agent is told of its cluster: addresses of nodes, one identity, and the name of a node that is in no cluster. */
export interface ProxmoxConfig {
  readonly endpoints: readonly EndpointOptions[];
  readonly credentials: Credentials;
  readonly name: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The file beside agent.env; root's alone, for it holds a secret. */
export const proxmoxFile = "/etc/ai-agent/proxmox.env";

const example = "PVE1_HOST=pve1.example PVE1_TOKEN=agent@pve!backend-ai=UUID PVE1_FINGERPRINT=AA:BB:…";

/**
 * Reads PVE1_HOST, PVE1_TOKEN (`user@realm!id=uuid`) or PVE1_USERNAME and PVE1_PASSWORD, PVE1_FINGERPRINT (SHA-256) or PVE1_CA (PEM); PVE2_HOST and so on are
 * further nodes of the same cluster. Every problem is reported at once.
 */
export function readProxmoxConfig(environment: Environment, file = proxmoxFile): ProxmoxConfig | readonly Problem[] {
  const problems: Problem[] = [];
  const say = (summary: string, hint?: string): void =>
    void problems.push(error("agent/config", summary, { where: { file }, ...(hint === undefined ? {} : { hint }) }));
  const numbers = [...new Set(Object.keys(environment).flatMap((key) => /^PVE(\d+)_HOST$/.exec(key)?.[1] ?? []))].sort(
    (a, b) => Number(a) - Number(b),
  );
  if (numbers.length === 0) say("Unable to find the cluster: PVE1_HOST is not set", example);
  const endpoints = numbers.flatMap((number) => endpointOf(number, environment, say));
  const credentials = credentialsOf(environment, numbers[0] ?? "1", say);
  if (problems.length > 0 || credentials === undefined) return problems;
  return Object.freeze({ endpoints, credentials, name: environment["PVE_CLUSTER"] ?? endpoints[0]!.host.split(".")[0]! });
}

type Say = (summary: string, hint?: string) => void;

function endpointOf(number: string, environment: Environment, say: Say): EndpointOptions[] {
  const address = environment[`PVE${number}_HOST`] ?? "",
    [, host, port = "8006"] = /^(?:https:\/\/)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?\/?$/.exec(address) ?? [];
  if (host === undefined) return (say(`Unable to use PVE${number}_HOST ${address}: it is not a host, or host:port`, example), []);
  const fingerprint = environment[`PVE${number}_FINGERPRINT`],
    ca = environment[`PVE${number}_CA`] ?? environment["PVE1_CA"];
  if (fingerprint !== undefined && !/^([0-9a-fA-F]{2}:?){32}$/.test(fingerprint))
    say(
      `Unable to use PVE${number}_FINGERPRINT: it is not a SHA-256 fingerprint (32 bytes in hex)`,
      "On the node: openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256",
    );
  return [
    {
      host: host.replace(/^\[|\]$/g, ""),
      port: Number(port),
      ...(fingerprint === undefined ? {} : { fingerprint }),
      ...(ca === undefined ? {} : { ca }),
    },
  ];
}

function credentialsOf(environment: Environment, number: string, say: Say): Credentials | undefined {
  const token = environment[`PVE${number}_TOKEN`],
    user = environment[`PVE${number}_USERNAME`],
    password = environment[`PVE${number}_PASSWORD`];
  if (token !== undefined) {
    const [, id, secret] = /^(?:PVEAPIToken=)?([^=\s]+@[^=\s!]+![^=\s]+)=([0-9a-fA-F-]{36})$/.exec(token) ?? [];
    if (id !== undefined && secret !== undefined) return { token: id, secret };
    return (say(`Unable to use PVE${number}_TOKEN: it is not user@realm!id=uuid`, example), undefined);
  }
  if (user !== undefined && password !== undefined) {
    if (/^[^@\s]+@[^@\s]+$/.test(user)) return { user, password };
    return (say(`Unable to use PVE${number}_USERNAME ${user}: the realm is missing`, `PVE${number}_USERNAME=${user}@pam`), undefined);
  }
  return (
    say(`Unable to log in: neither PVE${number}_TOKEN nor PVE${number}_USERNAME and PVE${number}_PASSWORD are set`, example), undefined
  );
}
