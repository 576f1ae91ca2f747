// A processor in C++: a random forest, read from a text file that train.py writes.
// Build: g++ -std=c++17 -O2 -shared -fPIC -o libforest.so forest.cpp
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Node {
  int feature;  // -1: a leaf
  double threshold;
  int left, right;
  std::vector<double> shares;  // of each class, in a leaf
};

struct Forest {
  size_t featureCount = 0, classCount = 0;
  std::vector<std::vector<Node>> trees;
};

Forest read(const char *path) {
  std::ifstream file(path);
  Forest forest;
  size_t treeCount = 0;
  if (!(file >> forest.featureCount >> forest.classCount >> treeCount)) throw std::runtime_error(std::string("no forest in ") + path);
  for (size_t t = 0; t < treeCount; t++) {
    size_t nodeCount = 0;
    file >> nodeCount;
    auto &tree = forest.trees.emplace_back(nodeCount);
    for (auto &node : tree) {
      file >> node.feature;
      if (node.feature >= 0) file >> node.threshold >> node.left >> node.right;
      else node.shares.resize(forest.classCount);
      for (auto &share : node.shares) file >> share;
    }
  }
  if (!file) throw std::runtime_error(std::string(path) + " is cut short");
  return forest;
}

// scikit-learn compares features as 32-bit numbers with thresholds of 64 bits.
std::vector<double> predict(const Forest &forest, const std::vector<float> &row) {
  std::vector<double> sums(forest.classCount);
  for (const auto &tree : forest.trees) {
    const Node *node = &tree[0];
    while (node->feature >= 0) {
      bool isLeft = static_cast<double>(row[static_cast<size_t>(node->feature)]) <= node->threshold;
      node = &tree[static_cast<size_t>(isLeft ? node->left : node->right)];
    }
    for (size_t c = 0; c < sums.size(); c++) sums[c] += node->shares[c];
  }
  for (auto &sum : sums) sum /= static_cast<double>(forest.trees.size());
  return sums;
}

std::vector<float> numbers(const std::string &line, size_t row, size_t count) {
  std::vector<float> found;
  std::istringstream cells(line);
  for (std::string cell; std::getline(cells, cell, ',');) {
    char *end = nullptr;
    found.push_back(static_cast<float>(std::strtod(cell.c_str(), &end)));
    if (end == cell.c_str() || *end != '\0') throw std::invalid_argument("row " + std::to_string(row) + ": \"" + cell + "\" is not a number");
  }
  if (found.size() != count) {
    throw std::invalid_argument("row " + std::to_string(row) + " has " + std::to_string(found.size()) + " numbers; allowed: " + std::to_string(count));
  }
  return found;
}

}  // namespace

extern "C" {

// Once, before the first request. What it throws fails the start with that sentence.
void *initialize(const char *model_entry, const char *, int *state) {
  auto *forest = new Forest(read(model_entry));
  std::cout << forest->trees.size() << " trees from " << model_entry << std::endl;
  *state = 0;
  return forest;
}

// Each request, by several threads at once: one row a line, its numbers with commas between them. What it throws is 400.
int process(void *model, const void *input, int input_size, void **output, int *output_size) {
  const auto &forest = *static_cast<const Forest *>(model);
  std::istringstream lines(std::string(static_cast<const char *>(input), static_cast<size_t>(input_size)));
  std::string answer = "[";
  size_t row = 0;
  for (std::string line; std::getline(lines, line); row++) {
    answer += row == 0 ? "[" : ",[";
    const char *comma = "";
    for (double share : predict(forest, numbers(line, row, forest.featureCount))) {
      char text[40];
      std::snprintf(text, sizeof text, "%s%.17g", comma, share);
      answer += text;
      comma = ",";
    }
    answer += "]";
  }
  answer += "]";
  *output = std::malloc(answer.size());  // freed by Sluice
  std::memcpy(*output, answer.data(), answer.size());
  *output_size = static_cast<int>(answer.size());
  return 200;
}
}
