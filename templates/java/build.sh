#!/bin/sh
# Makes build/line.jar, and runs the tests. Needs a JDK, 17 or later.
set -eu
cd "$(dirname "$0")"
rm -rf build
javac -encoding UTF-8 -d build/classes Line.java
javac -encoding UTF-8 -cp build/classes -d build/tests LineTest.java
java -cp build/classes:build/tests LineTest
jar --create --file build/line.jar -C build/classes .
