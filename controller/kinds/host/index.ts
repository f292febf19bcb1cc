import Type, { type Static } from "typebox";
import { Labels, Tag } from "../../../schemas/manifest.ts";
import { defineSettings } from "../define.ts";

const HostName = Type.String({
  pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
  maxLength: 253,
  description: "Another name of the host, in lower case",
});
export const HostSpec = Type.Object(
  {
    tags: Type.Optional(
      Type.Array(Tag, { maxItems: 64, uniqueItems: true, description: "Tags; production and critical raise the risk of every change" }),
    ),
    labels: Type.Optional(Labels),
    aliases: Type.Optional(
      Type.Array(HostName, { maxItems: 32, uniqueItems: true, description: "Other names that selectors and people may use" }),
    ),
    address: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9.:-]+$",
        maxLength: 253,
        description: "The address by which others reach it: an IP address or a name",
      }),
    ),
  },
  { additionalProperties: false },
);
export type HostSpec = Static<typeof HostSpec>;

/** What is said about the host of this name: tags, labels, other names, address. Never taken from the agent itself. */
export const host = defineSettings({
  kind: "Host",
  summary: "Tags, labels, other names and the address of the host of this name",
  spec: HostSpec,
});
