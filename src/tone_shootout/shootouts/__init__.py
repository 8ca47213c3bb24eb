"""What you compare: the library, chains, shootouts and their plans."""
