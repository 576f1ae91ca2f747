/*
 * What a processor in C or C++ defines. Including this file is optional: it lets the compiler check the signatures, and makes them
 * visible with C names. The library of these functions is `processor_entry` of a service with `"processor_type": "cpp"`.
 *
 * Every output is allocated by the processor with malloc (calloc, realloc, strdup; `new char[]` works too) and freed by Sluice.
 */
#ifndef SLUICE_PROCESSOR_H
#define SLUICE_PROCESSOR_H

#if defined(__GNUC__)
#define SLUICE_VISIBLE __attribute__((visibility("default")))
#else
#define SLUICE_VISIBLE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Called once, before the first request. Gives what the other functions get as `model`; NULL is allowed.
 * model_entry: path of `model_entry`, or of `model_path` when there is no entry; "" when there is no model.
 * model_config: `model_config` as text; "" when there is none.
 * state: 0 on success, anything else when the model cannot be served.
 */
SLUICE_VISIBLE void *initialize(const char *model_entry, const char *model_config, int *state);

/*
 * Answers one request; called by `metadata.rpc.worker_threads` threads at once. Returns 0 or 200 for success, or an HTTP code from
 * 201 to 599; with a code from 400 the output is the message for the client.
 * input: the body, aligned as malloc aligns, with a zero byte after its end; valid until the function returns.
 */
SLUICE_VISIBLE int process(void *model, const void *input, int input_size, void **output, int *output_size);

/*
 * Optional: answers several requests by one call, where the service has `metadata.rpc.batching`. The signature has no count: the row
 * after the last one has a NULL input. A row whose output_size is left as it was, and each row of a call that does not
 * return 0 or 200, is tried again by `process`.
 */
SLUICE_VISIBLE int batch_process(void *model, const void *input[], int *input_size, void *output[], int *output_size);

/* Optional, an addition of Sluice: the answer to a GET of the service's address, as JSON. Returns 0 or 200 for success. */
SLUICE_VISIBLE int describe(void *model, void **output, int *output_size);

#ifdef __cplusplus
}
#endif
#endif
