#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "frames.h"
#include "processor.h"

/**
 * Answers requests with a pool of threads, one of which leads: it reads frames, works on short requests itself and sends the answers of
 * one read in one write, so that they cost no hand-off. It gives the lead to another before a long request: a body above
 * INLINE_BYTES_MAX, a batch, or any within a second of one that took more than a millisecond. From a leader that turns out to be in a
 * long call the watchdog takes the lead. There is one thread more than requests at once, so that one always reads, and sees the engine go.
 */
class Serving {
 public:
  Serving(Connection &connection, std::deque<Frame> pending, const Processor &processor)
      : connection_(connection), processor_(processor), pending_(std::move(pending)) {}

  /** Returns after SHUTDOWN, when all requests are answered. Ends the process when the engine goes. */
  void run(int requestsAtOnce);

 private:
  Connection &connection_;
  const Processor &processor_;

  std::mutex lock_;
  std::condition_variable leadIsFree_;
  /** Number of the leadership in force, 0: none. */
  uint64_t leader_ = 0;
  uint64_t lastLeader_ = 0;
  /** Number of the call that the leader is in, 0: none. Only from a leader in a call is the lead taken. */
  uint64_t call_ = 0;
  uint64_t calls_ = 0;
  bool isStopping_ = false;
  /** Gathered by the leader for one write. */
  Answers gathered_;

  /** Touched by the leader alone, outside of a call. */
  std::deque<Frame> pending_;
  std::atomic<int64_t> slowUntilNs_{0};

  std::mutex watchLock_;
  std::condition_variable watchWake_;
  std::atomic<bool> isWatchAsleep_{false};
  std::atomic<uint64_t> reads_{0};

  void work();
  void workInThread();
  /** Leads until it loses the lead; false when there is nothing more to do. */
  bool leadOnce();
  void leadUntilLost(uint64_t mine);
  void handOver(uint64_t leader);
  void readMore();
  void cancel(uint32_t id);
  void watch();
};
