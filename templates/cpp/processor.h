/* What Sluice calls, by these names (C linkage). */
#ifndef PROCESSOR_H
#define PROCESSOR_H

extern "C" {

/* Once, before the first request; its result is `model` below. `state` 0: it can serve. */
void *initialize(const char *model_entry, const char *model_config, int *state);

/*
 * Each request, on several threads at once. 200: answered; 400 and above: refused, and the output is why.
 * The output is made by malloc, and freed by Sluice.
 */
int process(void *model, const void *input, int input_size, void **output, int *output_size);
}

#endif
