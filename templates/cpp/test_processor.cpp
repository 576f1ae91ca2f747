// Tests without Sluice: `make` runs them.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sluice_processor.h"

static int failures = 0;

static void expect(void *model, const std::string &input, int status, const std::string &text) {
  void *output = nullptr;
  int size = 0;
  const int found = process(model, input.data(), static_cast<int>(input.size()), &output, &size);
  const std::string answer(static_cast<char *>(output), size);
  std::free(output);
  if (found == status && answer == text) return;
  std::fprintf(stderr, "%s: found %d %s, wanted %d %s\n", input.c_str(), found, answer.c_str(), status, text.c_str());
  failures++;
}

int main() {
  int state = -1;
  void *model = initialize("model/line.txt", "", &state);
  if (state != 0) return 1;
  expect(model, "0 2\n", 200, "1\n5\n");
  expect(model, "two", 400, "found \"two\", allowed: numbers parted by spaces");
  int missing = 0;
  initialize("model/nothing.txt", "", &missing);
  if (missing == 0) failures++;
  std::printf(failures == 0 ? "3 tests passed\n" : "%d tests failed\n", failures);
  return failures == 0 ? 0 : 1;
}
