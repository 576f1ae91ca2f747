/**
 * Loads every role once, so that the compile cache holds all sources: the first start of Sluice is then as quick and small as
 * the later ones. Started by tools/setup with the flags of bin/sluice, which are part of the cache's key.
 */
for (const role of ["cli", "serve", "gateway", "engine", "demo"]) await import(`../src/roles/${role}.ts`);
