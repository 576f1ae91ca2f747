// Answers numbers by a line: `initialize` reads the model once, `process` answers each request.
#include "sluice_processor.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace {

struct Line {
  double slope;
  double intercept;
};

int answer(int status, const std::string &text, void **output, int *output_size) {
  *output_size = static_cast<int>(text.size());
  *output = std::malloc(text.size() + 1);
  if (*output == nullptr) return 500;
  std::memcpy(*output, text.data(), text.size());
  return status;
}

}  // namespace

void *initialize(const char *model_entry, const char *, int *state) {
  std::ifstream file(model_entry);
  Line line;
  if (!(file >> line.slope >> line.intercept)) {
    std::fprintf(stderr, "%s does not hold slope and intercept\n", model_entry);
    *state = 1;
    return nullptr;
  }
  *state = 0;
  return new Line(line);
}

int process(void *model, const void *input, int input_size, void **output, int *output_size) {
  const Line *line = static_cast<const Line *>(model);
  std::istringstream body(std::string(static_cast<const char *>(input), input_size));
  std::ostringstream answers;
  std::string word;
  while (body >> word) {
    char *end = nullptr;
    const double x = std::strtod(word.c_str(), &end);
    if (*end != '\0') return answer(400, "found \"" + word + "\", allowed: numbers parted by spaces", output, output_size);
    answers << line->intercept + line->slope * x << '\n';
  }
  return answer(200, answers.str(), output, output_size);
}
