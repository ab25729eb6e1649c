"""The live way in: a webhook is verified, encrypted, appended durably, and only then answered 200.

    serving       sockets, signals, both servers, the order in which everything stops
    sockets       a port to listen on, or one sentence why not; used by the dashboard too
    protocol      limits that uvicorn leaves open: endless headers, clients that never finish
    application   one request: path, size, signature, answer
    endpoints     path → provider and verifier; a new provider is one entry here
    sns           Amazon's certificates and confirmations, in a thread
    committing    captures to the writer, outcomes back
    frames        what travels between the two
    writing       the writer, a process of its own: whatever came while the last commit ran is the next
    archive       its append: wrapping key, encryption, log, counts
    backfill      SQLite's write-ahead file, brought into the database beside the commits
    sealing       checkpoints, in a third process, so that no delivery waits for them
    figures       what is counted, as Prometheus text
    status        /healthz and /metrics, on loopback alone

A sender that gets anything but 200 sends again, and the log knows bytes that it holds. So whenever
the outcome is in doubt the answer is 503, and the rule is kept that nothing acknowledged is lost
and nothing is stored twice. The receiver may read the clock, never a body, but for the envelope of
SNS, which holds its own signature.
"""
