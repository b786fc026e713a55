"""Jobs: long work that nobody waits for on the line.

::

    HTTP, command line --> JobBoard (records: the truth) <-- JobWorker replicas --> graph
                             |                                  ^       |
                             +--> broker: Celery on Redis, -----+       +--> objects: checkpoints, results
                                  or none: workers look themselves
"""
