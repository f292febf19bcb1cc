import { createHash } from "node:crypto";

/** The bytes of a pretend file, kept once however many hosts hold them. */
export interface Content {
  readonly sha256: string;
  readonly size: number;
  /** Undefined where the bytes are not UTF-8. */
  readonly text: string | undefined;
  readonly bytes: Buffer | undefined;
}

const known = new Map<string, WeakRef<Content>>();
const forget = new FinalizationRegistry<string>((sha256) => {
  if (known.get(sha256)?.deref() === undefined) known.delete(sha256);
});

/** The content of these bytes; equal bytes give the same object as long as anybody holds it. */
export function contentOf(from: string | Uint8Array): Content {
  const bytes = typeof from === "string" ? Buffer.from(from, "utf8") : Buffer.from(from);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const there = known.get(sha256)?.deref();
  if (there !== undefined) return there;
  const text = typeof from === "string" ? from : utf8(bytes);
  const content: Content = { sha256, size: bytes.length, text, bytes: text === undefined ? bytes : undefined };
  known.set(sha256, new WeakRef(content));
  forget.register(content, sha256);
  return content;
}

export const bytesOf = (content: Content): Buffer => content.bytes ?? Buffer.from(content.text ?? "", "utf8");

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
