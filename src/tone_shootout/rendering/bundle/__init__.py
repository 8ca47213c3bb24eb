"""Everything of a result in one ZIP file, with its figures as tables, sentences and sessions of other programs."""
