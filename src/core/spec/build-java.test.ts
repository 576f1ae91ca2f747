import assert from "node:assert/strict";
import { test } from "node:test";
import { ServingError } from "../errors.ts";
import { namesCollector, refusedJvmOption, splitJvmOptions } from "./jvm-options.ts";
import { parseSpec } from "./parse.ts";
import type { JsonObject } from "./service-spec.ts";

const java: JsonObject = {
  name: "echo",
  processor_type: "java",
  processor_path: "/srv/echo.jar",
  processor_mainclass: "com.example.Echo",
  metadata: { instance: 1, memory: 512 },
};

function problems(more: JsonObject) {
  try {
    parseSpec({ ...java, ...more });
  } catch (error) {
    assert(error instanceof ServingError);
    return (error.facts as unknown as { problems: { path: string; found: string; allowed: string }[] })
      .problems;
  }
  return [];
}

const pathsOf = (fields: readonly { readonly path: string }[]) => fields.map(({ path }) => path);

test("a Java processor needs its class and no entry; options are text or a list", () => {
  const parsed = parseSpec({ ...java, processor_jvm_options: ` -Xmx256m  -Dtitle="a b" -ea` });
  assert.deepEqual(parsed.spec.processor, {
    kind: "custom",
    language: "java",
    source: { kind: "path", path: "/srv/echo.jar" },
    entry: null,
    mainClass: "com.example.Echo",
    jvmOptions: ["-Xmx256m", "-Dtitle=a b", "-ea"],
  });
  assert.deepEqual(parsed.notEffective, []);
  const listed = parseSpec({ ...java, processor_entry: "./a.jar", processor_jvm_options: ["-Da=b c"] }).spec
    .processor;
  assert(listed.kind === "custom" && listed.language === "java");
  assert.deepEqual([listed.entry, listed.jvmOptions], ["a.jar", ["-Da=b c"]]);
});

test("what does nothing for Java, and Java's fields for others, are named", () => {
  const { notEffective } = parseSpec({ ...java, requirements: ["numpy"], "metadata.rpc.batching": true });
  assert.deepEqual(pathsOf(notEffective), ['$["metadata.rpc.batching"]', "$.requirements"]);
  const python = { ...java, processor_type: "python", processor_entry: "a.py", processor_jvm_options: "-ea" };
  assert.deepEqual(pathsOf(parseSpec(python).notEffective), [
    "$.processor_mainclass",
    "$.processor_jvm_options",
  ]);
});

test("a class that is none, and options that would break the worker, are refused at their place", () => {
  assert.equal(problems({ processor_mainclass: "" })[0]?.found, "nothing");
  for (const mainClass of ["com/example/Echo", "com.example.", "1Echo", "Echo.java;x"]) {
    const [problem] = problems({ processor_mainclass: mainClass });
    assert.equal(problem?.path, "$.processor_mainclass");
    assert.match(problem!.allowed, /such as "com\.example\.Echo"/);
  }
  assert.equal(problems({ processor_jvm_options: ["-ea", "-jar"] })[0]?.path, "$.processor_jvm_options[1]");
  assert.equal(
    problems({ processor_jvm_options: "-Xmx600m" })[0]?.allowed,
    "at most metadata.memory, which is 512 MB",
  );
  assert.equal(problems({ processor_jvm_options: '-Da="b' })[0]?.allowed, "an end to each quote");
  assert.equal(problems({ processor_path: "" })[0]?.path, "$.processor_path");
});

const REFUSED =
  "-cp -classpath --class-path=a -jar -m --module=x -p --module-path=a @file -version --version -help -X -Xshare:dump -Xshare -XX:SharedArchiveFile=a -XX:ArchiveClassesAtExit=a -XX:Flags=f -XX:VMOptionsFile=f -XX:MaxRAMPercentage=50 Main a.jar - --add-opens -Xmx -Xmx1x -Xmx2g -XX:MaxHeapSize=1t -D -XX:+PrintFlagsFinal -XshowSettings --dry-run".split(
    " ",
  );
const TAKEN =
  "-Xmx512m -Xmx524288k -Xmx536870912 -Xms64m -Xss1m -XX:+UseG1GC -XX:MaxMetaspaceSize=64m -Da=b -Da -ea -ea:com.example... -esa -Xlog:gc -verbose:gc -javaagent:/a.jar=x -agentlib:jdwp=transport=dt_socket --add-opens=java.base/java.lang=ALL-UNNAMED --add-modules=jdk.incubator.vector --enable-preview -XX:+HeapDumpOnOutOfMemoryError -XX:+ExitOnOutOfMemoryError".split(
    " ",
  );

test("options of the Java machine: which are taken and which not", () => {
  for (const option of REFUSED) assert.notEqual(refusedJvmOption(option, 512), null, option);
  for (const option of TAKEN) assert.equal(refusedJvmOption(option, 512), null, option);
  assert.notEqual(refusedJvmOption("-Da=b\n-jar", 512), null);
});

test("a text of options is cut at spaces outside of quotes", () => {
  assert.deepEqual(splitJvmOptions(`-Da="x y"z -Db='"' ""\t-ea\n`), ["-Da=x yz", '-Db="', "", "-ea"]);
  assert.deepEqual(splitJvmOptions("  "), []);
  assert.equal(splitJvmOptions("-Da='b"), null);
});

test("a collector that is named is known", () => {
  assert.ok(namesCollector(["-ea", "-XX:+UseG1GC"]));
  assert.ok(!namesCollector(["-XX:-UseG1GC", "-XX:+UseStringDeduplication"]));
});
