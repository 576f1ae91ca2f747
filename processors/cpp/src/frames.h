#pragma once
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

/**
 * The framed protocol between engine and worker: docs/internals/protocols.md. All numbers are little-endian, as on every machine that
 * this is built for.
 */
namespace frame {
constexpr int PROTOCOL = 1;
constexpr uint8_t INIT = 0x01, REQUEST = 0x02, CANCEL = 0x03, DESCRIBE = 0x04, SHUTDOWN = 0x05, BATCH = 0x06, TIMED_REQUEST = 0x09;
constexpr uint8_t READY = 0x81, FAILED = 0x82, RESPONSE = 0x83, ERROR = 0x84, PROGRESS = 0x85;
/** A longer frame means that the peer is broken. */
constexpr uint32_t FRAME_BYTES_MAX = 256u * 1024 * 1024;
/** What a processor may give: the rest of the frame is for its front. */
constexpr int OUTPUT_BYTES_MAX = static_cast<int>(FRAME_BYTES_MAX) - 65536;
}  // namespace frame

/** The other side sent something that is not this protocol. */
struct BrokenPeer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** The connection has ended: nobody waits for anything. */
struct PeerGone {};

/**
 * Bytes for a processor: aligned as malloc aligns, with zero bytes after the end, so that they may be read as a C string.
 * `data` is null when there was no memory for them.
 */
class Body {
 public:
  /** Nothing is kept where there is no memory. */
  static Body withSize(size_t size);
  char *data() const { return block_.get(); }
  int size() const { return size_; }
  /** False once somebody wrote behind the end. */
  bool isIntact() const;
  bool contains(const void *address) const;

 private:
  struct Free {
    void operator()(char *block) const { std::free(block); }
  };
  std::unique_ptr<char, Free> block_;
  int size_ = 0;
};

struct Row {
  uint32_t id;
  Body body;
};

/** A frame from the engine. */
struct Frame {
  uint8_t type = 0;
  uint32_t id = 0;
  /** Of a TIMED_REQUEST: until when the answer is waited for, in seconds of CLOCK_MONOTONIC. */
  double deadline = 0;
  /** Body of a REQUEST, without its head; payload of INIT. */
  Body body;
  /** Requests of a BATCH. */
  std::vector<Row> rows;
};

/** Answers that wait to be sent, in their order. */
class Answers {
 public:
  Answers() = default;
  Answers(Answers &&) = default;
  Answers &operator=(Answers &&) = default;
  bool isEmpty() const { return bytes_.empty(); }
  void response(uint32_t id, int status, const std::string &head, const void *body, size_t size);
  /** The same with a block of malloc, which is freed when it has been sent: a long one is not copied. */
  void responseOwned(uint32_t id, int status, const std::string &head, void *block, size_t size);
  void error(uint32_t id, int status, const std::string &message);
  void frame(uint8_t type, uint32_t id, const std::string &payload);
  /** Takes over all of another, behind what is here. */
  void append(Answers &other);

 private:
  friend class Connection;
  struct Block {
    size_t at;  // in bytes_
    std::unique_ptr<void, void (*)(void *)> data;
    size_t size;
  };
  std::string bytes_;
  std::vector<Block> blocks_;
  void header(uint8_t type, uint32_t id, size_t payload);
};

/** A blocking connection to the engine. One thread at a time may read; any may send. */
class Connection {
 public:
  /** Throws std::runtime_error when nobody listens there. */
  explicit Connection(const std::string &path);
  /** Waits for at least one frame, and adds all that are here. Throws PeerGone and BrokenPeer. */
  void read(std::deque<Frame> &into);
  /** Sends and empties. Throws PeerGone. */
  void send(Answers &answers);

 private:
  int socket_;
  std::vector<char> buffer_;
  size_t from_ = 0;
  size_t to_ = 0;
  std::mutex sending_;

  size_t ready() const { return to_ - from_; }
  void need(size_t bytes);
  void take(char *into, size_t bytes);
  void drop(size_t bytes);
  bool isWhole() const;
  Frame readOne();
  Body takeBody(size_t bytes);
  std::vector<Row> takeRows(size_t bytes);
};
