import { own } from "../own.ts";

const allWords = new Set(
  "all every each any everywhere alle allen aller alles jeder jedem jeden uberall todos todas todo toda cada".split(" "),
);
const fillers = new Set(
  "the a an my our your these those this that of on in at from to for by and with are is be been being currently now please me us them it also both only just there which who whose have has that's der die das den dem des ein eine einem einen einer mein meine meinen unser unsere unseren auf bei im in am an von vom fur und mit sind ist nur bitte mir derzeit gerade welche welcher welches die el la los las un una unos unas mi mis nuestro nuestra nuestros nuestras en de del a al para por y e con que son esta estan solo solamente qué which cuales named called matching like namens llamados llamado".split(
    " ",
  ),
);
/** "Which server" asks for any number of them. */
export const askers = new Set("which welche welcher que cuales".split(" "));
/** Words for hosts, of which there are several. */
export const pluralNouns = new Set(
  "servers servern hosts machines boxes systems instances computers rechner rechnern maschinen systeme systemen hosts servidores maquinas equipos sistemas fleet infrastructure infrastruktur infraestructura".split(
    " ",
  ),
);
/** Words for one host. */
export const singularNouns = new Set(
  "server host machine box system instance computer maschine servidor maquina equipo sistema".split(" "),
);
const kindNouns: Readonly<Record<string, "vm" | "container">> = {
  vm: "vm",
  vms: "vm",
  "virtual-machine": "vm",
  container: "container",
  containers: "container",
  containern: "container",
  contenedor: "container",
  contenedores: "container",
  lxc: "container",
};
const exceptWords = new Set("except excluding without ausser ohne ausgenommen excepto salvo menos sin".split(" "));
/** Words before a tag. */
export const tagWords = new Set(
  "tagged tag tags labelled labeled getaggt markiert etiquetados etiquetado etiquetadas etiquetada etiqueta etiquetas".split(" "),
);
/** Systems, by the name that hosts give themselves. */
export const distributions = new Set("ubuntu debian alpine fedora rocky almalinux centos rhel arch opensuse suse".split(" "));
/** Words between two groups of hosts. */
export const joiners = new Set(["and", "or", "und", "oder", "y", "o", "e", ","]);

/** The kind of guest that a word names. */
export const kindOf = (word: string): "vm" | "container" | undefined => own(kindNouns, word);

/** Whether a word names hosts in general: server, hosts, Rechner, servidores, containers. */
export const isHostNoun = (word: string): boolean => pluralNouns.has(word) || singularNouns.has(word) || kindOf(word) !== undefined;
/** Whether a word only holds a sentence together. */
export const isFiller = (word: string): boolean => fillers.has(word) || allWords.has(word);
/** Whether it says that every one is meant. */
export const isAll = (word: string): boolean => allWords.has(word);
/** Whether what follows is left out. */
export const isExcept = (word: string): boolean => exceptWords.has(word);
