import { printBytes, sizeBytes } from "../../../schemas/manifest.ts";
import { isYes, parseTags, printTags } from "../../../schemas/proxmox/properties.ts";

/** How a manifest's value is written in Proxmox VE's words, and read back. */
export interface Codec {
  readonly print: (value: never) => string;
  readonly parse: (text: string) => unknown;
}

const codec = <T>(print: (value: T) => string, parse: (text: string) => T): Codec => ({ print: print as Codec["print"], parse });

/** The one way in which a codec writes a text that may be written in several: `yes` as `1`, `1.0` as `1`, a list sorted. */
export const normal = (as: Codec, text: string): string => as.print(as.parse(text) as never);

export const text = codec<string>(
  (value) => value,
  (value) => value,
);
export const bit = codec<boolean>((value) => (value ? "1" : "0"), isYes);
/** A flag whose words are not 0 and 1, such as `discard=on`. */
export const words = (yes: string, no: string): Codec =>
  codec<boolean>(
    (value) => (value ? yes : no),
    (value) => value === yes,
  );
export const number = codec<number>(String, Number);
/** A size as whole MiB, in which memory is told. */
export const mebibytes = codec<string>(
  (value) => String(Math.round(sizeBytes(value) / 1024 ** 2)),
  (value) => printBytes(Number(value) * 1024 ** 2),
);
export const tags = codec<string[]>(printTags, parseTags);
/** A list with something between its items, sorted where their order says nothing. */
export const list = (between: string, sorted = false): Codec =>
  codec<string[]>(
    (value) => (sorted ? [...value].sort() : value).join(between),
    (value) => value.split(between === " " ? /[\s,;]+/ : between).filter((item) => item !== ""),
  );
/** Numbers, and ranges of them, which stay text. */
export const numbers = (between: string): Codec =>
  codec<(number | string)[]>(
    (value) => value.join(between),
    (value) =>
      value
        .split(between)
        .filter((item) => item !== "")
        .map((item) => (/^\d+$/.test(item) ? Number(item) : item)),
  );
/** What can be plugged in at run time: `0` is nothing, `1` what Proxmox VE does where nothing is said. */
export const hotplug = codec<string[]>(
  (value) => (value.length === 0 ? "0" : [...value].sort().join(",")),
  (value) => (value === "0" ? [] : (value === "1" ? "network,disk,usb" : value).split(/[,;\s]+/).filter((item) => item !== "")),
);
export const mac = codec<string>(
  (value) => value.toUpperCase(),
  (value) => value.toUpperCase(),
);
/** A property string that a manifest gives as it is: its parts in any order. */
export const properties = codec<string>(
  (value) => value.split(",").sort().join(","),
  (value) => value,
);
