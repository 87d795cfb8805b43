"""The controller and the executor composed for tests against a real API server, with a clock that runs faster.

Where a fast clock meets times that are not its own:
- Controller and executor share one clock object, so what one writes the other reads on the same scale.
- What the server writes (creationTimestamp, deletionTimestamp, metadata of events) is real time. Neither machine
  compares it with its own, but for the grace of a final record, which counts from the deletion: on the fast clock it
  is over minutes after the start, so a scenario in which it must not be over names a long one.
- A busy machine would make it too fast for anybody to keep up: it is paced by the server's answers (`pace.py`).
- Timeouts of requests and of watches are real seconds: only waiting is sped up, the network is not.
- A lease would have to be renewed every 2 s of the fast clock, some 30 ms in reality, and a busy machine would lose it:
  safely, but again and again. So one controller runs without election, and where two share a lease, the lease's three
  times are longer by the same factor for both. Candidates of one lease must share one clock.
"""
