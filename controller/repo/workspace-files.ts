const settings = `# Settings of Backend AI. Everything here has a default: remove the "#" of what you want to change.
# This file takes effect when it is committed; where a controller listens and keeps its data is set by its environment.

# git:
#   branch: main              # commits on this branch take effect
#   remote: origin            # name or URL of another repository
#   pull: 30s                 # how often to fetch from there
#   push: true                # send our own commits there
#   allowedSigners: /etc/backend-ai/allowed_signers   # only commits signed by these SSH keys take effect
`;

const examples = `# Examples: nothing here takes effect until you remove the "# " in front of a document and commit.
# Every document says where it holds: \`on\` is a selector, such as name=web-*, tag=webserver or os=debian.
# Look first, change nothing: backend-ai validate, then backend-ai reconcile --dry-run

# ---
# # Tags and labels of one machine; its name is the host's.
# apiVersion: backend-ai/v1
# kind: Host
# metadata:
#   name: web-01
# spec:
#   tags: [webserver, production]
#   labels: { team: web }

# ---
# apiVersion: backend-ai/v1
# kind: Package
# metadata:
#   name: nginx
# spec:
#   on: tag=webserver
#   state: present

# ---
# # A file from files/, checked by nginx itself before it replaces the old one.
# apiVersion: backend-ai/v1
# kind: File
# metadata:
#   name: nginx-site
# spec:
#   on: tag=webserver
#   needs: [Package/nginx]
#   path: /etc/nginx/conf.d/site.conf
#   source: files/site.conf
#   owner: root
#   group: root
#   mode: "0644"
#   validator: nginx
#   reloads: [Service/nginx]

# ---
# apiVersion: backend-ai/v1
# kind: Service
# metadata:
#   name: nginx
# spec:
#   on: tag=webserver
#   needs: [File/nginx-site]
#   unit: nginx.service
#   state: running
#   enabled: true
#   health: { http: "http://localhost:8080/", expect: 200, within: 30s }
#   rollout: { maxUnavailable: 1, onFailure: rollback }

# ---
# # Puts these hosts back by itself when they drift, and asks a person before anything of medium risk.
# apiVersion: backend-ai/v1
# kind: Policy
# metadata:
#   name: webservers
# spec:
#   on: tag=webserver
#   approval: { from: medium }
#   drift: { mode: correct }
`;

const site = `server {
    listen 8080 default_server;
    root /var/www/html;
    index index.html index.nginx-debian.html;
}
`;

const readme = `# A Backend AI workspace

What is committed here on the branch that the controller follows is how the servers shall be.

| path | holds |
|---|---|
| \`backend-ai.yaml\` | settings |
| \`manifests/\` | resources, as YAML: one or more documents in each file |
| \`files/\` | contents that manifests point to with \`source: files/…\` |
| \`secrets/\` | \`NAME.age.yaml\`: keys and age-encrypted values, used as \`{ secretRef: NAME/KEY }\` |

\`\`\`
backend-ai validate               # problems in what is here, committed or not
backend-ai reconcile --dry-run    # what would change on the hosts
git commit -am "…"                # takes effect, after approval where the risk asks for it
backend-ai status
\`\`\`

\`manifests/examples.yaml\` has an example of each kind, commented out.
`;

const ignored = `# The controller's own data and keys, where they are kept in here.
/.backend-ai/
`;

/** The files of a new workspace, by path. */
export const workspaceFiles: Readonly<Record<string, string>> = {
  ".gitignore": ignored,
  "README.md": readme,
  "backend-ai.yaml": settings,
  "files/site.conf": site,
  "manifests/examples.yaml": examples,
};
