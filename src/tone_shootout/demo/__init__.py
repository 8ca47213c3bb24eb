"""What the demo plays: a dry guitar, captures of a modelled amplifier and two cabinets, all made here."""
