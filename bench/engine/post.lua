-- 40 bytes of JSON, as a small prediction request; one machine-readable line at the end.
wrk.method = "POST"
wrk.body = os.getenv("LOAD_BODY") or '{"a":1,"b":2,"c":"xxxxxxxxxxxxxxxxxxxx"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "secret"

function done(summary, latency, requests)
  local e = summary.errors
  local bad = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, bad,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
