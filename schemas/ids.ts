import Type, { type Static } from "typebox";

/** A DNS label: lower case letters, digits and hyphens, at most 63 (RFC 1123). */
export const DnsLabel = Type.String({ pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", maxLength: 63 });

/** `Kind/name`: a resource. */
export const ResourceId = Type.String({ pattern: "^[A-Z][A-Za-z]*/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" });
export type ResourceId = Static<typeof ResourceId>;

export const resourceId = (kind: string, name: string): ResourceId => `${kind}/${name}`;

/** `Kind/name@host`: a resource on one host. */
export const instanceId = (resource: ResourceId, host: string): string => `${resource}@${host}`;

/** Splits `Kind/name@host`; the host is empty where the id names a resource alone. */
export function splitInstance(id: string): { kind: string; name: string; resource: ResourceId; host: string } {
  const at = id.indexOf("@"),
    resource = at < 0 ? id : id.slice(0, at),
    slash = resource.indexOf("/");
  return { kind: resource.slice(0, slash), name: resource.slice(slash + 1), resource, host: at < 0 ? "" : id.slice(at + 1) };
}
