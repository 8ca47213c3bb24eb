"""`python -m tone_shootout` is the `shootout` command."""

from tone_shootout.cli import main

main(prog_name="shootout")
