import { type Block, blocksOf, type Said } from "./blocks.ts";
import { type Fields, isFields, shapeProblems } from "./shape.ts";
import { toolsOf } from "./tools.ts";

const MOST = 4;

/** Yields what is wrong with the cache markers (rule 22): at most four, of a known lifetime, the longer lifetimes first. */
export function* cacheControlProblems(body: Fields, said: readonly Said[]): Iterable<string> {
  const messages = said.flatMap(({ blocks }) => blocks.flatMap((block) => [...resultBlocks(block), block]));
  const holders = [...toolsOf(body), ...blocksOf(Array.isArray(body.system) ? body.system : undefined), ...messages, body];
  const marked = holders.filter((holder) => isFields(holder.cache_control));
  for (const holder of marked) yield* markerProblems(holder);
  if (marked.length > MOST) yield `A maximum of ${MOST} blocks with cache_control may be provided. Found ${marked.length}.`;
  // The automatic marker at the top stands for the end of the prompt, where it is the last of `marked`.
  const lifetimes = marked.map((holder) => (holder.cache_control as Fields).ttl ?? "5m");
  if (lifetimes.lastIndexOf("1h") > lifetimes.indexOf("5m") && lifetimes.includes("5m"))
    yield "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block";
}

function resultBlocks(block: Block): readonly Block[] {
  return block.type === "tool_result" && Array.isArray(block.content) ? (block.content as Block[]) : [];
}

function* markerProblems(holder: Fields): Iterable<string> {
  const marker = holder.cache_control as Fields;
  yield* shapeProblems("cache_control", marker, { type: "string", "ttl?": "string" });
  if (marker.type !== "ephemeral") yield "cache_control.type: Input should be 'ephemeral'";
  if (marker.ttl !== undefined && marker.ttl !== "5m" && marker.ttl !== "1h") yield "cache_control.ttl: Input should be '5m' or '1h'";
  if (holder.type === "text" && String(holder.text).trim() === "") yield "cache_control cannot be set for empty text blocks";
  if (holder.defer_loading === true) yield "cache_control cannot be set for tools with defer_loading";
}
