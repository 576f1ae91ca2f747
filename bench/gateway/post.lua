-- The request of the benchmark, and one line with what wrk found: RESULT requests µs errors p50 p90 p99 p999 (µs).
wrk.method = "POST"
wrk.body = '[{"sepal":5.1,"petal":1.4,"width":0.2}]'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Z3JvdXA="

done = function(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9)))
end
