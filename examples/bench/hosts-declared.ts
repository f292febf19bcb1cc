import { correctDrift, everythingRuns, manifest, resource } from "../hosts/resources.ts";

/** The file of which drift is measured, and the port on which nginx serves the word. */
export const watchedFile = "/etc/bench/app.conf";
export const sitePort = 8080;

/** What the hosts hold: nginx with a site that says a word, and a plain file; drift is told alone, or put back as well. */
export function declared({ word, drift }: { word: string; drift: "alert" | "correct" }): Record<string, string> {
  const site = `server {\n  listen ${sitePort};\n  location / { return 200 "${word}"; }\n}\n`;
  return {
    "manifests/policies.yaml": drift === "alert" ? everythingRuns : manifest(everythingRuns, correctDrift),
    "manifests/things.yaml": manifest(
      resource("Package", "nginx", { on: "*" }),
      resource("File", "site", {
        on: "*",
        path: "/etc/nginx/conf.d/bench.conf",
        content: site,
        mode: "0644",
        validator: "nginx",
        needs: ["Package/nginx"],
        reloads: ["Service/nginx"],
      }),
      resource("Service", "nginx", { on: "*", state: "running", enabled: true, needs: ["Package/nginx", "File/site"] }),
      resource("File", "app", { on: "*", path: watchedFile, content: "a = 1\n", owner: "root", group: "root", mode: "0640" }),
    ),
  };
}

/** The same in words, for the notes of figures. */
export const declaredWords = "a package, a service and two files are declared on each host";
