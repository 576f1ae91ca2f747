import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("../../test/fixtures/java", import.meta.url));

/** Java classes of the tests, compiled. */
export interface JavaClasses {
  /** Folder of classes. */
  readonly classes: string;
  /** The same classes without `odd.Library`, as a jar in a folder of its own. */
  readonly jar: string;
  remove(): void;
}

/** Compiles test/fixtures/java for Java 17. */
export function compileJava(): JavaClasses {
  const folder = mkdtempSync(join(tmpdir(), "sluice-java-"));
  const classes = join(folder, "classes");
  const jar = join(folder, "odd.jar");
  const quick = ["-J-XX:TieredStopAtLevel=1", "-J-Xshare:auto"];
  const sources = globSync("**/*.java", { cwd: SOURCES }).map((name) => join(SOURCES, name));
  execFileSync("javac", [...quick, "-encoding", "UTF-8", "--release", "17", "-g", "-d", classes, ...sources]);
  const inside = globSync("**/*.class", { cwd: classes }).filter((name) => !name.endsWith("Library.class"));
  execFileSync("jar", [...quick, "cfM", jar, ...inside.flatMap((name) => ["-C", classes, name])]);
  return { classes, jar, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
