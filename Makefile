# `make serve` and `make test` do everything on a fresh machine.
