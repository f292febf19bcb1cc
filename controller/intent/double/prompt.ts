import { createHash } from "node:crypto";
import { type Block, blocksOf, saidIn } from "./blocks.ts";
import { type Fields, isFields } from "./shape.ts";
import { toolsOf } from "./tools.ts";

export type Lifetime = "5m" | "1h";

/** One piece of the prompt as the model sees it: a tool, a system block, or a block of a message. `ttl` marks a cache breakpoint. */
export interface Segment {
  readonly part: "tools" | "system" | "messages";
  readonly at: string;
  readonly role: string;
  readonly block: Fields;
  readonly text: string;
  readonly tokens: number;
  readonly ttl?: Lifetime;
}

const IMAGE_TOKENS = 1_500;

/** Returns the prompt of a request in the order tools, system, messages. Requests that say the same in other forms give the same texts. */
export function promptOf(body: Fields): readonly Segment[] {
  const system = typeof body.system === "string" && body.system === "" ? [] : blocksOf(body.system);
  const segments = [
    ...toolsOf(body).map((tool, index) => segmentOf("tools", "tool", tool, `tools.${index}`)),
    ...system.map((block, index) => segmentOf("system", "system", block, `system.${index}`)),
    ...saidIn(body).flatMap(({ at, role, blocks }) =>
      blocks.map((block, index) => segmentOf("messages", role, block, `${at}.content.${index}`)),
    ),
  ];
  return isFields(body.cache_control) ? markLast(segments, lifetimeOf(body.cache_control)) : segments;
}

/** Makes the segment of one block. Markers, nulls and defaults are no part of its text; the order of keys in a tool input is. */
export function segmentOf(part: Segment["part"], role: string, block: Fields, at: string): Segment {
  const text = JSON.stringify([role, plain(block)]);
  const tokens = block.type === "image" || block.type === "document" ? IMAGE_TOKENS : tokensIn(text);
  const marker = [block, ...(block.type === "tool_result" ? blocksOf(block.content) : [])].findLast(hasMarker)?.cache_control;
  return { part, at, role, block, text, tokens, ...(isFields(marker) ? { ttl: lifetimeOf(marker) } : {}) };
}

/** Returns about how many tokens a text has: a quarter of its characters. */
export function tokensIn(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Returns the digest of a text in hexadecimal. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Returns for every segment the digest of all segments up to and including it. */
export function chainOf(seed: string, segments: readonly Segment[]): readonly string[] {
  let last = digest(seed);
  return segments.map(({ text }) => (last = digest(last + text)));
}

/** Returns the chain over the segments of one part alone. */
export function partChain(part: Segment["part"], segments: readonly Segment[]): readonly string[] {
  const own = segments.filter((segment) => segment.part === part);
  return chainOf(part, own);
}

/** Returns how many tokens segments have together. */
export function tokensOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { tokens }) => sum + tokens, 0);
}

const hasMarker = (block: Fields) => isFields(block) && isFields(block.cache_control);
const lifetimeOf = (marker: Fields): Lifetime => (marker.ttl === "1h" ? "1h" : "5m");

function plain(block: Fields): Fields {
  const kept = Object.entries(block).filter(([key, value]) => value !== null && value !== undefined && !isDefault(key, value));
  const sorted = kept.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted.map(([key, value]) => [
      key,
      block.type === "tool_result" && key === "content" ? (blocksOf(value) as Block[]).map(plain) : value,
    ]),
  );
}

function isDefault(key: string, value: unknown): boolean {
  if (key === "cache_control") return true;
  if (key === "caller") return isFields(value) && value.type === "direct";
  return (key === "is_error" && value === false) || (key === "type" && value === "custom");
}

function markLast(segments: readonly Segment[], ttl: Lifetime): readonly Segment[] {
  const last = segments.findLastIndex(({ block }) => block.type !== "thinking" && block.type !== "redacted_thinking");
  return segments.map((segment, index) => (index === last ? { ...segment, ttl } : segment));
}
