"""A stand-in for TONE3000: what its API is known to do, with people, tones and files of our own.

For tests, and for `shootout serve --fake-tone3000`. It runs as a process of its own
(`python -m tone_shootout.fake_tone3000`), holds everything in memory, and knows nothing of the service that it is
made for. What real TONE3000 would do only sometimes, it does on request: see `control`.
"""
