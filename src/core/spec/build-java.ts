import type { JavaClass } from "../instance-spec.ts";
import type { Refuse } from "./build.ts";
import { describeFound } from "./found.ts";
import type { Steps } from "./json-path.ts";
import { refusedJvmOption, splitJvmOptions } from "./jvm-options.ts";

/** A class with its package; inner classes have a `$`. */
const CLASS = /^[\p{L}_$][\p{L}\p{N}_$]*(\.[\p{L}_$][\p{L}\p{N}_$]*)*$/u;

const show = (value: unknown) => describeFound(value, { type: "string" });

interface Given {
  readonly mainClass: string | undefined;
  readonly options: string | readonly string[] | undefined;
  /** `metadata.memory` with its default. */
  readonly memoryMb: number;
}

/** What only a Java processor has (eas-reference §1.1). Null: refused. */
export function buildJava({ mainClass, options, memoryMb }: Given, refuse: Refuse): JavaClass | null {
  const isClass = mainClass !== undefined && CLASS.test(mainClass);
  if (!isClass) {
    const found = mainClass === undefined ? "nothing" : show(mainClass);
    refuse(["processor_mainclass"], found, 'the class with its package, such as "com.example.Echo"');
  }
  const jvmOptions = buildOptions(options, memoryMb, refuse);
  return isClass && jvmOptions !== null ? { mainClass, jvmOptions } : null;
}

function buildOptions(
  given: string | readonly string[] | undefined,
  memoryMb: number,
  refuse: Refuse,
): string[] | null {
  const at: Steps = ["processor_jvm_options"];
  const options = typeof given === "string" ? splitJvmOptions(given) : [...(given ?? [])];
  if (options === null) return refuse(at, show(given), "an end to each quote");
  let isFine = true;
  for (const [i, option] of options.entries()) {
    const allowed = refusedJvmOption(option, memoryMb);
    if (allowed === null) continue;
    isFine = false;
    refuse(typeof given === "string" ? at : [...at, i], show(option), allowed);
  }
  return isFine ? options : null;
}
