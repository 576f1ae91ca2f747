#include "library.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "crash.h"

namespace {

struct Machine {
  int code;
  const char *name;
};
constexpr Machine MACHINES[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "arm64"}, {EM_386, "32-bit x86"}, {EM_ARM, "32-bit ARM"},
                                {EM_RISCV, "RISC-V"},  {EM_PPC64, "PowerPC"},   {EM_S390, "s390"}};
#if defined(__x86_64__)
constexpr int HERE = EM_X86_64;
#elif defined(__aarch64__)
constexpr int HERE = EM_AARCH64;
#else
constexpr int HERE = EM_NONE;
#endif

std::string machineName(int code) {
  for (const auto &[known, name] : MACHINES) {
    if (known == code) return name;
  }
  return "machine type " + std::to_string(code);
}

/** Length that the file must have for all that is loaded of it; the loader maps it unseen, and dies of SIGBUS where it ends too early. */
uint64_t loadedBytes(int file, const Elf64_Ehdr &head) {
  uint64_t end = 0;
  for (int i = 0; i < head.e_phnum; i++) {
    Elf64_Phdr part{};
    auto at = static_cast<off_t>(head.e_phoff + static_cast<uint64_t>(i) * head.e_phentsize);
    if (::pread(file, &part, sizeof part, at) != static_cast<ssize_t>(sizeof part)) return UINT64_MAX;
    if (part.p_type == PT_LOAD) end = std::max(end, part.p_offset + part.p_filesz);
  }
  return end;
}

/** What the loader would say in words of its own, or not at all. Throws Refusal. */
void checkFile(const std::string &path, const std::string &name) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) throw Refusal(name + " cannot be read: " + std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) throw Refusal(name + " is not a file; allowed: a shared library");
  Elf64_Ehdr head{};
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw Refusal(name + " cannot be read: " + std::strerror(errno));
  ssize_t got = ::read(file, &head, sizeof head);
  bool isCut = got == static_cast<ssize_t>(sizeof head) && loadedBytes(file, head) > static_cast<uint64_t>(facts.st_size);
  ::close(file);
  if (got < EI_NIDENT + 4 || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
    throw Refusal(name + " is not a shared library: it does not begin as an ELF file");
  }
  if (HERE != EM_NONE && head.e_machine != HERE) {
    throw Refusal(name + " is built for " + machineName(head.e_machine) + "; this machine is " + machineName(HERE));
  }
  if (isCut) throw Refusal(name + " is cut short: it ends after " + std::to_string(facts.st_size) + " bytes");
  if (head.e_type == ET_REL) throw Refusal(name + " is an object file: link it with -shared");
  if (head.e_type == ET_EXEC) throw Refusal(name + " is a program: link it with -shared -fPIC");
}

/** What dlopen says, with what can be done about it. */
std::string loaderSays(const std::string &path, const std::string &name) {
  const char *said = ::dlerror();
  std::string text = said == nullptr ? "no reason was given" : said;
  if (text.rfind(path + ": ", 0) == 0) text.erase(0, path.size() + 2);
  const std::string undefined = "undefined symbol: ";
  size_t at = text.find(undefined);
  if (at != std::string::npos) {
    std::string symbol = text.substr(at + undefined.size());
    symbol.erase(std::min(symbol.size(), symbol.find_first_of(" ,\t(")));
    return name + " cannot be loaded: nothing defines " + demangled(symbol.c_str()) + ", which it uses; link it with the library that does (-l…)";
  }
  if (text.find("cannot open shared object file") != std::string::npos) {
    std::string needed = text.substr(0, text.find(':'));
    return name + " cannot be loaded: it needs " + needed + ", which is neither beside it nor on this machine";
  }
  return name + " cannot be loaded: " + text;
}

template <typename Function>
Function find(void *library, const char *symbol) {
  return reinterpret_cast<Function>(::dlsym(library, symbol));
}

/** An optional function counts only when the library itself has it: others that it is linked with may use so common a name. */
template <typename Function>
Function findBeside(void *library, const char *symbol, void *known) {
  void *found = ::dlsym(library, symbol);
  Dl_info theirs{}, ours{};
  if (found == nullptr || ::dladdr(found, &theirs) == 0 || ::dladdr(known, &ours) == 0) return nullptr;
  return theirs.dli_fbase == ours.dli_fbase ? reinterpret_cast<Function>(found) : nullptr;
}

std::string missing(const std::string &name, const char *function) {
  return name + " has no function " + function + ": a processor defines initialize and process, in C++ inside extern \"C\", and exports both";
}

}  // namespace

std::string demangled(const char *name) {
  int status = 0;
  char *text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : name;
  std::free(text);
  return result;
}

Library Library::load(const std::string &path) {
  Library library;
  library.name = path.substr(path.rfind('/') + 1);
  checkFile(path, library.name);
  inFunction = "dlopen";  // runs the constructors of its static objects
  void *handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  inFunction = nullptr;
  if (handle == nullptr) throw Refusal(loaderSays(path, library.name));
  library.initialize = find<decltype(library.initialize)>(handle, "initialize");
  if (library.initialize == nullptr) throw Refusal(missing(library.name, "initialize"));
  library.process = find<decltype(library.process)>(handle, "process");
  if (library.process == nullptr) throw Refusal(missing(library.name, "process"));
  void *known = reinterpret_cast<void *>(library.process);
  library.batch = findBeside<decltype(library.batch)>(handle, "batch_process", known);
  library.describe = findBeside<decltype(library.describe)>(handle, "describe", known);
  return library;
}
