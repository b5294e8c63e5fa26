"""Many machines on Dask: one scheduler, a worker on each machine, and a run as the client.

```
iomodels run --cluster (launcher.py) ─ calls ─▶ scheduler (node.py) ──▶ worker (node.py)
  plan, seeds, records, verdicts                 holds nothing         Host (actor.py) ─▶ programs
```

The client has the launcher of every run; here its programs are on other machines. It asks for a
server on one worker and for load generators on the others. Each question goes to one Host, an actor
that wraps the launcher of its machine. Dask carries these calls, and its TLS decides who may make
them (credentials.py). clock.py and merge.py make one result of several load generators.

Only node.py imports `distributed`, and only a command with a cluster imports node.py.
"""
