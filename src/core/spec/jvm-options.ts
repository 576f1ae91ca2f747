/** What one option of the Java machine is refused for; `allowed` is what may stand there. */
interface Rule {
  readonly pattern: RegExp;
  readonly allowed: string;
}

const OWN =
  "no option that says what is run: Sluice starts its own worker, which loads the classes of processor_path";
const ARCHIVE = "no option about archives of class data: Sluice has its own";

/** Options that would start something else than the worker, or end the machine before it runs. */
const REFUSED: readonly Rule[] = [
  {
    pattern:
      /^(-cp|-classpath|--class-path|-jar|-m|--module|-p|--module-path|--upgrade-module-path|--source|--limit-modules)(=|$)/,
    allowed: OWN,
  },
  { pattern: /^@/, allowed: "the options themselves, and no file of them" },
  {
    pattern:
      /^(-X|-h|-help|--help|-\?|--help-extra|--?version|--?show-?version|--?full-?version|--dry-run|-d|--describe-module|--list-modules|--validate-modules|-XshowSettings.*|-XX:\+Print(Flags\w*|VMOptions))(=|$|:)/,
    allowed: "no option that makes the Java machine print something, and end",
  },
  {
    pattern:
      /^-Xshare|^-XX:(\w*Archive\w*|SharedClassListFile|[+-]?\w*DumpSharedSpaces|[+-]UseSharedSpaces|[+-]RequireSharedSpaces)/,
    allowed: ARCHIVE,
  },
  { pattern: /^-XX:(Flags|VMOptionsFile)=/, allowed: "the options themselves, and no file of them" },
  {
    pattern: /^-XX:(Max|Min|Initial)RAM(Percentage|Fraction)?=/,
    allowed: "-Xmx: the heap is 3/4 of metadata.memory otherwise",
  },
];

/** Beginnings of what is let through. */
const KNOWN =
  /^(-D[^=\s]|-X|-XX:|-(ea|da|esa|dsa|enableassertions|disableassertions|enablesystemassertions|disablesystemassertions)\b|-verbose(:|$)|-(javaagent|agentlib|agentpath):|--(add-opens|add-exports|add-reads|add-modules|enable-native-access|illegal-access)=|--enable-preview$)/;

const HEAP = /^(?:-Xmx|-XX:MaxHeapSize=)(\d+)([kmgt]?)$/i;
const MB: Readonly<Record<string, number>> = { "": 2 ** -20, k: 2 ** -10, m: 1, g: 1024, t: 1024 * 1024 };

/** What is wrong with one option; null: nothing. `memoryMb` is `metadata.memory`. */
export function refusedJvmOption(option: string, memoryMb: number): string | null {
  if (/[\0\r\n]/.test(option)) return "one line without a NUL character";
  const refused = REFUSED.find(({ pattern }) => pattern.test(option));
  if (refused !== undefined) return refused.allowed;
  if (!KNOWN.test(option)) {
    return "-D…, -X…, -XX:…, -ea, -javaagent:…, -agentlib:…, --add-opens=… and its kind, with = and no space";
  }
  if (!/^(-Xmx|-XX:MaxHeapSize=)/.test(option)) return null;
  const heap = HEAP.exec(option);
  if (heap === null) return "a whole number and k, m or g, such as -Xmx512m";
  const heapMb = Number(heap[1]) * MB[heap[2]!.toLowerCase()]!;
  return heapMb <= memoryMb ? null : `at most metadata.memory, which is ${memoryMb} MB`;
}

/** The options in one text, with spaces between them; spaces inside quotes belong to their option. Null: a quote has no end. */
export function splitJvmOptions(text: string): string[] | null {
  const options: string[] = [];
  let option = "";
  let isOption = false;
  let quote = "";
  for (const char of text) {
    if (quote !== "") {
      if (char === quote) quote = "";
      else option += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      isOption = true;
    } else if (/\s/.test(char)) {
      if (isOption) options.push(option);
      option = "";
      isOption = false;
    } else {
      option += char;
      isOption = true;
    }
  }
  if (quote !== "") return null;
  if (isOption) options.push(option);
  return options;
}

/** The user says which collector; else Sluice does. */
export const namesCollector = (options: readonly string[]): boolean =>
  options.some((option) =>
    /^-XX:\+Use(Serial|Parallel|G1|Z|Shenandoah|Epsilon|ConcMarkSweep)GC$/.test(option),
  );
