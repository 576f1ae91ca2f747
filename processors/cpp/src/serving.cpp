#include "serving.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "crash.h"

namespace {

constexpr int INLINE_BYTES_MAX = 8192;
constexpr int64_t SLOW_NS = 1'000'000;
constexpr int64_t SLOW_MEMORY_NS = 1'000'000'000;
/** How often the watchdog looks while there is traffic. */
constexpr std::chrono::milliseconds TICK{5};
/** Looks without traffic after which it sleeps until there is some. */
constexpr int IDLE_TICKS = 20;

int64_t nowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Serving::run(int requestsAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < requestsAtOnce; i++) threads.emplace_back([this] { workInThread(); });
  std::thread watchdog([this] { watch(); });
  workInThread();
  for (auto &thread : threads) thread.join();
  {
    std::lock_guard<std::mutex> hold(watchLock_);
    watchWake_.notify_all();
  }
  watchdog.join();
}

void Serving::workInThread() {
  giveSignalStack();
  try {
    work();
  } catch (const PeerGone &) {
    ::_exit(0);
  } catch (const BrokenPeer &error) {
    std::fprintf(stderr, "the engine sent %s\n", error.what());
    ::_exit(0);
  }
}

void Serving::work() {
  for (;;) {
    uint64_t mine;
    {
      std::unique_lock<std::mutex> hold(lock_);
      leadIsFree_.wait(hold, [this] { return leader_ == 0; });
      if (isStopping_) return;
      mine = leader_ = ++lastLeader_;
    }
    leadUntilLost(mine);
  }
}

void Serving::leadUntilLost(uint64_t mine) {
  for (;;) {
    if (pending_.empty()) {
      readMore();
      continue;
    }
    Frame frame = std::move(pending_.front());
    pending_.pop_front();
    switch (frame.type) {
      case frame::TIMED_REQUEST:
        if (frame.deadline * 1e9 < static_cast<double>(nowNs())) {
          gathered_.error(frame.id, 408, "too late");
          continue;
        }
        [[fallthrough]];
      case frame::REQUEST:
      case frame::BATCH:
      case frame::DESCRIBE: {
        int64_t started = nowNs();
        bool isLong = started < slowUntilNs_ || frame.type == frame::BATCH || frame.body.size() > INLINE_BYTES_MAX;
        if (isLong) {
          handOver(mine);
        } else {
          std::lock_guard<std::mutex> hold(lock_);
          call_ = ++calls_;
        }
        Answers answers;
        processor_.answer(frame, answers);
        int64_t ended = nowNs();
        if (ended - started > SLOW_NS) slowUntilNs_ = ended + SLOW_MEMORY_NS;
        if (!isLong) {
          std::lock_guard<std::mutex> hold(lock_);
          if (leader_ == mine) {
            call_ = 0;
            gathered_.append(answers);
            continue;
          }
        }
        connection_.send(answers);
        return;
      }
      case frame::CANCEL:
        cancel(frame.id);
        continue;
      case frame::SHUTDOWN: {
        {
          std::lock_guard<std::mutex> hold(lock_);
          isStopping_ = true;
        }
        handOver(mine);
        return;
      }
      default: {
        char text[64];
        std::snprintf(text, sizeof text, "a frame of type 0x%02x", frame.type);
        throw BrokenPeer(text);
      }
    }
  }
}

/** Lets another thread lead, and sends what was gathered. Only the first call for one leadership does it. */
void Serving::handOver(uint64_t leader) {
  Answers answers;
  {
    std::lock_guard<std::mutex> hold(lock_);
    if (leader_ != leader) return;
    leader_ = 0;
    call_ = 0;
    std::swap(answers, gathered_);
    if (isStopping_) leadIsFree_.notify_all();
    else leadIsFree_.notify_one();
  }
  connection_.send(answers);
}

/** By the leader, outside of a call: nobody takes the lead from it now, so nobody else touches what it gathered. */
void Serving::readMore() {
  connection_.send(gathered_);
  connection_.read(pending_);
  reads_++;
  if (isWatchAsleep_) {
    std::lock_guard<std::mutex> hold(watchLock_);
    watchWake_.notify_all();
  }
}

/** A request that no thread has begun is dropped, but answered; one that has begun is answered to nobody. */
void Serving::cancel(uint32_t id) {
  for (auto it = pending_.begin(); it != pending_.end(); ++it) {
    if (it->id != id || it->type == frame::CANCEL || it->type == frame::BATCH) continue;
    pending_.erase(it);
    gathered_.error(id, 408, "cancelled");
    return;
  }
}

void Serving::watch() {
  uint64_t lastReads = 0, lastCall = 0;
  int idle = 0;
  for (;;) {
    uint64_t taken = 0;
    {
      std::lock_guard<std::mutex> hold(lock_);
      if (isStopping_) return;
      if (call_ != 0 && call_ == lastCall) taken = leader_;
      lastCall = call_;
    }
    if (taken != 0) {
      try {
        handOver(taken);
      } catch (const PeerGone &) {
        ::_exit(0);
      }
    }
    uint64_t reads = reads_;
    idle = reads == lastReads && lastCall == 0 ? idle + 1 : 0;
    lastReads = reads;
    std::unique_lock<std::mutex> hold(watchLock_);
    if (idle <= IDLE_TICKS) {
      watchWake_.wait_for(hold, TICK);
      continue;
    }
    isWatchAsleep_ = true;
    if (reads == reads_) watchWake_.wait(hold);
    isWatchAsleep_ = false;
    idle = 0;
  }
}
