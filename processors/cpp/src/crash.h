#pragma once

/** What this thread is doing in the user's library ("process"), or null: for the last words of the process. */
extern thread_local const char *inFunction;

/** From here on a deadly signal, an exception that nothing catches and exit() are told on standard error before the process ends. */
void tellCrashes(const char *libraryName);

/** Gives this thread a stack of its own for signals, so that the overflow of its stack can be told. */
void giveSignalStack();

/** The user's library is done with: exit() is ours from here on. */
void expectExit();
