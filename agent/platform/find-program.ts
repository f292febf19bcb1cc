import { access, constants, readdir } from "node:fs/promises";

const folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The full path of a program, looked for where programs of the system live; undefined where it is not installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Programs whose names begin with a prefix, such as php-fpm8.2; sorted, newest version last. */
export async function findPrograms(prefix: string): Promise<string[]> {
  const found = await Promise.all(
    folders.map((folder) =>
      readdir(folder).then(
        (names) => names.filter((name) => name.startsWith(prefix)).map((name) => `${folder}/${name}`),
        () => [],
      ),
    ),
  );
  return found.flat().sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
