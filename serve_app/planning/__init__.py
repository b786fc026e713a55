r"""Planning: the graph as a discrete-event simulation, scaled by Ray Serve's own code, and what follows from it.

::

    hardware  what GPUs can do, hold and cost          curves  batch size x length -> seconds
                       \                              /
                        +----------- plan -----------+        replicas, GPUs, autoscaling values, cost
                                       |
                                  simulation   utterances through stages on devices (simpy)
                                       |
                                  autoscaler   Ray Serve's controller code, in simulated time

Plain Python: no torch, no running Ray.
"""
