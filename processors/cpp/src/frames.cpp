#include "frames.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr size_t HEADER_BYTES = 9;
/** Holds the longest head (65535 bytes) with what stands before it. */
constexpr size_t BUFFER_BYTES = 128 * 1024;
/** Outputs above this go to the socket from where they are. */
constexpr size_t COPY_BYTES_MAX = 64 * 1024;
/** Zero bytes behind a body. */
constexpr size_t GUARD_BYTES = 16;
/** Pieces of one sendmsg; the system allows 1024. */
constexpr size_t PIECES_MAX = 64;

template <typename Number>
Number numberAt(const char *at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

template <typename Number>
void append(std::string &into, Number number) {
  into.append(reinterpret_cast<const char *>(&number), sizeof number);
}

}  // namespace

Body Body::withSize(size_t size) {
  Body body;
  auto *block = static_cast<char *>(std::malloc(size + GUARD_BYTES));
  if (block == nullptr) return body;
  std::memset(block + size, 0, GUARD_BYTES);
  body.block_.reset(block);
  body.size_ = static_cast<int>(size);
  return body;
}

bool Body::isIntact() const {
  static const char zeros[GUARD_BYTES] = {};
  return std::memcmp(data() + size_, zeros, GUARD_BYTES) == 0;
}

bool Body::contains(const void *address) const {
  auto at = reinterpret_cast<uintptr_t>(address);
  auto from = reinterpret_cast<uintptr_t>(data());
  return at >= from && at < from + static_cast<size_t>(size_) + GUARD_BYTES;
}

void Answers::header(uint8_t type, uint32_t id, size_t payload) {
  ::append(bytes_, static_cast<uint32_t>(payload + 5));
  ::append(bytes_, type);
  ::append(bytes_, id);
}

void Answers::frame(uint8_t type, uint32_t id, const std::string &payload) {
  header(type, id, payload.size());
  bytes_ += payload;
}

void Answers::response(uint32_t id, int status, const std::string &head, const void *body, size_t size) {
  header(frame::RESPONSE, id, 6 + head.size() + size);
  ::append(bytes_, static_cast<uint16_t>(status));
  ::append(bytes_, static_cast<uint32_t>(head.size()));
  bytes_ += head;
  if (size > 0) bytes_.append(static_cast<const char *>(body), size);
}

void Answers::responseOwned(uint32_t id, int status, const std::string &head, void *block, size_t size) {
  if (size <= COPY_BYTES_MAX) {
    response(id, status, head, block, size);
    std::free(block);
    return;
  }
  header(frame::RESPONSE, id, 6 + head.size() + size);
  ::append(bytes_, static_cast<uint16_t>(status));
  ::append(bytes_, static_cast<uint32_t>(head.size()));
  bytes_ += head;
  blocks_.push_back({bytes_.size(), {block, std::free}, size});
}

void Answers::error(uint32_t id, int status, const std::string &message) {
  header(frame::ERROR, id, 2 + message.size());
  ::append(bytes_, static_cast<uint16_t>(status));
  bytes_ += message;
}

void Answers::append(Answers &other) {
  for (auto &block : other.blocks_) {
    block.at += bytes_.size();
    blocks_.push_back(std::move(block));
  }
  bytes_ += other.bytes_;
  other.bytes_.clear();
  other.blocks_.clear();
}

Connection::Connection(const std::string &path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), buffer_(BUFFER_BYTES) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the path of its socket is too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
    throw std::runtime_error("no engine at " + path + ": " + std::strerror(errno));
  }
}

void Connection::need(size_t bytes) {
  if (ready() >= bytes) return;
  if (from_ + bytes > buffer_.size() || from_ == to_) {
    std::memmove(buffer_.data(), buffer_.data() + from_, ready());
    to_ -= from_;
    from_ = 0;
  }
  while (ready() < bytes) {
    ssize_t got = ::recv(socket_, buffer_.data() + to_, buffer_.size() - to_, 0);
    if (got > 0) to_ += static_cast<size_t>(got);
    else if (got == 0 || errno != EINTR) throw PeerGone{};
  }
}

void Connection::take(char *into, size_t bytes) {
  size_t here = std::min(bytes, ready());
  std::memcpy(into, buffer_.data() + from_, here);
  from_ += here;
  while (here < bytes) {
    ssize_t got = ::recv(socket_, into + here, bytes - here, 0);
    if (got > 0) here += static_cast<size_t>(got);
    else if (got == 0 || errno != EINTR) throw PeerGone{};
  }
}

void Connection::drop(size_t bytes) {
  while (bytes > 0) {
    if (ready() == 0) need(1);
    size_t here = std::min(bytes, ready());
    from_ += here;
    bytes -= here;
  }
}

bool Connection::isWhole() const {
  if (ready() < HEADER_BYTES) return false;
  return ready() >= 4 + static_cast<size_t>(numberAt<uint32_t>(buffer_.data() + from_));
}

void Connection::read(std::deque<Frame> &into) {
  do into.push_back(readOne());
  while (isWhole());
}

Body Connection::takeBody(size_t bytes) {
  Body body = Body::withSize(bytes);
  if (body.data() == nullptr) drop(bytes);
  else take(body.data(), bytes);
  return body;
}

Frame Connection::readOne() {
  need(HEADER_BYTES);
  const char *at = buffer_.data() + from_;
  auto length = numberAt<uint32_t>(at);
  if (length < 5 || length > frame::FRAME_BYTES_MAX) {
    throw BrokenPeer("a frame of " + std::to_string(length) + " bytes; allowed: 5 to " + std::to_string(frame::FRAME_BYTES_MAX));
  }
  Frame frame;
  frame.type = static_cast<uint8_t>(at[4]);
  frame.id = numberAt<uint32_t>(at + 5);
  from_ += HEADER_BYTES;
  size_t payload = length - 5;
  if (frame.type == frame::TIMED_REQUEST) {
    if (payload < sizeof(double)) throw BrokenPeer("a TIMED_REQUEST without a deadline");
    need(sizeof(double));
    frame.deadline = numberAt<double>(buffer_.data() + from_);
    from_ += sizeof(double);
    payload -= sizeof(double);
  }
  if (frame.type == frame::REQUEST || frame.type == frame::TIMED_REQUEST) {
    if (payload < 2) throw BrokenPeer("a REQUEST without a head");
    need(2);
    size_t head = 2 + static_cast<size_t>(numberAt<uint16_t>(buffer_.data() + from_));
    if (head > payload) throw BrokenPeer("a REQUEST whose head is longer than itself");
    drop(head);  // the interface of C has no place for it
    payload -= head;
  }
  if (frame.type == frame::BATCH) frame.rows = takeRows(payload);
  else frame.body = takeBody(payload);
  return frame;
}

std::vector<Row> Connection::takeRows(size_t bytes) {
  constexpr size_t ROW_BYTES = 12;
  auto part = [&](size_t size) {
    if (size > bytes) throw BrokenPeer("a BATCH that is shorter than its rows");
    bytes -= size;
  };
  part(2);
  need(2);
  size_t count = numberAt<uint16_t>(buffer_.data() + from_);
  from_ += 2;
  std::vector<Row> rows;
  rows.reserve(count);
  for (size_t i = 0; i < count; i++) {
    part(ROW_BYTES + 2);
    need(ROW_BYTES + 2);
    const char *at = buffer_.data() + from_;
    auto id = numberAt<uint32_t>(at);
    size_t size = numberAt<uint32_t>(at + 8);
    size_t head = 2 + static_cast<size_t>(numberAt<uint16_t>(at + ROW_BYTES));
    if (size < head) throw BrokenPeer("a REQUEST whose head is longer than itself");
    part(size - 2);
    from_ += ROW_BYTES;
    drop(head);
    rows.push_back({id, takeBody(size - head)});
  }
  return rows;
}

void Connection::send(Answers &answers) {
  if (answers.isEmpty()) return;
  std::vector<iovec> pieces;
  size_t at = 0;
  auto piece = [&](void *data, size_t size) {
    if (size > 0) pieces.push_back({data, size});
  };
  for (const auto &block : answers.blocks_) {
    piece(answers.bytes_.data() + at, block.at - at);
    piece(block.data.get(), block.size);
    at = block.at;
  }
  piece(answers.bytes_.data() + at, answers.bytes_.size() - at);
  std::lock_guard<std::mutex> hold(sending_);
  size_t next = 0;
  while (next < pieces.size()) {
    msghdr message{};
    message.msg_iov = &pieces[next];
    message.msg_iovlen = std::min(pieces.size() - next, PIECES_MAX);
    ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      throw PeerGone{};
    }
    auto left = static_cast<size_t>(sent);
    while (next < pieces.size() && left >= pieces[next].iov_len) left -= pieces[next++].iov_len;
    if (left > 0) {
      pieces[next].iov_base = static_cast<char *>(pieces[next].iov_base) + left;
      pieces[next].iov_len -= left;
    }
  }
  answers.bytes_.clear();
  answers.blocks_.clear();
}
