"""A stand-in for TONE3000: a server with the documented behavior of its API and made-up users, tones and files.

It serves tests and `shootout serve --fake-tone3000`. It runs as a separate process
(`python -m tone_shootout.fake_tone3000`), keeps its state in memory, and does not depend on the service. The `/control`
endpoints trigger faults and rare behavior on request: see `control`.
"""
