import { managerPath } from "./bus.ts";

const unitPath = `${managerPath}/unit/`;

/** The D-Bus object of a unit: every byte but letters and digits as `_xx` (bus_label_escape of systemd). */
export function pathOfUnit(unit: string): string {
  let escaped = "";
  for (const [index, byte] of Buffer.from(unit, "utf8").entries()) {
    const char = String.fromCharCode(byte);
    escaped += /[A-Za-z]/.test(char) || (index > 0 && /[0-9]/.test(char)) ? char : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return unitPath + escaped;
}

/** The unit of a D-Bus object; undefined where the path is not one of a unit. */
export function unitOfPath(path: string): string | undefined {
  if (!path.startsWith(unitPath)) return undefined;
  const bytes: number[] = [];
  const text = path.slice(unitPath.length);
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== "_") bytes.push(text.charCodeAt(at));
    else {
      bytes.push(Number.parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
    }
  }
  return Buffer.from(bytes).toString("utf8");
}
